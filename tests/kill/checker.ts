// Reads both topics of a running broker and shows them to the histories. It goes on where it was, so that what
// it has seen once and is gone or different later is found too: an end that went back, at the latest by the
// whole reading at the end of a run.

import { readLog } from '../world/read-log.ts'
import { WireClient } from '../world/wire-client.ts'
import { Anomaly, InputHistory, OutputHistory } from './history.ts'
import { type Ack, INPUT_TOPIC, OUTPUT_PARTITIONS, OUTPUT_TOPIC, PARTITIONS } from './load.ts'

export class Checker {
  input: InputHistory
  output = new OutputHistory()
  private readonly seed: number
  private readonly acks: Ack[] = []
  private readonly next = new Map<string, bigint>()

  constructor(seed: number) {
    this.seed = seed
    this.input = new InputHistory(seed)
  }

  /** `acks` is what was acknowledged since the last call, taken before it. */
  async check(bootstrap: string, acks: readonly Ack[], hasJob: boolean): Promise<void> {
    this.take(acks)
    await using client = await WireClient.connect(bootstrap)
    // Output first: what it counts must be in the input that is read after it.
    if (hasJob) await this.readOutput(client)
    await this.readInput(client)
    this.input.settle()
    this.output.within(this.input.counts)
  }

  /** Notes acknowledgements without looking at the log yet. */
  take(acks: readonly Ack[]): void {
    for (const ack of acks) {
      this.acks.push(ack)
      this.input.acknowledged(ack)
    }
  }

  async readInput(client: WireClient): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await this.readOn(client, INPUT_TOPIC, partition, 'read_uncommitted', (offset, key, value) =>
        this.input.read(partition, offset, String(key), String(value)),
      )
    }
  }

  async readOutput(client: WireClient): Promise<void> {
    for (let partition = 0; partition < OUTPUT_PARTITIONS; partition++) {
      await this.readOn(client, OUTPUT_TOPIC, partition, 'read_committed', (offset, key, value) =>
        this.output.read(offset, String(key), Number(value)),
      )
    }
  }

  /** Both topics from their start, against all that was ever acknowledged; then the last totals. */
  async checkWhole(bootstrap: string, hasJob: boolean): Promise<void> {
    const before = this.input
    this.input = new InputHistory(this.seed)
    this.output = new OutputHistory()
    this.next.clear()
    for (const ack of this.acks) this.input.acknowledged(ack)
    await using client = await WireClient.connect(bootstrap)
    await this.readInput(client)
    this.input.settle()
    if (this.input.recordCount < before.recordCount)
      throw new Anomaly('lost', `${before.recordCount} records were read, now ${this.input.recordCount}`)
    if (!hasJob) return
    await this.readOutput(client)
    this.output.equals(this.input.counts)
  }

  private async readOn(
    client: WireClient,
    topic: string,
    partition: number,
    isolation: 'read_uncommitted' | 'read_committed',
    show: (offset: bigint, key: Buffer | null, value: Buffer | null) => void,
  ): Promise<void> {
    const name = `${topic}-${partition}`
    const fromOffset = this.next.get(name) ?? 0n
    const end = await readLog(client, { topic, partition, fromOffset, isolation }, (offset, key, value) => {
      show(offset, key, value)
      this.next.set(name, offset + 1n)
    })
    this.next.set(name, end)
  }
}
