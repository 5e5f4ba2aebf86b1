// OffsetFetch (KIP-447 stable offsets, KIP-709 several groups at once, KIP-848 member epochs and topic ids).
// Versions up to 7 ask for one group at the top level, later ones for `groups`. Null topics ask for all.

import { defineApi } from '../message.ts'
import {
  array,
  boolean,
  f,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  string,
  uuid,
} from '../schema.ts'

export const offsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexibleFrom: 6,
  request: {
    groupId: f(string, { until: 7 }),
    topics: f(array({ name: f(string), partitionIndexes: f(array(int32)) }), { until: 7, nullableSince: 2 }),
    groups: f(
      array({
        groupId: f(string),
        memberId: f(nullableString, { since: 9, default: null, ignorable: true }),
        memberEpoch: f(int32, { since: 9, default: -1, ignorable: true }),
        topics: f(
          nullableArray({
            name: f(string, { until: 9, ignorable: true }),
            topicId: f(uuid, { since: 10, ignorable: true }),
            partitionIndexes: f(array(int32)),
          }),
        ),
      }),
      { since: 8 },
    ),
    requireStable: f(boolean, { since: 7, default: false }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 3, default: 0, ignorable: true }),
    topics: f(
      array({
        name: f(string),
        partitions: f(
          array({
            partitionIndex: f(int32),
            committedOffset: f(int64),
            committedLeaderEpoch: f(int32, { since: 5, default: -1, ignorable: true }),
            metadata: f(nullableString),
            errorCode: f(int16),
          }),
        ),
      }),
      { until: 7 },
    ),
    errorCode: f(int16, { since: 2, until: 7, default: 0, ignorable: true }),
    groups: f(
      array({
        groupId: f(string),
        topics: f(
          array({
            name: f(string, { until: 9, ignorable: true }),
            topicId: f(uuid, { since: 10, ignorable: true }),
            partitions: f(
              array({
                partitionIndex: f(int32),
                committedOffset: f(int64),
                committedLeaderEpoch: f(int32, { default: -1, ignorable: true }),
                metadata: f(nullableString),
                errorCode: f(int16),
              }),
            ),
          }),
        ),
        errorCode: f(int16, { default: 0 }),
      }),
      { since: 8 },
    ),
  },
})
