// Strings and bytes of one record side by side in a buffer that is used again: no buffer per record.

export class TextBytes {
  bytes: Buffer = Buffer.allocUnsafeSlow(4096)
  end = 0

  reset(): void {
    this.end = 0
  }

  add(field: string | Uint8Array | null): void {
    if (field === null) return
    if (typeof field === 'string') {
      // UTF-8 takes at most three bytes for each UTF-16 unit.
      this.makeRoom(field.length * 3)
      this.end += this.bytes.write(field, this.end)
    } else {
      if (!(field instanceof Uint8Array)) {
        throw new TypeError(`key and value of a record are text or bytes, not ${typeof field}`)
      }
      this.makeRoom(field.length)
      this.bytes.set(field, this.end)
      this.end += field.length
    }
  }

  private makeRoom(bytes: number): void {
    const needed = this.end + bytes
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }
}
