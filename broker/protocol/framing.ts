// A connection's bytes cut into frames: an int32 size, then as many bytes. The size is checked before
// anything is kept for it, and memory follows what has come in, not what was announced: a frame that spans
// chunks is gathered in a buffer that grows four-fold, so nothing is copied more than a few times, or at once
// in one of the frame's size where such a buffer is at hand.

/** A size that no frame may have. The connection cannot be read any further. */
export class InvalidFrameError extends Error {
  override readonly name = 'InvalidFrameError'
}

/** Kafka's `socket.request.max.bytes`. */
export const DEFAULT_MAX_FRAME_SIZE_IN_BYTES = 104857600

/** Where buffers for frames that span chunks come from. */
export interface FrameBuffers {
  /** A buffer of that size. */
  take(sizeInBytes: number): Buffer
  /** The same if it costs nothing. */
  takeKept(sizeInBytes: number): Buffer | undefined
  giveBack(buffer: Buffer): void
}

const ownMemory: FrameBuffers = {
  take: (sizeInBytes) => Buffer.allocUnsafeSlow(sizeInBytes),
  takeKept: () => undefined,
  giveBack: () => {},
}

const SIZE_LENGTH = 4
const FIRST_GATHERING_SIZE = 64 * 1024
const NOTHING = Buffer.alloc(0)

export class FrameReader {
  private readonly maxFrameSizeInBytes: number
  private readonly onFrame: (frame: Buffer) => void
  private readonly buffers: FrameBuffers
  private readonly copiesChunks: boolean
  private readonly sizeBytes = Buffer.alloc(SIZE_LENGTH)
  private sizeBytesRead = 0
  /** Of the frame being gathered, or -1 while its size is not complete. */
  private frameSize = -1
  private gathered: Buffer = NOTHING
  private gatheredBytes = 0
  private failed = false

  /** `onFrame` gets each whole frame without its size, in order, before `push` returns; giving it back is its matter. */
  constructor(options: {
    maxFrameSizeInBytes?: number
    onFrame: (frame: Buffer) => void
    buffers?: FrameBuffers
    /** Chunks are used again by whoever pushes them: every frame is a copy. */
    copiesChunks?: boolean
  }) {
    this.copiesChunks = options.copiesChunks ?? false
    this.buffers = options.buffers ?? ownMemory
    this.maxFrameSizeInBytes = options.maxFrameSizeInBytes ?? DEFAULT_MAX_FRAME_SIZE_IN_BYTES
    this.onFrame = options.onFrame
  }

  /**
   * Takes the next chunk. Frames may be slices of it (unless copiesChunks): it must not be written again. Throws
   * InvalidFrameError for a size that is negative or above the cap; the reader is of no use then.
   */
  push(chunk: Buffer): void {
    if (this.failed) throw new InvalidFrameError('the stream had an invalid frame before')
    let at = 0
    while (at < chunk.length) {
      if (this.frameSize < 0) {
        at += this.takeSize(chunk, at)
        if (this.frameSize !== 0) continue
      }
      const missing = this.frameSize - this.gatheredBytes
      const available = Math.min(missing, chunk.length - at)
      const end = at + available
      if (available < missing) {
        this.gather(chunk, at, end)
        return
      }
      this.emit(this.gatheredBytes === 0 ? this.cut(chunk, at, end) : this.gather(chunk, at, end))
      at = end
    }
  }

  /** Bytes held of a frame that is not complete. */
  pendingBytes(): number {
    return this.sizeBytesRead + this.gatheredBytes
  }

  private takeSize(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.sizeBytes, this.sizeBytesRead, at, at + SIZE_LENGTH - this.sizeBytesRead)
    this.sizeBytesRead += taken
    if (this.sizeBytesRead < SIZE_LENGTH) return taken
    const size = this.sizeBytes.readInt32BE(0)
    if (size < 0 || size > this.maxFrameSizeInBytes) {
      this.failed = true
      throw new InvalidFrameError(`a frame of ${size} bytes; at most ${this.maxFrameSizeInBytes} are taken`)
    }
    this.frameSize = size
    return taken
  }

  private cut(chunk: Buffer, from: number, to: number): Buffer {
    const frame = chunk.subarray(from, to)
    return this.copiesChunks ? Buffer.from(frame) : frame
  }

  private gather(chunk: Buffer, from: number, to: number): Buffer {
    const needed = this.gatheredBytes + to - from
    if (needed > this.gathered.length) {
      const size = Math.min(this.frameSize, Math.max(needed, FIRST_GATHERING_SIZE, this.gathered.length * 4))
      const larger = this.buffers.takeKept(this.frameSize) ?? this.buffers.take(size)
      this.gathered.copy(larger, 0, 0, this.gatheredBytes)
      this.buffers.giveBack(this.gathered)
      this.gathered = larger
    }
    chunk.copy(this.gathered, this.gatheredBytes, from, to)
    this.gatheredBytes = needed
    return this.gathered
  }

  private emit(frame: Buffer): void {
    if (frame.length !== this.frameSize) {
      throw new Error(`a frame of ${this.frameSize} bytes was gathered as ${frame.length}`)
    }
    this.frameSize = -1
    this.sizeBytesRead = 0
    this.gathered = NOTHING
    this.gatheredBytes = 0
    this.onFrame(frame)
  }
}
