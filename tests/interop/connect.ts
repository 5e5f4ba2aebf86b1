// A Kafka Connect worker: connect-distributed, driven through its REST interface, or connect-standalone, driven by
// files. The connectors are Kafka's own for files: each line of a file is a record.

import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { classpath } from './clients.ts'
import { ran } from './report/ran.ts'
import { jarVersion } from './report/versions.ts'
import { Running } from './world.ts'
import { tool } from './tools.ts'

export interface Connector {
  name: string
  config: Readonly<Record<string, string>>
}

export function fileSource(name: string, file: string, topic: string): Connector {
  const connector = 'org.apache.kafka.connect.file.FileStreamSourceConnector'
  return { name, config: { 'connector.class': connector, 'tasks.max': '1', file, topic } }
}

export function fileSink(name: string, file: string, topics: string): Connector {
  const connector = 'org.apache.kafka.connect.file.FileStreamSinkConnector'
  return { name, config: { 'connector.class': connector, 'tasks.max': '1', file, topics } }
}

export class ConnectWorker {
  private readonly running: Running
  private readonly rest: string
  /** What the REST interface last said when it said no: most often that it is not ready yet. */
  private refusal = 'none'

  private constructor(running: Running, rest: string) {
    this.running = running
    this.rest = rest
  }

  /** `folder` keeps the worker's files, and what it knows of source offsets: give a second one the same. */
  static async standalone(
    bootstrap: string,
    folder: string,
    connectors: readonly Connector[],
  ): Promise<ConnectWorker> {
    return ConnectWorker.start('connect-standalone', folder, connectors, {
      'bootstrap.servers': bootstrap,
      'offset.storage.file.filename': join(folder, 'source-offsets'),
    })
  }

  /** `id` names the group and the three topics that the worker keeps everything in. */
  static async distributed(
    bootstrap: string,
    folder: string,
    id: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<ConnectWorker> {
    const topics = ['config', 'offset', 'status'].flatMap((what) => [
      [`${what}.storage.topic`, `${id}-${what}`],
      [`${what}.storage.replication.factor`, '1'],
    ])
    return ConnectWorker.start('connect-distributed', folder, [], {
      'bootstrap.servers': bootstrap,
      'group.id': id,
      ...(Object.fromEntries(topics) as Record<string, string>),
      'offset.storage.partitions': '2',
      'status.storage.partitions': '1',
      // A worker that was killed is waited for this long before its connectors go to another.
      'scheduled.rebalance.max.delay.ms': '0',
      'session.timeout.ms': '6000',
      'heartbeat.interval.ms': '500',
      // And its sinks' consumers, which are members of groups of their own, this long.
      'consumer.session.timeout.ms': '6000',
      'consumer.heartbeat.interval.ms': '500',
      ...more,
    })
  }

  private static async start(
    script: 'connect-standalone' | 'connect-distributed',
    folder: string,
    connectors: readonly Connector[],
    properties: Readonly<Record<string, string>>,
  ): Promise<ConnectWorker> {
    mkdirSync(folder, { recursive: true })
    const rest = `http://127.0.0.1:${await freePort()}`
    const string = 'org.apache.kafka.connect.storage.StringConverter'
    const worker = propertiesFile(join(folder, 'worker.properties'), {
      listeners: rest,
      'key.converter': string,
      'value.converter': string,
      'plugin.discovery': 'service_load',
      'offset.flush.interval.ms': '500',
      ...properties,
    })
    const files = connectors.map(({ name, config }) =>
      propertiesFile(join(folder, `${name}.properties`), { name, ...config }),
    )
    ran({ kind: 'framework', name: 'Kafka Connect', version: jarVersion(classpath(), 'connect-runtime') })
    const running = new ConnectWorker(new Running(tool(script, worker, ...files)), rest)
    await running.until(
      'the REST interface',
      async () => (await running.ask('GET', '/connectors')) !== undefined,
    )
    return running
  }

  async put({ name, config }: Connector): Promise<void> {
    await this.until(`connector ${name}`, async () => {
      // Until the worker has joined its group it answers 409 or 503.
      if ((await this.ask('PUT', `/connectors/${name}/config`, config)) !== undefined) return true
      if (this.refusal.includes(': 400 ')) throw new Error(this.refusal)
      return false
    })
  }

  /** The states of a connector and its tasks; with a task's stack trace where it has failed. */
  async states(name: string): Promise<string[]> {
    interface Status {
      connector: { state: string }
      tasks: { state: string; trace?: string }[]
    }
    const status = (await this.ask('GET', `/connectors/${name}/status`)) as Status | undefined
    if (status === undefined) return []
    return [status.connector.state, ...status.tasks.map(({ state, trace = '' }) => `${state}${trace}`)]
  }

  async waitUntilRunning(name: string): Promise<void> {
    await this.until(`${name} to run`, async () => {
      const states = await this.states(name)
      const failed = states.find((state) => state.startsWith('FAILED'))
      if (failed !== undefined) throw new Error(failed)
      return states.length > 1 && states.every((state) => state === 'RUNNING')
    })
  }

  /** Looks again and again, as long as the worker lives. */
  async until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.running.child.exitCode !== null) throw this.running.failure(`the worker ended before ${what}`)
      if (await holds()) return
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
    throw this.running.failure(`no ${what} in time; last refusal: ${this.refusal}`)
  }

  /** Ends it as a user does: connectors stop, offsets are committed. */
  async stop(): Promise<void> {
    this.running.child.kill('SIGTERM')
    await this.running.ended
  }

  async kill(): Promise<void> {
    this.running.child.kill('SIGKILL')
    await this.running.ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }

  /** Undefined unless the answer is a success. */
  private async ask(method: string, path: string, body?: object): Promise<unknown> {
    try {
      const answer = await fetch(`${this.rest}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      if (answer.ok) return await answer.json()
      this.refusal = `${method} ${path}: ${answer.status} ${await answer.text()}`
      return undefined
    } catch {
      return undefined // not listening yet, or no more
    }
  }
}

const AGAIN_MS = 200
const ATTEMPTS = 450

function propertiesFile(path: string, properties: Readonly<Record<string, string>>): string {
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(path, lines.join(''))
  return path
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  await new Promise((resolve) => server.close(resolve))
  return port
}
