// Where lines end: at `\n`, `\r` or `\r\n`, as Java's readers and Hadoop's have it.

const NEWLINE = 10
const RETURN = 13

/** The ends of the lines in some bytes, walked from front to back: each byte is looked at twice at most. */
export class LineEnds {
  private bytes: Buffer = Buffer.alloc(0)
  private length = 0
  /** Where the next of them is, if not before what was asked last; `length`: nowhere. */
  private newlineAt = -1
  private returnAt = -1
  /** The bytes before have ended with a `\r`, of which a `\n` may be part. */
  private cutReturn = false

  /** Goes on with other bytes; the first byte of a line in them. */
  goOn(bytes: Buffer, length = bytes.length): number {
    this.bytes = bytes
    this.length = length
    this.newlineAt = -1
    this.returnAt = -1
    const isPart = this.cutReturn && length > 0 && bytes[0] === NEWLINE
    if (length > 0) this.cutReturn = false
    return isPart ? 1 : 0
  }

  /** Of the line that goes on at `at`: its end, or `length`. */
  end(at: number): number {
    if (this.newlineAt < at) this.newlineAt = this.find(NEWLINE, at)
    if (this.returnAt < at) this.returnAt = this.find(RETURN, at)
    return Math.min(this.newlineAt, this.returnAt)
  }

  /** The first byte behind what ends a line at `end`. */
  behind(end: number): number {
    const next = end + 1
    if (this.bytes[end] !== RETURN) return next
    if (next < this.length) return this.bytes[next] === NEWLINE ? next + 1 : next
    this.cutReturn = true
    return next
  }

  /** What comes next may still be part of the last line's end. */
  get isCut(): boolean {
    return this.cutReturn
  }

  private find(byte: number, from: number): number {
    const at = this.bytes.indexOf(byte, from)
    return at < 0 || at > this.length ? this.length : at
  }
}
