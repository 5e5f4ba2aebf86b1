// The least of a client: requests over a socket with the broker's own codec, one at a time. For start-up
// times and for filling topics; load comes from real clients.

import { connect, type Socket } from 'node:net'
import { apiVersions } from '../../broker/protocol/apis/api-versions.ts'
import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { decodeResponse } from '../../broker/protocol/codec.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { FrameReader } from '../../broker/protocol/framing.ts'
import { decodeResponseHeader, encodeRequestFrame } from '../../broker/protocol/header.ts'
import type { Api, RequestInput, ResponseOf } from '../../broker/protocol/message.ts'

export class Wire {
  private readonly socket: Socket
  private readonly waiting: ((frame: Buffer | Error) => void)[] = []
  private correlationId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    const reader = new FrameReader({ onFrame: (frame) => this.waiting.shift()?.(frame) })
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => reader.push(chunk))
    socket.on('error', (error) => this.end(error))
    socket.on('close', () => this.end(new Error('the broker has closed the connection')))
  }

  static connect(bootstrapServers: string): Promise<Wire> {
    const colon = bootstrapServers.lastIndexOf(':')
    const socket = connect(Number(bootstrapServers.slice(colon + 1)), bootstrapServers.slice(0, colon))
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Wire(socket))
      })
    })
  }

  async request<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const header = { correlationId: ++this.correlationId, clientId: 'logmill-bench' }
    const answer = new Promise<Buffer>((resolve, reject) => {
      this.waiting.push((frame) => (frame instanceof Error ? reject(frame) : resolve(frame)))
    })
    this.socket.cork()
    for (const chunk of encodeRequestFrame(api, version, header, body)) this.socket.write(chunk)
    this.socket.uncork()
    const frame = await answer
    return decodeResponse(api, version, frame, decodeResponseHeader(api, version, frame).bodyStart)
  }

  async apiVersions(): Promise<void> {
    await this.request(apiVersions, 3, { clientSoftwareName: 'bench', clientSoftwareVersion: '1' })
  }

  /** Partition 0; resolves when it is acknowledged. */
  produce(topic: string, records: Buffer): Promise<void> {
    return this.produceTo(topic, [0], records)
  }

  /** The same batch to each of the partitions. */
  async produceTo(topic: string, indexes: readonly number[], records: Buffer): Promise<void> {
    const { responses } = await this.request(produce, 9, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: indexes.map((index) => ({ index, records })) }],
    })
    const answers = responses[0]?.partitionResponses ?? []
    const { errorCode } = answers.find((answer) => answer.errorCode !== 0) ?? answers[0] ?? { errorCode: -1 }
    if (errorCode !== 0) throw new Error(`produce to ${topic}: ${errorName(errorCode)}`)
  }

  /** Partition 0 from `offset` on; waits up to a second for a first byte. */
  async fetch(topic: string, offset: bigint): Promise<Buffer> {
    const { responses } = await this.request(fetch, 11, {
      maxWaitMs: 1000,
      minBytes: 1,
      topics: [
        { topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1024 * 1024 }] },
      ],
      forgottenTopicsData: [],
    })
    const partition = responses[0]?.partitions[0]
    if (partition?.errorCode !== 0) throw new Error(`fetch: ${errorName(partition?.errorCode ?? -1)}`)
    return Buffer.isBuffer(partition.records) ? partition.records : Buffer.alloc(0)
  }

  close(): void {
    this.socket.destroy()
  }

  private end(error: Error): void {
    for (const waiter of this.waiting.splice(0)) waiter(error)
  }
}
