// What the loader writes and the checker expects. A record says who wrote it and where in its writer's order
// it stands, and its text follows from that and the seed: so a checker that knows nothing else can tell a lost
// record, a doubled one and a changed one apart.

export const INPUT_TOPIC = 'lines'
export const OUTPUT_TOPIC = 'totals'
/** Of words that came as the first of two: `count 4`, `count 8`, …, `gone 9`, `count 4`, … */
export const VISITS_TOPIC = 'visits'
export const VISITS_STEP = 4
export const PARTITIONS = 3
export const OUTPUT_PARTITIONS = 2

export function isVisit(words: readonly string[]): boolean {
  return words.length === 2
}

/** One writer's order in one partition. */
export interface Lane {
  partition: number
  producer: number
}

/** Records first..first+count-1 of a lane, and where the broker said that the first of them stands. */
export interface Ack extends Lane {
  firstSequence: number
  count: number
  baseOffset: bigint
}

const VOCABULARY = Array.from({ length: 120 }, (_, i) => `w${i}`)

export function keyOf(producer: number, sequence: number): string {
  return `${producer}:${sequence}`
}

export function parseKey(key: string): { producer: number; sequence: number } | undefined {
  const match = /^(\d+):(\d+)$/.exec(key)
  return match === null ? undefined : { producer: Number(match[1]), sequence: Number(match[2]) }
}

/** Two to nine words; some are far more frequent than others, as in text. */
export function lineOf(seed: number, { partition, producer }: Lane, sequence: number): string {
  let state = (seed ^ Math.imul(partition + 1, 0x9e3779b1) ^ Math.imul(producer + 1, 0x85ebca6b)) >>> 0
  state = mix(state + sequence)
  const words: string[] = []
  for (let left = 2 + (state & 7); left > 0; left--) {
    state = mix(state)
    const spread = state % VOCABULARY.length
    words.push(VOCABULARY[(state & 0x10000) === 0 ? spread : spread % 7] as string)
  }
  return words.join(' ')
}

/** The finaliser of murmur3: every bit of the input moves every bit of the result. */
function mix(value: number): number {
  let h = (value + 0x6d2b79f5) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A line of the file of what was acknowledged. */
export function formatAck({ partition, producer, firstSequence, count, baseOffset }: Ack): string {
  return `${partition} ${producer} ${firstSequence} ${count} ${baseOffset}\n`
}

export function parseAck(line: string): Ack {
  const [partition, producer, firstSequence, count, baseOffset] = line.split(' ')
  return {
    partition: Number(partition),
    producer: Number(producer),
    firstSequence: Number(firstSequence),
    count: Number(count),
    baseOffset: BigInt(baseOffset as string),
  }
}
