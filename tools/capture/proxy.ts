// A port that clients take for the broker: bytes pass unchanged both ways, and every frame is told. The broker
// must advertise this port, or clients go round it after their first Metadata; so the port is taken before the
// broker is started, and `target` set after.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Conversation, type Frame } from './conversation.ts'

export class CapturingProxy {
  /** The broker's own port, on 127.0.0.1. */
  target = 0
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(onFrame: (frame: Frame) => void) {
    this.server = createServer((client) => this.accept(client, onFrame))
  }

  /** Takes a free port of 127.0.0.1 unless given one. */
  static listen(onFrame: (frame: Frame) => void, port = 0): Promise<CapturingProxy> {
    const proxy = new CapturingProxy(onFrame)
    return new Promise((resolve, reject) => {
      proxy.server.once('error', reject)
      proxy.server.listen(port, '127.0.0.1', () => resolve(proxy))
    })
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  private accept(client: Socket, onFrame: (frame: Frame) => void): void {
    const broker = connect(this.target, '127.0.0.1')
    const conversation = new Conversation(onFrame)
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
    client.on('data', (chunk: Buffer) => conversation.fromClient(chunk))
    broker.on('data', (chunk: Buffer) => conversation.fromBroker(chunk))
  }
}
