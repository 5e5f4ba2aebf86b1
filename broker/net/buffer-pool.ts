// Memory for what is large and short-lived: request frames and the bytes that a fetch reads. Fresh memory for
// each of them would be collected garbage of the broker's whole throughput, and collecting it costs more
// processor time than moving the bytes (V8 collects the whole heap for every few dozen megabytes of it).
//
// Rule kept: a buffer comes back only from the one place that knows that nobody looks at it any more: a frame
// when its request is answered, read bytes when the socket has them. One that does not come back is collected
// as any other memory.

/** Below this size memory of its own is cheap. */
const SMALLEST_BYTES = 64 * 1024
/** Larger ones are rare, and would keep much memory for little. */
const LARGEST_BYTES = 4 * 1024 * 1024
const SMALLEST_SHIFT = 16

const DEFAULT_MAX_FREE_BYTES = 16 * 1024 * 1024

export class BufferPool {
  private readonly maxFreeBytes: number
  /** Free ones by size: 64 KiB, 128 KiB … 4 MiB. */
  private readonly free: Buffer[][] = [[], [], [], [], [], [], []]
  private freeBytes = 0
  /** Memory that is out. Weak: what is never given back is forgotten. */
  private readonly lent = new WeakSet<ArrayBufferLike>()

  constructor(maxFreeBytes: number = DEFAULT_MAX_FREE_BYTES) {
    this.maxFreeBytes = maxFreeBytes
  }

  /** Bytes kept for the next ones. */
  get idleBytes(): number {
    return this.freeBytes
  }

  /** A buffer of exactly this size, its content undefined. */
  take(sizeInBytes: number): Buffer {
    if (sizeInBytes < SMALLEST_BYTES || sizeInBytes > LARGEST_BYTES)
      return Buffer.allocUnsafeSlow(sizeInBytes)
    const kept = this.takeKept(sizeInBytes)
    if (kept !== undefined) return kept
    const whole = Buffer.allocUnsafeSlow(SMALLEST_BYTES << classOf(sizeInBytes))
    this.lent.add(whole.buffer)
    return cut(whole, sizeInBytes)
  }

  /** As take, but only where nothing has to be allocated for it. */
  takeKept(sizeInBytes: number): Buffer | undefined {
    if (sizeInBytes < SMALLEST_BYTES || sizeInBytes > LARGEST_BYTES) return undefined
    const whole = this.free[classOf(sizeInBytes)]?.pop()
    if (whole === undefined) return undefined
    this.freeBytes -= whole.length
    this.lent.add(whole.buffer)
    return cut(whole, sizeInBytes)
  }

  /** Whether these bytes lie in memory that has to come back. */
  owns(bytes: Uint8Array): boolean {
    return this.lent.has(bytes.buffer)
  }

  /** Takes back the whole of what a part was cut from. Does nothing with memory that is not out. */
  giveBack(bytes: Uint8Array): void {
    const { buffer } = bytes
    if (!this.lent.delete(buffer)) return
    const size = buffer.byteLength
    if (this.freeBytes + size > this.maxFreeBytes) return
    this.freeBytes += size
    this.free[classOf(size)]?.push(Buffer.from(buffer as ArrayBuffer, 0, size))
  }
}

function classOf(sizeInBytes: number): number {
  return Math.max(0, 32 - Math.clz32(sizeInBytes - 1) - SMALLEST_SHIFT)
}

function cut(whole: Buffer, sizeInBytes: number): Buffer {
  return sizeInBytes === whole.length ? whole : whole.subarray(0, sizeInBytes)
}
