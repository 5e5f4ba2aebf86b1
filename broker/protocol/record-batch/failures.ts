// The two failures that reading a record batch can have. Everything in this folder that is driven over
// bytes from outside throws one of these or returns a Kafka error code; nothing else escapes.

/** Bytes that should be a record batch are not one. Names the position in the buffer that was read. */
export class CorruptRecordError extends Error {
  readonly position: number
  constructor(position: number, message: string, options?: { cause?: unknown }) {
    super(`record batch at byte ${position}: ${message}`, options)
    this.name = 'CorruptRecordError'
    this.position = position
  }
}

/** Compressed bytes cannot be decompressed (`corrupt`), or would pass the cap that was set (`too-large`). */
export class DecompressionError extends Error {
  readonly reason: 'corrupt' | 'too-large'
  constructor(reason: 'corrupt' | 'too-large', message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DecompressionError'
    this.reason = reason
  }
}
