// Records of __consumer_offsets: committed offsets and classic groups. Keys and values are preceded by an
// int16 (`versioned.ts`); in a key it is not a version but says which kind of record it is.

import { defineMessage } from '../message.ts'
import { array, bytes, f, int32, int64, nullableString, string } from '../schema.ts'

export const offsetCommitKey = defineMessage({
  name: 'OffsetCommitKey',
  versions: [0, 1],
  flexibleFrom: null,
  fields: { group: f(string), topic: f(string), partition: f(int32) },
})

export const offsetCommitValue = defineMessage({
  name: 'OffsetCommitValue',
  versions: [0, 4],
  flexibleFrom: 4,
  fields: {
    offset: f(int64),
    leaderEpoch: f(int32, { since: 3, default: -1, ignorable: true }),
    metadata: f(string),
    commitTimestamp: f(int64),
    expireTimestamp: f(int64, { since: 1, until: 1, default: -1n, ignorable: true }),
  },
})

export const groupMetadataKey = defineMessage({
  name: 'GroupMetadataKey',
  versions: [2, 2],
  flexibleFrom: null,
  fields: { group: f(string) },
})

export const groupMetadataValue = defineMessage({
  name: 'GroupMetadataValue',
  versions: [0, 4],
  flexibleFrom: 4,
  fields: {
    protocolType: f(string),
    generation: f(int32),
    protocol: f(nullableString),
    leader: f(nullableString),
    currentStateTimestamp: f(int64, { since: 2, default: -1n, ignorable: true }),
    members: f(
      array({
        memberId: f(string),
        groupInstanceId: f(nullableString, { since: 3, default: null, ignorable: true }),
        clientId: f(string),
        clientHost: f(string),
        rebalanceTimeout: f(int32, { since: 1, default: -1, ignorable: true }),
        sessionTimeout: f(int32),
        subscription: f(bytes),
        assignment: f(bytes),
      }),
    ),
  },
})
