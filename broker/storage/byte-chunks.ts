// The bytes of a file in memory: chunks of one size, so that growing never copies more than a small first
// chunk and a position is found by division. The first chunk starts small and doubles, because a broker
// holds hundreds of files of a few bytes.

const CHUNK_BYTES = 256 * 1024
const FIRST_BYTES = 512

export class ByteChunks {
  private readonly chunks: Buffer[] = []
  private size = 0

  get sizeInBytes(): number {
    return this.size
  }

  /** Copies out what there is of [position, position + length); returns how many bytes that was. */
  read(target: Uint8Array, targetStart: number, length: number, position: number): number {
    const end = Math.min(position + length, this.size)
    let at = position
    while (at < end) {
      const chunk = this.chunks[Math.floor(at / CHUNK_BYTES)] as Buffer
      const inside = at % CHUNK_BYTES
      const count = Math.min(end - at, CHUNK_BYTES - inside)
      chunk.copy(target, targetStart + at - position, inside, inside + count)
      at += count
    }
    return Math.max(0, end - position)
  }

  append(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      const start = this.size
      this.reserve(start + piece.byteLength)
      this.size = start + piece.byteLength
      this.writeAt(piece, start)
    }
  }

  /** The range must lie inside the size. */
  writeAt(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.byteLength; ) {
      const at = position + done
      const chunk = this.chunks[Math.floor(at / CHUNK_BYTES)] as Buffer
      const inside = at % CHUNK_BYTES
      const count = Math.min(bytes.byteLength - done, CHUNK_BYTES - inside)
      if (count === bytes.byteLength) chunk.set(bytes, inside)
      else chunk.set(bytes.subarray(done, done + count), inside)
      done += count
    }
  }

  truncate(sizeInBytes: number): void {
    this.size = sizeInBytes
    this.chunks.length = Math.ceil(sizeInBytes / CHUNK_BYTES)
  }

  private reserve(sizeInBytes: number): void {
    const first = this.chunks[0]
    const wanted = Math.min(sizeInBytes, CHUNK_BYTES)
    if (first === undefined || first.length < wanted) {
      let capacity = Math.max(FIRST_BYTES, first?.length ?? 0)
      while (capacity < wanted) capacity *= 2
      const larger = Buffer.allocUnsafeSlow(capacity)
      first?.copy(larger, 0, 0, Math.min(this.size, first.length))
      this.chunks[0] = larger
    }
    while (this.chunks.length * CHUNK_BYTES < sizeInBytes)
      this.chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES))
  }
}
