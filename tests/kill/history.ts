// The checkers: they are shown what was acknowledged and what readers saw, and name the first thing that
// cannot be. They know nothing of how the broker works.
//
//   input    lost: acknowledged, not in the log (or a hole in a writer's order)   duplicate   reordered
//            changed: the bytes are not those that were sent   moved: it stands where nobody said it stands
//            gap: offsets are not dense
//   output   repeated: a total that was there already   backwards: a smaller one
//            invented: more than the input has        wrong: the last total is not the count of the input
//   visits   skipped: a count that does not follow its word's last one; repeated, invented, wrong as above

import { type Ack, isVisit, keyOf, lineOf, parseKey, VISITS_STEP } from './load.ts'

export class Anomaly extends Error {
  override readonly name = 'Anomaly'
  readonly kind: string

  constructor(kind: string, what: string) {
    super(`${kind}: ${what}`)
    this.kind = kind
  }
}

export class InputHistory {
  readonly counts = new Map<string, number>()
  /** How often a word came as the first of two. */
  readonly visits = new Map<string, number>()
  recordCount = 0
  ackedCount = 0
  private readonly seed: number
  private readonly nextOffset = new Map<number, number>()
  /** Of each lane: the offset of its n-th record. */
  private readonly offsets = new Map<string, number[]>()
  private acks: Ack[] = []

  constructor(seed: number) {
    this.seed = seed
  }

  acknowledged(ack: Ack): void {
    this.acks.push(ack)
    this.ackedCount += ack.count
  }

  /** The next record of a partition as a reader got it. */
  read(partition: number, offset: bigint, key: string, value: string): void {
    const expected = this.nextOffset.get(partition) ?? 0
    if (Number(offset) !== expected)
      throw new Anomaly('gap', `partition ${partition} has offset ${offset} where ${expected} follows`)
    this.nextOffset.set(partition, expected + 1)
    const id = parseKey(key)
    if (id === undefined)
      throw new Anomaly('changed', `partition ${partition} offset ${offset}: key '${key}'`)
    const lane = this.lane(partition, id.producer)
    const where = `partition ${partition} offset ${offset}: record ${key}`
    if (id.sequence < lane.length)
      throw new Anomaly('duplicate', `${where} was there at ${lane[id.sequence]} already`)
    if (id.sequence > lane.length)
      throw new Anomaly('lost', `${where} follows ${keyOf(id.producer, lane.length - 1)}`)
    const line = lineOf(this.seed, { partition, producer: id.producer }, id.sequence)
    if (value !== line) throw new Anomaly('changed', `${where} is '${value}', sent was '${line}'`)
    lane.push(expected)
    this.recordCount++
    const words = line.split(' ')
    for (const word of words) this.counts.set(word, (this.counts.get(word) ?? 0) + 1)
    const [first = ''] = words
    if (isVisit(words)) this.visits.set(first, (this.visits.get(first) ?? 0) + 1)
  }

  /** Everything acknowledged so far must have been read by now, where the broker said it is. */
  settle(): void {
    for (const { partition, producer, firstSequence, count, baseOffset } of this.acks) {
      const lane = this.lane(partition, producer)
      for (let i = 0; i < count; i++) {
        const record = `partition ${partition} record ${keyOf(producer, firstSequence + i)}`
        const acked = Number(baseOffset) + i
        const found = lane[firstSequence + i]
        if (found === undefined)
          throw new Anomaly(
            'lost',
            `${record} was acknowledged at ${acked}, the log ends at ${this.nextOffset.get(partition) ?? 0}`,
          )
        if (found !== acked)
          throw new Anomaly('moved', `${record} was acknowledged at ${acked}, is at ${found}`)
      }
    }
    this.acks = []
  }

  /** How many acknowledged records are not there: for the control that must lose some. */
  missing(): number {
    let missing = 0
    for (const { partition, producer, firstSequence, count } of this.acks)
      missing += Math.max(0, Math.min(count, firstSequence + count - this.lane(partition, producer).length))
    return missing
  }

