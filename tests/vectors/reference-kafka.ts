// A fresh Apache Kafka of one node from the Java distribution that the interop suite installs: the broker whose
// answers count.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { java } from '../interop/clients.ts'
import { referenceSettings } from './reference-settings.ts'
import { Running, run } from '../interop/world.ts'
import { certificate } from '../world/guard.ts'
import { WireClient } from '../world/wire-client.ts'

const STARTUP_DEADLINE_MS = 90_000
const SETTLE_MS = 12_000
const LOOK_AGAIN_MS = 200

/** A listener of SASL_SSL beside the plain one, with the certificates of tests/world/certificates. */
export interface SecureListener {
  readonly username: string
  readonly password: string
  /** Milliseconds until a session is over; default: never. */
  readonly reauthMs?: number
}

export class ReferenceKafka {
  readonly port: number
  /** Of SASL_SSL, where it was asked for. */
  readonly securePort: number
  readonly dataDir: string
  private readonly running: Running

  private constructor(running: Running, [port, , , securePort]: Ports, dataDir: string) {
    this.running = running
    this.port = port
    this.securePort = securePort
    this.dataDir = dataDir
  }

  /** `advertised`: the port that clients are told, if it is not the broker's own. */
  static async start(advertised?: number, secure?: SecureListener): Promise<ReferenceKafka> {
    const dataDir = mkdtempSync(join(tmpdir(), 'logmill-kafka-'))
    // What the broker says to itself does not pass where clients are listened to.
    const ports = await freePorts()
    const [port, internalPort, controllerPort, securePort] = ports
    const secured = secure === undefined ? '' : `,SECURE://127.0.0.1:${securePort}`
    const properties = join(dataDir, 'server.properties')
    writeFileSync(
      properties,
      `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},INTERNAL://127.0.0.1:${internalPort},CONTROLLER://127.0.0.1:${controllerPort}${secured}
advertised.listeners=PLAINTEXT://127.0.0.1:${advertised ?? port},INTERNAL://127.0.0.1:${internalPort}${secured}
inter.broker.listener.name=INTERNAL
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
log.dirs=${join(dataDir, 'data')}
${Object.entries(referenceSettings)
  .map(([key, value]) => `${key}=${value}\n`)
  .join('')}${secure === undefined ? '' : secureSettings(dataDir, secure)}`,
    )
    // Any 16 bytes do for the id.
    const format = ['format', '--standalone', '-t', 'bG9nbWlsbC12ZWN0b3JzMQ', '-c', properties]
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
      secure === undefined
        ? []
        : ['--add-scram', `${mechanism}=[name=${secure.username},password=${secure.password}]`],
    )
    await run(java('kafka.tools.StorageTool', ...format, ...scram))
    const kafka = new ReferenceKafka(new Running(java('kafka.Kafka', properties)), ports, dataDir)
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

function secureSettings(dataDir: string, { username, password, reauthMs = 0 }: SecureListener): string {
  // One file with key and certificate is what Kafka calls a keystore of type PEM (KIP-651).
  const keystore = join(dataDir, 'keystore.pem')
  writeFileSync(keystore, `${certificate('server.key')}${certificate('server.pem')}`)
  const logins = {
    'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
    'scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  }
  return `ssl.keystore.type=PEM
ssl.keystore.location=${keystore}
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
connections.max.reauth.ms=${reauthMs}
${Object.entries(logins)
  .map(([key, value]) => `listener.name.secure.${key}=${value}\n`)
  .join('')}`
}

type Ports = [clients: number, internal: number, controller: number, secure: number]

async function freePorts(): Promise<Ports> {
  const servers = [createServer(), createServer(), createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
        ),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports as Ports
}
