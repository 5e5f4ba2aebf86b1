// Produces the corpus into a topic with kafkajs, over a socket. The topic has one partition and one writer,
// so a line's offset is its number: after any stop, the log's end says which line comes next. Nothing is
// sent twice, and nothing has to be remembered.

import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs

const LINES_PER_REQUEST = 2000
/** Minified files have lines of a megabyte; the rest of such a line is not text. */
const LONGEST_LINE = 10_000

export interface FeederOptions {
  bootstrapServers: string
  topic: string
  lines: AsyncIterable<string>
  /** Lines that are in the log already. */
  skip: bigint
  /** The processor's distance behind the log's end; the feeder waits while it is large. */
  lag(): bigint
  maxLag: bigint
}

export class Feeder {
  sent = 0n
  done = false
  private stopping = false
  private readonly options: FeederOptions

  constructor(options: FeederOptions) {
    this.options = options
  }

  /** Resolves when every line is in the log, or after stop(). */
  async run(): Promise<void> {
    const { bootstrapServers, topic, lines, skip } = this.options
    const kafka = new Kafka({
      clientId: 'demo-feeder',
      brokers: [bootstrapServers],
      logLevel: logLevel.ERROR,
    })
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    try {
      let number = 0n
      let messages: { value: string }[] = []
      for await (const line of lines) {
        if (this.stopping) return
        if (number++ < skip) continue
        messages.push({ value: line.length > LONGEST_LINE ? line.slice(0, LONGEST_LINE) : line })
        if (messages.length === LINES_PER_REQUEST) {
          await this.hasRoom()
          await this.send(producer, topic, messages)
          messages = []
        }
      }
      if (messages.length > 0) await this.send(producer, topic, messages)
      this.done = !this.stopping
    } finally {
      await producer.disconnect()
    }
  }

  stop(): void {
    this.stopping = true
  }

  private async send(
    producer: kafkajs.Producer,
    topic: string,
    messages: { value: string }[],
  ): Promise<void> {
    if (this.stopping) return
    await producer.send({ topic, messages, acks: -1 })
    this.sent += BigInt(messages.length)
  }

  /** A demo shows a job that keeps up: the feeder waits for it, as a source with back-pressure would. */
  private async hasRoom(): Promise<void> {
    const { lag, maxLag } = this.options
    while (!this.stopping && lag() > maxLag) await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
