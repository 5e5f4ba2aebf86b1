// Facts of the share coordinator as the records of __share_group_state, in Kafka's bytes (ShareCoordinatorRecordHelpers):
//
//   key    i16 0, ShareSnapshotKey    value  i16 0, ShareSnapshotValue; null forgets the share partition
//   key    i16 1, ShareUpdateKey      value  i16 0, ShareUpdateValue
//
// An unknown record throws: to skip it silently would make records available again that were acknowledged.

import * as record from '../../protocol/records/share-state.ts'
import { decodeVersioned, encodeVersioned, versionPrefix } from '../../protocol/records/versioned.ts'
import type { FactCodec } from '../machine.ts'
import type { ShareFact } from './state.ts'

const SNAPSHOT_KEY = 0
const UPDATE_KEY = 1
const VALUE_VERSION = 0

export const shareStateRecords: FactCodec<ShareFact> = {
  encode(fact) {
    if (fact.kind === 'update') {
      const { snapshotEpoch, leaderEpoch, startOffset, deliveryCompleteCount, batches } = fact.value
      return {
        key: encodeVersioned(record.shareUpdateKey, UPDATE_KEY, fact.key),
        value: encodeVersioned(record.shareUpdateValue, VALUE_VERSION, {
          snapshotEpoch,
          leaderEpoch,
          startOffset,
          deliveryCompleteCount,
          stateBatches: batches,
        }),
      }
    }
    const key = encodeVersioned(record.shareSnapshotKey, SNAPSHOT_KEY, fact.key)
    if (fact.value === null) return { key, value: null }
    const { batches, createTimestampMs, writeTimestampMs, ...rest } = fact.value
    return {
      key,
      value: encodeVersioned(record.shareSnapshotValue, VALUE_VERSION, {
        ...rest,
        createTimestamp: BigInt(createTimestampMs),
        writeTimestamp: BigInt(writeTimestampMs),
        stateBatches: batches,
      }),
    }
  },

  decode(keyBytes, valueBytes) {
    const key = asBuffer(keyBytes)
    const kind = versionPrefix(key)
    if (kind === SNAPSHOT_KEY) {
      const sharePartition = decodeVersioned(record.shareSnapshotKey, key).value
      if (valueBytes === null) return { kind: 'snapshot', key: sharePartition, value: null }
      const { value } = decodeVersioned(record.shareSnapshotValue, asBuffer(valueBytes))
      const { stateBatches, createTimestamp, writeTimestamp, ...rest } = value
      return {
        kind: 'snapshot',
        key: sharePartition,
        value: {
          ...rest,
          batches: stateBatches,
          createTimestampMs: Number(createTimestamp),
          writeTimestampMs: Number(writeTimestamp),
        },
      }
    }
    if (kind !== UPDATE_KEY) throw new Error(`__share_group_state holds a record of kind ${kind}`)
    if (valueBytes === null) throw new Error('__share_group_state holds an update without a value')
    const { stateBatches, ...rest } = decodeVersioned(record.shareUpdateValue, asBuffer(valueBytes)).value
    return {
      kind: 'update',
      key: decodeVersioned(record.shareUpdateKey, key).value,
      value: { ...rest, batches: stateBatches },
    }
  },
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
