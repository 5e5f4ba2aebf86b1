// A file for rows that memory shall not hold, gone with the process whatever happens: its name is taken away as soon as
// it is open. It is closed by whoever made it, or, if that was forgotten, when nothing refers to it any more.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

let made = 0

const closing = new FinalizationRegistry<number>((fd) => fs.closeSync(fd))

export class SpillFile {
  private readonly fd: number
  private sizeInBytes = 0
  private isClosed = false

  constructor(directory: string = tmpdir()) {
    const name = path.join(directory, `logmill-rows-${process.pid}-${made++}`)
    this.fd = fs.openSync(name, 'wx+', 0o600)
    fs.unlinkSync(name)
    closing.register(this, this.fd, this)
  }

  /** Returns where the bytes are. */
  append(bytes: Uint8Array): number {
    const position = this.sizeInBytes
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(this.fd, bytes, done, bytes.length - done, position + done)
    }
    this.sizeInBytes += bytes.length
    return position
  }

  /** Nothing may be read any more. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    closing.unregister(this)
    fs.closeSync(this.fd)
  }

  read(position: number, length: number): Buffer {
    if (this.isClosed) throw new Error('rows are read that are not held any more')
    const bytes = Buffer.allocUnsafeSlow(length)
    for (let done = 0; done < length; ) {
      const read = fs.readSync(this.fd, bytes, done, length - done, position + done)
      if (read === 0)
        throw new Error(`a file of held rows ends at ${position + done}, before ${position + length}`)
      done += read
    }
    return bytes
  }
}
