// Rows from a TCP server, as a converter cuts them out of its bytes. A connection that cannot be made, ends or gives
// nonsense is made again after a while; what was stored stays. A log that falls behind slows the server down.

import { connect, type Socket } from 'node:net'
import { LineEnds } from './line-ends.ts'
import { Receiver } from './receiver.ts'

/** The bytes of one connection, to the rows in it. */
export type SocketConverter<T> = (bytes: AsyncIterable<Buffer>) => AsyncIterable<T>

export class SocketReceiver<T> extends Receiver<T> {
  private readonly address: string
  private readonly port: number
  private readonly converter: SocketConverter<T>
  private socket: Socket | undefined

  constructor(host: string, port: number, converter: SocketConverter<T>) {
    super()
    this.address = host
    this.port = port
    this.converter = converter
  }

  onStart(): void {
    const socket = connect(this.port, this.address)
    this.socket = socket
    void this.receive(socket)
  }

  onStop(): void {
    this.socket?.destroy()
    this.socket = undefined
  }

  private async receive(socket: Socket): Promise<void> {
    const name = `${this.address}:${this.port}`
    try {
      for await (const row of this.converter(socket as AsyncIterable<Buffer>)) {
        if (this.socket !== socket) return
        void this.store(row)
        if (this.isFull) await this.ready()
      }
      if (this.socket === socket) this.restart(`${name} has ended the connection`)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      if (this.socket === socket) this.restart(`${name}: ${why}`, error)
    } finally {
      socket.destroy()
    }
  }
}

/** A line is bounded: who sends none within so many bytes sends no text. */
const MAX_LINE_BYTES = 1_000_000

/** Lines of UTF-8 text, ended by `\n`, `\r` or `\r\n`; what is left when the connection ends is a line, too. */
export async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  // What came of a line whose end has not come.
  let begun: Buffer = Buffer.alloc(0)
  let begunBytes = 0
  const ends = new LineEnds()
  for await (const chunk of bytes) {
    let at = ends.goOn(chunk)
    for (let end = ends.end(at); end < chunk.length; end = ends.end(at)) {
      const rest = chunk.subarray(at, end)
      mustFit(begunBytes + rest.length)
      yield (begunBytes === 0 ? rest : Buffer.concat([begun.subarray(0, begunBytes), rest])).toString()
      begunBytes = 0
      at = ends.behind(end)
    }
    const neededBytes = begunBytes + chunk.length - at
    mustFit(neededBytes)
    if (neededBytes > begun.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(neededBytes, Math.min(begun.length * 2, MAX_LINE_BYTES)))
      begun.copy(larger, 0, 0, begunBytes)
      begun = larger
    }
    begunBytes += chunk.copy(begun, begunBytes, at)
  }
  if (begunBytes > 0) yield begun.toString('utf8', 0, begunBytes)
}

function mustFit(lineBytes: number): void {
  if (lineBytes > MAX_LINE_BYTES) throw new RangeError(`a line of more than ${MAX_LINE_BYTES} bytes`)
}
