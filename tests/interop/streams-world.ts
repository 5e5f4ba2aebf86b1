// A Kafka Streams word count beside the test: the application, its input, and what a reader of committed
// records sees in its output.

import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { type Consumer } from 'kafkajs'
import { java } from './clients.ts'
import { here, Running } from './world.ts'

const { Kafka, logLevel } = kafkajs

const WORDS = 'one two three four five six seven eight nine ten'.split(' ')

/** Lines of some words each; the same lines for the same numbers. */
export function lines(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) =>
    [0, 1, 2].map((place) => WORDS[((from + i) * 7 + place * (from + i + 3)) % WORDS.length]).join(' '),
  )
}

/** How often each word is in the lines. */
export function wordCount(text: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of text.flatMap((line) => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

export async function writeLines(bootstrap: string, topic: string, text: readonly string[]): Promise<void> {
  const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR }).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  await producer.send({
    topic,
    messages: text.map((value, i) => ({ key: `line-${i}`, value })),
  })
  await producer.disconnect()
}

/** One instance of the application: tests/interop/java/StreamsApp.java. */
export class StreamsApp {
  readonly running: Running

  constructor(
    bootstrap: string,
    application: { id: string; input: string; output: string; stateDir: string },
    settings: Record<string, string> = {},
  ) {
    const { id, input, output, stateDir } = application
    const more = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
    this.running = new Running(
      java(join(here, 'java', 'StreamsApp.java'), bootstrap, id, input, output, stateDir, ...more),
    )
  }

  /** Active tasks that it holds, by its last word. */
  get held(): number {
    const line = this.running.lines.findLast((told) => told.startsWith('held '))
    return Number(line?.slice('held '.length) ?? 0)
  }

  get state(): string {
    return this.running.lines.findLast((told) => told.startsWith('state '))?.slice('state '.length) ?? ''
  }

  /** Closes it, as an operator would. */
  async stop(): Promise<void> {
    this.running.child.stdin?.end()
    const code = await this.running.ended
    if (code !== 0 || this.state === 'ERROR') throw this.running.failure(`stopped with ${code}`)
  }

  /** kill -9: what it had in flight is for the broker to abort. */
  async kill(): Promise<void> {
    this.running.child.kill('SIGKILL')
    await this.running.ended
  }
}

/** A folder for the state of instances, gone at the end. */
export class StateFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'logmill-streams-'));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Every committed update of a count from the beginning, in order, by word. */
export class Output implements AsyncDisposable {
  readonly updates = new Map<string, string[]>()
  private readonly watchers = new Set<() => void>()
  private readonly consumer: Consumer

  private constructor(consumer: Consumer) {
    this.consumer = consumer
  }

  static async read(bootstrap: string, topic: string): Promise<Output> {
    const consumer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).consumer({
      groupId: `reader-${randomUUID()}`,
      maxWaitTimeInMs: 100,
    })
    const output = new Output(consumer)
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => output.saw(String(message.key), String(message.value)),
    })
    return output
  }

  /** Resolves when every word has been told as often as it was written. A word told once more is found too. */
  holds(text: readonly string[]): Promise<void> {
    const wanted = [...wordCount(text)]
    return new Promise((done) => {
      const look = (): void => {
        if (!wanted.every(([word, count]) => (this.updates.get(word)?.length ?? 0) >= count)) return
        this.watchers.delete(look)
        done()
      }
      this.watchers.add(look)
      look()
    })
  }

  private saw(word: string, count: string): void {
    const updates = this.updates.get(word) ?? []
    updates.push(count)
    this.updates.set(word, updates)
    for (const look of this.watchers) look()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.consumer.disconnect()
  }
}