  private lane(partition: number, producer: number): number[] {
    const name = `${partition}/${producer}`
    let lane = this.offsets.get(name)
    if (lane === undefined) this.offsets.set(name, (lane = []))
    return lane
  }
}

export class OutputHistory {
  readonly totals = new Map<string, number>()
  /** Of each word's totals in their order: equal where the totals are. */
  readonly prints = new Map<string, number>()
  recordCount = 0

  /** The next record of the output topic as a read_committed reader got it, or the next row of files. */
  read(offset: bigint, word: string, total: number): void {
    const before = this.totals.get(word)
    if (!Number.isSafeInteger(total) || total <= 0)
      throw new Anomaly('wrong', `offset ${offset}: '${word}' has the total ${total}`)
    if (total === before) throw new Anomaly('repeated', `offset ${offset}: '${word}' ${total} once more`)
    if (before !== undefined && total < before)
      throw new Anomaly('backwards', `offset ${offset}: '${word}' went from ${before} to ${total}`)
    this.totals.set(word, total)
    this.prints.set(word, (Math.imul(this.prints.get(word) ?? 0, 31) + total) | 0)
    this.recordCount++
  }

  sum(): number {
    let sum = 0
    for (const total of this.totals.values()) sum += total
    return sum
  }

  /** `counts` are of all input that was there when the output was read, or more. */
  within(counts: ReadonlyMap<string, number>): void {
    for (const [word, total] of this.totals) {
      const count = counts.get(word) ?? 0
      if (total > count) throw new Anomaly('invented', `'${word}' has the total ${total}, the input ${count}`)
    }
  }

  /** At the end: each word's last total is its count. */
  equals(counts: ReadonlyMap<string, number>): void {
    this.within(counts)
    for (const [word, count] of counts) {
      const total = this.totals.get(word) ?? 0
      if (total !== count) throw new Anomaly('wrong', `'${word}' has the total ${total}, the input ${count}`)
    }
  }
}

export class VisitHistory {
  recordCount = 0
  /** Words given up, and how often. */
  goneCount = 0
  private readonly words = new Map<string, { gone: number; count: number }>()

  /** The next record of the topic of visits as a read_committed reader got it. */
  read(offset: bigint, word: string, what: string): void {
    const { gone, count } = this.told(word)
    const [kind, text] = what.split(' ')
    const now = Number(text)
    const where = `offset ${offset}: '${word}' has '${what}' behind ${count}`
    if (kind === 'count') {
      if (now === count) throw new Anomaly('repeated', where)
      if (now !== count + VISITS_STEP) throw new Anomaly('skipped', where)
      this.words.set(word, { gone, count: now })
    } else {
      if (kind !== 'gone' || now < 1 || now < count || now >= count + VISITS_STEP)
        throw new Anomaly('skipped', where)
      this.words.set(word, { gone: gone + now, count: 0 })
      this.goneCount++
    }
    this.recordCount++
  }

  /** `visits` are of all input that was there when the output was read, or more. */
  within(visits: ReadonlyMap<string, number>): void {
    for (const [word, { gone, count }] of this.words) {
      const found = visits.get(word) ?? 0
      if (gone + count > found)
        throw new Anomaly('invented', `'${word}' has ${gone} + ${count} visits, the input ${found}`)
    }
  }

  /** At the end: what is not told yet is less than a step. */
  equals(visits: ReadonlyMap<string, number>): void {
    this.within(visits)
    for (const [word, visit] of visits) {
      const { gone, count } = this.told(word)
      if (visit >= gone + count + VISITS_STEP)
        throw new Anomaly('wrong', `'${word}' has ${gone} + ${count} visits, the input ${visit}`)
    }
  }

  /** Nothing more is to come of these. */
  hasAll(visits: ReadonlyMap<string, number>): boolean {
    return [...visits].every(([word, visit]) => {
      const { gone, count } = this.told(word)
      return visit < gone + count + VISITS_STEP
    })
  }

  private told(word: string): { gone: number; count: number } {
    return this.words.get(word) ?? { gone: 0, count: 0 }
  }
}
