// `.txnindex`: the aborted transactions whose abort marker lies in a segment, in order of their markers.
// Read_committed consumers are given them, so that they skip what was aborted.
//
//   entry, 34 bytes:  version i16 = 0 | producer id i64 | first offset i64 | last offset i64 | last stable offset i64
//
// Last offset is the marker's. Last stable offset is the one after the abort; kept for Kafka, not relied on.
// No checksum: at load every entry is compared with its marker in the log.
// Source: Kafka's TransactionIndex, AbortedTxn.

export const TXN_INDEX_ENTRY_BYTES = 34

const VERSION = 0

export interface AbortedTransaction {
  producerId: bigint
  firstOffset: bigint
  /** The offset of the abort marker. */
  lastOffset: bigint
  lastStableOffset: bigint
}

export function encodeAbortedTransaction(entry: AbortedTransaction): Buffer {
  const bytes = Buffer.allocUnsafeSlow(TXN_INDEX_ENTRY_BYTES)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeBigInt64BE(entry.producerId, 2)
  bytes.writeBigInt64BE(entry.firstOffset, 10)
  bytes.writeBigInt64BE(entry.lastOffset, 18)
  bytes.writeBigInt64BE(entry.lastStableOffset, 26)
  return bytes
}

/**
 * The entries, or the position and nature of the first that cannot be one. `baseOffset` and `endOffset`
 * bound the segment: markers lie in it.
 */
export function decodeTxnIndex(
  bytes: Buffer,
  baseOffset: bigint,
  endOffset: bigint,
): { entries: AbortedTransaction[]; damage?: { position: number; message: string } } {
  const entries: AbortedTransaction[] = []
  let previousLast = baseOffset - 1n
  for (let at = 0; at < bytes.length; at += TXN_INDEX_ENTRY_BYTES) {
    const damage = (message: string) => ({ entries, damage: { position: at, message } })
    if (bytes.length - at < TXN_INDEX_ENTRY_BYTES) return damage(`entry of ${bytes.length - at} bytes`)
    const version = bytes.readInt16BE(at)
    if (version !== VERSION) return damage(`entry version ${version}`)
    const entry: AbortedTransaction = {
      producerId: bytes.readBigInt64BE(at + 2),
      firstOffset: bytes.readBigInt64BE(at + 10),
      lastOffset: bytes.readBigInt64BE(at + 18),
      lastStableOffset: bytes.readBigInt64BE(at + 26),
    }
    if (entry.producerId < 0n) return damage(`producer id ${entry.producerId}`)
    if (entry.firstOffset < 0n || entry.firstOffset > entry.lastOffset) {
      return damage(`transaction from ${entry.firstOffset} to ${entry.lastOffset}`)
    }
    if (entry.lastOffset <= previousLast || entry.lastOffset >= endOffset) {
      return damage(`marker at ${entry.lastOffset}, not in (${previousLast}, ${endOffset})`)
    }
    if (entry.lastStableOffset < 0n || entry.lastStableOffset > entry.lastOffset + 1n) {
      return damage(`last stable offset ${entry.lastStableOffset} after marker ${entry.lastOffset}`)
    }
    previousLast = entry.lastOffset
    entries.push(entry)
  }
  return { entries }
}
