// Reads input and output of a running broker and shows them to the histories. It goes on where it was, so that what
// it has seen once and is gone or different later is found too: an end that went back, at the latest by the
// whole reading at the end of a run.

import { WireClient } from '../world/wire-client.ts'
import { Anomaly, InputHistory } from './history.ts'
import { type Ack, INPUT_TOPIC, PARTITIONS } from './load.ts'
import { Outputs, TopicReader } from './outputs.ts'

export class Checker {
  input: InputHistory
  outputs: Outputs
  private readonly seed: number
  private readonly dataDir: string | undefined
  private readonly acks: Ack[] = []
  private reader = new TopicReader()

  /** `dataDir`: where the job's files lie, if it writes any. */
  constructor(seed: number, dataDir?: string) {
    this.seed = seed
    this.dataDir = dataDir
    this.outputs = new Outputs(dataDir)
    this.input = new InputHistory(seed)
  }

  /** `acks` is what was acknowledged since the last call, taken before it. */
  async check(bootstrap: string, acks: readonly Ack[], hasJob: boolean): Promise<void> {
    this.take(acks)
    await using client = await WireClient.connect(bootstrap)
    // Output first: what it counts must be in the input that is read after it.
    if (hasJob) await this.outputs.read(client)
    await this.readInput(client)
    this.input.settle()
    this.outputs.within(this.input)
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
      const of = { topic: INPUT_TOPIC, partition, isolation: 'read_uncommitted' as const }
      await this.reader.readOn(client, of, (offset, key, value) =>
        this.input.read(partition, offset, String(key), String(value)),
      )
    }
  }

  /** All from its start, against all that was ever acknowledged; then the last totals. */
  async checkWhole(bootstrap: string, hasJob: boolean): Promise<void> {
    const before = this.input
    this.input = new InputHistory(this.seed)
    this.outputs = new Outputs(this.dataDir)
    this.reader = new TopicReader()
    for (const ack of this.acks) this.input.acknowledged(ack)
    await using client = await WireClient.connect(bootstrap)
    await this.readInput(client)
    this.input.settle()
    if (this.input.recordCount < before.recordCount)
      throw new Anomaly('lost', `${before.recordCount} records were read, now ${this.input.recordCount}`)
    if (!hasJob) return
    await this.outputs.read(client)
    this.outputs.equals(this.input)
  }
}
