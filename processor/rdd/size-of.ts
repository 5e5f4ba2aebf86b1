// What values take up in memory, about: enough to know when there are too many of them. A look costs a bounded time,
// and the same values always come to the same size, for what is spilled must not depend on the machine.

const OBJECT_BYTES = 24
const SLOT_BYTES = 8
const MAP_ENTRY_BYTES = 32
const BUFFER_BYTES = 96

/** Elements of a long list that stand for all of it. */
const LOOKED_AT = 16
/** Values that one look visits; what lies deeper counts as a slot. */
const MOST_VISITS = 2000

let visits = 0

/** Bytes of memory, estimated. */
export function sizeOf(value: unknown): number {
  visits = 0
  return measure(value)
}

function measure(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return OBJECT_BYTES + value.length
    case 'bigint':
      return OBJECT_BYTES
    case 'object':
      return value === null || ++visits > MOST_VISITS ? SLOT_BYTES : measureObject(value)
    default:
      return SLOT_BYTES
  }
}

function measureObject(value: object): number {
  if (Array.isArray(value)) {
    const count = Math.min(value.length, LOOKED_AT)
    let bytes = 0
    for (let i = 0; i < count; i++) bytes += measure(value[i])
    return OBJECT_BYTES + value.length * SLOT_BYTES + scaled(bytes, count, value.length)
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return BUFFER_BYTES + value.byteLength
  if (value instanceof Map || value instanceof Set) return measureTable(value)
  let bytes = OBJECT_BYTES
  for (const name in value) bytes += SLOT_BYTES + measure((value as Record<string, unknown>)[name])
  return bytes
}

function measureTable(table: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): number {
  let bytes = 0
  let count = 0
  for (const entry of table) {
    bytes += measure(entry)
    if (++count === LOOKED_AT) break
  }
  return OBJECT_BYTES + table.size * MAP_ENTRY_BYTES + scaled(bytes, count, table.size)
}

function scaled(bytes: number, count: number, of: number): number {
  return count === of ? bytes : (bytes / count) * of
}

/** How many values stand for themselves before others are left out. */
const EXACT = 128

/**
 * The size of many values, of which only some are looked at (as Spark's SizeTracker): all of the first ones, then
 * every second one, every third, and so on.
 */
export class SampledSize {
  bytes = 0
  private values = 0
  private stride = 1
  private untilNext = 1
  private readonly longestStride: number

  /** How many values one may stand for at most. */
  constructor(longestStride = 255) {
    this.longestStride = longestStride
  }

  /** One more value; true: it is to be measured and told to `add`. */
  isDue(): boolean {
    return --this.untilNext === 0
  }

  add(bytes: number): void {
    this.bytes += bytes * this.stride
    this.values += this.stride
    this.untilNext = this.stride = Math.min(this.longestStride, 1 + Math.floor(this.values / EXACT))
  }

  reset(): void {
    this.bytes = 0
    this.values = 0
    this.untilNext = this.stride = 1
  }
}
