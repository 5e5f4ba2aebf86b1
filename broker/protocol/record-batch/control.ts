// Control batches: what a transaction coordinator writes into a partition to end a transaction there. One
// record, whose key names its kind and whose value names the coordinator's epoch. Built in builder.ts.
//
//    key:   version i16 = 0 | type i16: 0 abort, 1 commit (2 to 6 belong to the metadata log)
//    value: version i16 = 0 | coordinator epoch i32
//
// Source: Kafka's ControlRecordType and EndTransactionMarker.
import { RecordCursor } from './cursor.ts'
import { CorruptRecordError } from './failures.ts'
import { isControlBatch, recordCountOf } from './header.ts'

export const CONTROL_KEY_BYTES = 4
export const END_TXN_VALUE_BYTES = 6

/** The kinds of control record, as their keys number them. */
export const controlTypes = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  kraftVoters: 6,
} as const

export interface EndTxnMarker {
  isCommit: boolean
  coordinatorEpoch: number
}

/**
 * The type of the control batch at `at`, or undefined where it is not a control batch, or an empty one: compaction
 * leaves those where they hold a producer's last epoch.
 */
export function readControlType(buffer: Buffer, at: number): number | undefined {
  return enterControlRecord(buffer, at)?.type
}

/**
 * The marker in the batch at `at`, or undefined where that is no control batch, an empty one, or one of another kind.
 * Throws CorruptRecordError where a control batch is malformed.
 */
export function readEndTxnMarker(buffer: Buffer, at: number): EndTxnMarker | undefined {
  const entered = enterControlRecord(buffer, at)
  if (entered === undefined) return undefined
  const { cursor, type } = entered
  if (type !== controlTypes.abort && type !== controlTypes.commit) return undefined
  const valueLength = cursor.valueEnd - cursor.valueStart
  // Later versions may be longer; a reader takes the fields it knows.
  if (cursor.valueStart < 0 || valueLength < END_TXN_VALUE_BYTES) {
    throw new CorruptRecordError(at, `end-transaction marker with a value of ${valueLength} bytes`)
  }
  const version = cursor.buffer.readInt16BE(cursor.valueStart)
  if (version < 0) throw new CorruptRecordError(at, `end-transaction marker of version ${version}`)
  return {
    isCommit: type === controlTypes.commit,
    coordinatorEpoch: cursor.buffer.readInt32BE(cursor.valueStart + 2),
  }
}

function enterControlRecord(buffer: Buffer, at: number): { cursor: RecordCursor; type: number } | undefined {
  if (!isControlBatch(buffer, at) || recordCountOf(buffer, at) === 0) return undefined
  const cursor = new RecordCursor()
  cursor.reset(buffer, at)
  if (!cursor.next()) throw new CorruptRecordError(at, 'control batch without a record')
  const keyLength = cursor.keyEnd - cursor.keyStart
  if (cursor.keyStart < 0 || keyLength < CONTROL_KEY_BYTES) {
    throw new CorruptRecordError(at, `control record with a key of ${keyLength} bytes`)
  }
  const version = cursor.buffer.readInt16BE(cursor.keyStart)
  if (version < 0) throw new CorruptRecordError(at, `control record key of version ${version}`)
  return { cursor, type: cursor.buffer.readInt16BE(cursor.keyStart + 2) }
}
