// Three messages as one would write them by hand, every length checked, nothing general: the reference for
// the codec that is generated from schemas. Field order as in Kafka's protocol; flexible versions.

/** Reads unsigned varints and leaves the position in `at`. */
class HandReader {
  readonly buffer: Buffer
  at: number

  constructor(buffer: Buffer, at: number) {
    this.buffer = buffer
    this.at = at
  }

  need(size: number): number {
    const at = this.at
    if (size < 0 || at + size > this.buffer.length) throw new Error(`${size} bytes wanted at ${at}`)
    this.at = at + size
    return at
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.need(1)] as number
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new Error('a varint is too long')
  }

  string(): string | null {
    const length = this.varint() - 1
    if (length < 0) return null
    const at = this.need(length)
    return this.buffer.toString('utf8', at, at + length)
  }

  noTags(): void {
    if (this.varint() !== 0) throw new Error('tagged fields')
  }
}

/** Produce version 9. */
export function decodeProduce(buffer: Buffer, start: number) {
  const reader = new HandReader(buffer, start)
  const transactionalId = reader.string()
  const acks = buffer.readInt16BE(reader.need(2))
  const timeoutMs = buffer.readInt32BE(reader.need(4))
  const topicData = []
  for (let t = reader.varint() - 1; t > 0; t--) {
    const name = reader.string()
    const partitionData = []
    for (let p = reader.varint() - 1; p > 0; p--) {
      const index = buffer.readInt32BE(reader.need(4))
      const length = reader.varint() - 1
      const at = reader.need(Math.max(length, 0))
      partitionData.push({ index, records: length < 0 ? null : buffer.subarray(at, at + length) })
      reader.noTags()
    }
    reader.noTags()
    topicData.push({ name, partitionData })
  }
  reader.noTags()
  return { transactionalId, acks, timeoutMs, topicData }
}

/** OffsetCommit version 8. */
export function decodeOffsetCommit(buffer: Buffer, start: number) {
  const reader = new HandReader(buffer, start)
  const groupId = reader.string()
  const generationId = buffer.readInt32BE(reader.need(4))
  const memberId = reader.string()
  const groupInstanceId = reader.string()
  const topics = []
  for (let t = reader.varint() - 1; t > 0; t--) {
    const name = reader.string()
    const partitions = []
    for (let p = reader.varint() - 1; p > 0; p--) {
      const partitionIndex = buffer.readInt32BE(reader.need(4))
      const committedOffset = buffer.readBigInt64BE(reader.need(8))
      const committedLeaderEpoch = buffer.readInt32BE(reader.need(4))
      const committedMetadata = reader.string()
      reader.noTags()
      partitions.push({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata })
    }
    reader.noTags()
    topics.push({ name, partitions })
  }
  reader.noTags()
  return { groupId, generationId, memberId, groupInstanceId, topics }
}

class HandWriter {
  buffer = Buffer.allocUnsafe(512)
  at = 0

  take(size: number): number {
    const at = this.at
    if (at + size > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, at + size))
      this.buffer.copy(larger, 0, 0, at)
      this.buffer = larger
    }
    this.at = at + size
    return at
  }

  int16(value: number): void {
    const at = this.take(2)
    this.buffer.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.take(4)
    this.buffer.writeInt32BE(value, at)
  }

  int64(value: bigint): void {
    const at = this.take(8)
    this.buffer.writeBigInt64BE(value, at)
  }

  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      const at = this.take(1)
      this.buffer[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.take(1)
    this.buffer[at] = rest
  }

  string(value: string | null): void {
    if (value === null) {
      this.varint(0)
      return
    }
    const length = Buffer.byteLength(value)
    this.varint(length + 1)
    const at = this.take(length)
    this.buffer.write(value, at, length)
  }

  done(): Buffer {
    return this.buffer.subarray(0, this.at)
  }
}

export interface ProduceAnswer {
  responses: {
    name: string
    partitionResponses: {
      index: number
      errorCode: number
      baseOffset: bigint
      logAppendTimeMs: bigint
      logStartOffset: bigint
    }[]
  }[]
}

/** Produce version 9. */
export function encodeProduceAnswer(answer: ProduceAnswer): Uint8Array[] {
  const writer = new HandWriter()
  writer.varint(answer.responses.length + 1)
  for (const { name, partitionResponses } of answer.responses) {
    writer.string(name)
    writer.varint(partitionResponses.length + 1)
    for (const { index, errorCode, baseOffset, logAppendTimeMs, logStartOffset } of partitionResponses) {
      writer.int32(index)
      writer.int16(errorCode)
      writer.int64(baseOffset)
      writer.int64(logAppendTimeMs)
      writer.int64(logStartOffset)
      writer.varint(1) // no record errors
      writer.varint(0) // no message
      writer.varint(0)
    }
    writer.varint(0)
  }
  writer.int32(0)
  writer.varint(0)
  return [writer.done()]
}

export interface FetchAnswer {
  topic: string
  partitions: {
    partitionIndex: number
    highWatermark: bigint
    lastStableOffset: bigint
    logStartOffset: bigint
    records: Buffer
  }[]
}

/** Fetch version 12, one topic; record bytes are not copied. */
export function encodeFetchAnswer(answer: FetchAnswer): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let writer = new HandWriter()
  writer.int32(0) // throttle time
  writer.int16(0) // error
  writer.int32(0) // session
  writer.varint(2)
  writer.string(answer.topic)
  writer.varint(answer.partitions.length + 1)
  for (const {
    partitionIndex,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    records,
  } of answer.partitions) {
    writer.int32(partitionIndex)
    writer.int16(0)
    writer.int64(highWatermark)
    writer.int64(lastStableOffset)
    writer.int64(logStartOffset)
    writer.varint(0) // aborted transactions: null
    writer.int32(-1) // preferred replica
    writer.varint(records.length + 1)
    chunks.push(writer.done(), records)
    writer = new HandWriter()
    writer.varint(0)
  }
  writer.varint(0)
  writer.varint(0)
  chunks.push(writer.done())
  return chunks
}
