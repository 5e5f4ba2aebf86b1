// A job in memory on a clock that the test moves: give batches in, move on, look at what came out. A batch takes no
// time and nothing happens by itself, so a test is as quick as its functions and comes out the same each time.

import { ManualClock } from '../../broker/time/manual-clock.ts'
import { MemoryProtocol } from '../../processor/executor/memory-protocol.ts'
import type { OutputRecord } from '../../processor/graph/contracts/output.ts'
import type { PoisonPolicy } from '../../processor/graph/contracts/poison.ts'
import { durationMs, type Duration } from '../../processor/graph/duration.ts'
import type { Key } from '../../processor/graph/key.ts'
import type { BatchInfo } from '../../processor/scheduler/listener.ts'
import type { OutputPort } from '../../processor/ports.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import type { DStream } from '../../processor/streams/dstream.ts'
import { TestInput, type TestInputOptions } from './inputs.ts'
import { TestOutput } from './outputs.ts'
import { type TestTopic, TestTopics } from './topics.ts'

export interface StreamingTestOptions {
  /** Default '1s'. */
  readonly batchDuration?: Duration
  /** What the clock shows at first; default: midnight, 1 January 2024 UTC, a multiple of every usual interval. */
  readonly startTime?: Date
  /** Partitions of shuffles and state; default 1. With more, a test sees whether the order of rows matters. */
  readonly parallelism?: number
  readonly appName?: string
  /** As of a context. */
  readonly onPoison?: PoisonPolicy
}

const NO_OUTPUT: OutputPort = {
  open: () => Promise.reject(new Error('a job under test has no transactions')),
  ensureTopic: () => Promise.resolve(1),
}

export class StreamingTest implements AsyncDisposable {
  /** The job's context: for all that the test needs of it besides. It is started by the first `advance` or `run`. */
  readonly context: StreamingContext
  /** What print() has written. */
  readonly lines: string[] = []
  /** What the job has warned of. */
  readonly warnings: string[] = []
  /** Batches that are committed. */
  readonly batches: BatchInfo[] = []
  private readonly clock: ManualClock
  private readonly commit = new MemoryProtocol()
  private readonly intervalMs: number
  private readonly inputs: TestInput<unknown>[] = []
  private readonly topics = new TestTopics()
  private nextBatchMs: number
  private due = 0
  private starting: Promise<void> | undefined
  private wake = () => {}

  constructor(options: StreamingTestOptions = {}) {
    const { batchDuration = '1s', startTime = new Date(Date.UTC(2024, 0, 1)), appName = 'test' } = options
    const { commit, lines, warnings, batches } = this
    const clock = new ManualClock(startTime.getTime())
    this.clock = clock
    this.intervalMs = durationMs(batchDuration, 'batchDuration')
    this.nextBatchMs = (Math.floor(clock.now() / this.intervalMs) + 1) * this.intervalMs
    this.context = new StreamingContext({
      appName,
      batchDuration,
      clock,
      commit,
      // Records are written through `commit`: nothing else is ever asked of a broker.
      broker: { logViews: this.topics, output: NO_OUTPUT },
      onPoison: options.onPoison ?? 'fatal',
      parallelism: options.parallelism ?? 1,
      executor: { monotonicMs: () => clock.now() },
      writeLine: (line) => lines.push(line),
      warn: (message) => warnings.push(message),
    })
    this.context.addStreamingListener({
      onBatchCompleted: (batch) => {
        batches.push(batch)
        this.wake()
      },
    })
  }

  /** A stream that the test feeds. */
  input<T>(options: TestInputOptions = {}): TestInput<T> {
    const input = new TestInput<T>(this.context, options)
    this.inputs.push(input as TestInput<unknown>)
    return input
  }

  /** A topic that the test feeds, for jobs that read it by name. */
  topic(name: string, options: { readonly partitions?: number } = {}): TestTopic {
    return this.topics.topic(name, options.partitions ?? 1)
  }

  /** Collects what the stream yields from the first batch on. */
  output<T>(stream: DStream<T>): TestOutput<T> {
    return new TestOutput(stream, () => this.batches.length)
  }

  /** What the clock shows. */
  get time(): Date {
    return new Date(this.clock.now())
  }

  /**
   * Lets time pass, one batch unless told otherwise, and resolves when all batches that fell due are committed.
   * Rejects with the BatchError of one that failed. A function that waits for a timer of its own is waited for.
   */
  async advance(duration: Duration = this.intervalMs): Promise<void> {
    await this.started()
    const untilMs = this.clock.now() + durationMs(duration, 'duration')
    for (; this.nextBatchMs <= untilMs; this.nextBatchMs += this.intervalMs) {
      for (const topic of this.topics.all) topic.arrive(this.clock.now())
      this.due++
      await this.clock.advance(this.nextBatchMs - this.clock.now())
      await this.committed()
    }
    await this.clock.advance(untilMs - this.clock.now())
  }

  /** Moves on until all batches that were given are committed. */
  async run(): Promise<void> {
    do await this.advance()
    while ([...this.inputs, ...this.topics.all].some(({ waiting }) => waiting > 0))
  }

  /** The committed state of an operator, by key: of a stateful stream, or of the name it was given. */
  state<S = unknown>(of: string | { readonly name: string }): Map<Key, S> {
    return this.commit.memory.entries(typeof of === 'string' ? of : of.name) as Map<Key, S>
  }

  /** Records that committed batches have written into a topic, in their order. */
  records(topic: string): readonly OutputRecord[] {
    return this.commit.records(topic)
  }

  /** Ends the job; a test that leaves it running leaves nothing behind but memory. */
  async stop(): Promise<void> {
    await this.context.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  private async started(): Promise<void> {
    this.starting ??= this.context.start()
    await this.starting
  }

  private async committed(): Promise<void> {
    while (this.batches.length < this.due) {
      // Whoever waits for something outside, a file say, is waited for; a job that has ended is not.
      const woken = new Promise<void>((resolve) => (this.wake = resolve))
      await Promise.race([woken, this.context.awaitTermination()])
      if (this.context.getState() === 'STOPPED') throw new Error('the job was stopped')
    }
    if (this.context.getState() === 'STOPPED') await this.context.awaitTermination()
  }
}
