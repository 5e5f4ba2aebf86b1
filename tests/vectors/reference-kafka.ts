// A fresh Apache Kafka of one node from the Java distribution that the interop suite installs: the broker whose
// answers count.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { java } from '../interop/clients.ts'
import { referenceSettings } from './reference-settings.ts'
import { Running, run } from '../interop/world.ts'
import { WireClient } from '../world/wire-client.ts'

const STARTUP_DEADLINE_MS = 90_000
const SETTLE_MS = 12_000
const LOOK_AGAIN_MS = 200

export class ReferenceKafka {
  readonly port: number
  readonly dataDir: string
  private readonly running: Running

  private constructor(running: Running, port: number, dataDir: string) {
    this.running = running
    this.port = port
    this.dataDir = dataDir
  }

  /** `advertised`: the port that clients are told, if it is not the broker's own. */
  static async start(advertised?: number): Promise<ReferenceKafka> {
    const dataDir = mkdtempSync(join(tmpdir(), 'logmill-kafka-'))
    // What the broker says to itself does not pass where clients are listened to.
    const [port, internalPort, controllerPort] = await freePorts()
    const properties = join(dataDir, 'server.properties')
    writeFileSync(
      properties,
      `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},INTERNAL://127.0.0.1:${internalPort},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${advertised ?? port},INTERNAL://127.0.0.1:${internalPort}
inter.broker.listener.name=INTERNAL
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(dataDir, 'data')}
${Object.entries(referenceSettings)
  .map(([key, value]) => `${key}=${value}\n`)
  .join('')}`,
    )
    // Any 16 bytes do for the id.
    const format = ['format', '--standalone', '-t', 'bG9nbWlsbC12ZWN0b3JzMQ', '-c', properties]
    await run(java('kafka.tools.StorageTool', ...format))
    const kafka = new ReferenceKafka(new Running(java('kafka.Kafka', properties)), port, dataDir)
    try {
      await kafka.ready()
      return kafka
    } catch (error) {
      await kafka[Symbol.asyncDispose]()
      throw error
    }
  }

  private async ready(): Promise<void> {
    const isAlive = () => this.running.child.exitCode === null && this.running.child.signalCode === null
    const attempts = STARTUP_DEADLINE_MS / LOOK_AGAIN_MS
    for (let attempt = 0; attempt < attempts && isAlive(); attempt++) {
      try {
        await (await WireClient.connect(`127.0.0.1:${this.port}`)).close()
        // The port opens before the broker has caught up with its metadata, and there is nothing to ask then.
        await pause(SETTLE_MS)
        return
      } catch {
        await pause(LOOK_AGAIN_MS)
      }
    }
    throw this.running.failure('the reference broker does not get ready')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.running.child.kill('SIGKILL')
    await this.running.ended
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
        ),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports as [number, number, number]
}
