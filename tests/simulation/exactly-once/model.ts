// What the world has to come to, told by the input and the group's offsets alone. It reads each record of the log once
// and keeps its place, so that it can be asked after every batch.

import { groupIdOf } from '../../../processor/checkpoint/decision.ts'
import type { ModelLog, ModelPartition, ModelRecord } from '../../processor/model-log.ts'
import { APP, type KeyState } from './job.ts'

/** The records of one key, which lives in one partition. */
interface KeyInputs {
  readonly partition: number
  readonly offsets: bigint[]
  readonly ids: string[]
  /** Records of the output that were found to be the right ones. */
  written: number
}

export class Model {
  private readonly log: ModelLog
  private readonly keys = new Map<string, KeyInputs>()
  private readonly read = new Map<ModelPartition, number>()

  constructor(log: ModelLog) {
    this.log = log
  }

  lag(): bigint {
    let lag = 0n
    for (const { partition, stableEndOffset } of this.log.partitions.get('in') ?? []) {
      lag += stableEndOffset - this.groupOffset(partition)
    }
    return lag
  }

  /** Records that readers see: it only grows. */
  get visible(): number {
    return (this.log.partitions.get('out') ?? []).reduce((sum, { committed }) => sum + committed.length, 0)
  }

  /** The last batch that the log decided; 0 for none. */
  get decided(): number {
    let decided = 0
    for (const { metadata } of this.log.groups.get(groupIdOf(APP))?.values() ?? []) {
      decided = Math.max(decided, Number(metadata.split(' ')[3]))
    }
    return decided
  }

  /** I16 and I17: what readers see is f of what the group's offsets say was read, in order per key. */
  checkOutput(): void {
    this.readInputs()
    for (const { key, value } of this.news('out')) {
      const inputs = this.keys.get(String(key))
      const id = inputs?.ids[inputs.written]
      const ought = id === undefined ? 'nothing' : `${id} ${(inputs?.written ?? 0) + 1}`
      must(value === ought, `I17: the output of ${key} goes on with '${value}' and ought to with '${ought}'`)
      if (inputs !== undefined) inputs.written++
    }
    for (const [key, inputs] of this.keys) {
      const ought = countBelow(inputs, this.groupOffset(inputs.partition))
      must(
        inputs.written === ought,
        `I17: the output of ${key} has ${inputs.written} records and ought to have ${ought}`,
      )
    }
  }

  /** I17: state(n) = fold(inputs[0..offsets(n))). */
  checkState(found: ReadonlyMap<string, KeyState>, offsetOf: (partition: number) => bigint): void {
    this.readInputs()
    for (const key of found.keys()) must(this.keys.has(key), `I17: the state of ${key} was made of nothing`)
    for (const [key, inputs] of this.keys) {
      const count = countBelow(inputs, offsetOf(inputs.partition))
      const ought = count === 0 ? 'nothing' : `${count} ${inputs.ids[count - 1]}`
      const state = found.get(key)
      const is = state === undefined ? 'nothing' : `${state.count} ${state.last}`
      must(is === ought, `I17: the state of ${key} is ${is} and ought to be ${ought}`)
    }
  }

  /** What a sink outside the log has, which takes each batch id once. */
  checkExternal(batches: ReadonlyMap<number, readonly string[]>): void {
    this.readInputs()
    const found = [...batches.values()].flat().sort()
    const expected = [...this.keys.values()].flatMap((inputs) =>
      inputs.ids.slice(0, countBelow(inputs, this.groupOffset(inputs.partition))),
    )
    must(
      found.join() === expected.sort().join(),
      `the sink outside has ${found.length} records, of ${expected.length}: not each input once`,
    )
  }

  private readInputs(): void {
    for (const { key, value, offset, partition } of this.news('in')) {
      let inputs = this.keys.get(String(key))
      if (inputs === undefined) {
        this.keys.set(String(key), (inputs = { partition, offsets: [], ids: [], written: 0 }))
      }
      inputs.offsets.push(offset)
      inputs.ids.push(String(value))
    }
  }

  private *news(topic: string): Generator<ModelRecord & { partition: number }> {
    for (const partition of this.log.partitions.get(topic) ?? []) {
      const { committed } = partition
      for (let at = this.read.get(partition) ?? 0; at < committed.length; at++) {
        yield { ...(committed[at] as ModelRecord), partition: partition.partition }
      }
      this.read.set(partition, committed.length)
    }
  }

  private groupOffset(partition: number): bigint {
    return this.log.groups.get(groupIdOf(APP))?.get(`in-${partition}`)?.offset ?? 0n
  }
}

/** Few are above: what is asked for lies near the end. */
function countBelow({ offsets }: KeyInputs, offset: bigint): number {
  let count = offsets.length
  while (count > 0 && (offsets[count - 1] as bigint) >= offset) count--
  return count
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}
