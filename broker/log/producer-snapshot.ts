// `<offset>.snapshot`: what is known of every producer from the batches below that offset. Written at rolls
// and at a clean stop; whoever opens the log replays only the batches after it.
//
//   version i16 = 1 | crc u32 | count i32 | entries of 46 bytes
//                     ^ CRC-32C of all bytes from position 6 on
//   entry: producer id i64 | epoch i16 | last sequence i32 | last offset i64 | offset delta i32 |
//          timestamp i64 | coordinator epoch i32 | first offset of the open transaction i64 (-1: none)
//
// Of a producer's five batches only the last is kept.
// Source: Kafka's ProducerStateManager.writeSnapshot, readSnapshot.

import { crc32c } from '../protocol/record-batch/crc32c.ts'

const VERSION = 1
const CRC_AT = 2
const COUNT_AT = 6
const HEAD_BYTES = 10
const ENTRY_BYTES = 46

export interface ProducerSnapshotEntry {
  producerId: bigint
  epoch: number
  /** -1 where the producer has written no batch. */
  lastSequence: number
  lastOffset: bigint
  /** Offsets from the first to the last record of the last batch. */
  offsetDelta: number
  timestamp: bigint
  /** -1 where no marker was written yet. */
  coordinatorEpoch: number
  /** -1n where no transaction is open. */
  currentTxnFirstOffset: bigint
}

export function encodeProducerSnapshot(entries: readonly ProducerSnapshotEntry[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + entries.length * ENTRY_BYTES)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeInt32BE(entries.length, COUNT_AT)
  let at = HEAD_BYTES
  for (const entry of entries) {
    bytes.writeBigInt64BE(entry.producerId, at)
    bytes.writeInt16BE(entry.epoch, at + 8)
    bytes.writeInt32BE(entry.lastSequence, at + 10)
    bytes.writeBigInt64BE(entry.lastOffset, at + 14)
    bytes.writeInt32BE(entry.offsetDelta, at + 22)
    bytes.writeBigInt64BE(entry.timestamp, at + 26)
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
    bytes.writeBigInt64BE(entry.currentTxnFirstOffset, at + 38)
    at += ENTRY_BYTES
  }
  bytes.writeUInt32BE(crc32c(bytes, COUNT_AT, bytes.length), CRC_AT)
  return bytes
}

/** undefined where the bytes are not a whole snapshot: the log itself tells the same, at the price of a replay. */
export function decodeProducerSnapshot(bytes: Buffer): ProducerSnapshotEntry[] | undefined {
  if (bytes.length < HEAD_BYTES || bytes.readInt16BE(0) !== VERSION) return undefined
  const count = bytes.readInt32BE(COUNT_AT)
  if (count < 0 || bytes.length !== HEAD_BYTES + count * ENTRY_BYTES) return undefined
  if (crc32c(bytes, COUNT_AT, bytes.length) !== bytes.readUInt32BE(CRC_AT)) return undefined
  const entries: ProducerSnapshotEntry[] = []
  for (let at = HEAD_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    entries.push({
      producerId: bytes.readBigInt64BE(at),
      epoch: bytes.readInt16BE(at + 8),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: bytes.readBigInt64BE(at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      timestamp: bytes.readBigInt64BE(at + 26),
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTxnFirstOffset: bytes.readBigInt64BE(at + 38),
    })
  }
  return entries
}
