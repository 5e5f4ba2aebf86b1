// Records of __share_group_state (KIP-932): the whole state of a share partition (kind 0), and what changed of it since
// (kind 1). Kinds are keys' prefixes, values are preceded by their version (`versioned.ts`).

import { defineMessage } from '../message.ts'
import { array, f, int16, int32, int64, int8, string, uuid } from '../schema.ts'

/** What is known of records from `firstOffset` to `lastOffset`, both inclusive. States: 0 available, 2 acknowledged, 4 archived. */
const stateBatches = array({
  firstOffset: f(int64),
  lastOffset: f(int64),
  deliveryState: f(int8),
  deliveryCount: f(int16),
})

const sharePartitionKey = { groupId: f(string), topicId: f(uuid), partition: f(int32) }

export const shareSnapshotKey = defineMessage({
  name: 'ShareSnapshotKey',
  versions: [0, 0],
  flexibleFrom: null,
  fields: sharePartitionKey,
})

export const shareSnapshotValue = defineMessage({
  name: 'ShareSnapshotValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    snapshotEpoch: f(int32),
    stateEpoch: f(int32),
    leaderEpoch: f(int32),
    startOffset: f(int64),
    deliveryCompleteCount: f(int32, { tag: 0, default: -1 }),
    createTimestamp: f(int64),
    writeTimestamp: f(int64),
    stateBatches: f(stateBatches),
  },
})

export const shareUpdateKey = defineMessage({
  name: 'ShareUpdateKey',
  versions: [1, 1],
  flexibleFrom: null,
  fields: sharePartitionKey,
})

export const shareUpdateValue = defineMessage({
  name: 'ShareUpdateValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    snapshotEpoch: f(int32),
    leaderEpoch: f(int32),
    startOffset: f(int64),
    deliveryCompleteCount: f(int32, { tag: 0, default: -1 }),
    stateBatches: f(stateBatches),
  },
})
