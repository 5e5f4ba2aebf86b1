// The commit protocol without a checkpoint: a batch's state and records count when it commits, and are
// gone with the process. Records "in a topic" are kept here, for jobs that have no broker.

import type { BatchPlan, CommitProtocol, Recovered } from '../graph/contracts/commit.ts'
import type { BatchOutput, OutputRecord, TopicWriter } from '../graph/contracts/output.ts'
import type { StateHost, StateStore } from '../graph/contracts/state.ts'
import { MemoryStateStore } from './memory-state.ts'

export class MemoryProtocol implements CommitProtocol {
  readonly durable = false
  /** Where state is, unless it was placed elsewhere. */
  readonly memory = new MemoryStateStore()
  state: StateStore & Pick<StateHost, 'apply' | 'drop'> = this.memory
  private readonly topics = new Map<string, OutputRecord[]>()
  private staged: { topic: string; record: OutputRecord }[] = []

  /** Records of committed batches, in the order they were written. */
  records(topic: string): readonly OutputRecord[] {
    return this.topics.get(topic) ?? []
  }

  placeState(host: StateHost): void {
    this.state = host
  }

  recover(): Promise<Recovered | undefined> {
    return Promise.resolve(undefined)
  }

  begun(): void {}

  plan(): Promise<void> {
    return Promise.resolve()
  }

  begin(plan: BatchPlan): Promise<BatchOutput> {
    this.staged = []
    const writer = (topic: string): TopicWriter => ({
      isFull: false,
      write: (record) => void this.staged.push({ topic, record: { timestampMs: plan.timeMs, ...record } }),
      flush: () => Promise.resolve(),
    })
    return Promise.resolve({ writer: (_operatorId, topic) => Promise.resolve(writer(topic)) })
  }

  async commit(): Promise<void> {
    await this.state.apply()
    for (const { topic, record } of this.staged) {
      const records = this.topics.get(topic)
      if (records === undefined) this.topics.set(topic, [record])
      else records.push(record)
    }
    this.staged = []
  }

  async abort(): Promise<void> {
    this.staged = []
    await this.state.drop()
  }

  forget(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }
}
