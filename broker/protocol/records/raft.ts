// What the quorum writes about itself: values of the control records of __cluster_metadata (KIP-595, KIP-630,
// KIP-853), each of which repeats its version in its first field, and the fields of the quorum-state file,
// which is JSON on disk.

import { defineMessage } from '../message.ts'
import { array, f, int16, int32, int64, nullableArray, string, struct, uint16, uuid } from '../schema.ts'

const voters = array({ voterId: f(int32), voterDirectoryId: f(uuid, { since: 1 }) })

export const leaderChangeMessage = defineMessage({
  name: 'LeaderChangeMessage',
  versions: [0, 1],
  flexibleFrom: 0,
  fields: {
    version: f(int16),
    leaderId: f(int32),
    voters: f(voters),
    grantingVoters: f(voters),
  },
})

export const snapshotHeaderRecord = defineMessage({
  name: 'SnapshotHeaderRecord',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { version: f(int16), lastContainedLogTimestamp: f(int64) },
})

export const snapshotFooterRecord = defineMessage({
  name: 'SnapshotFooterRecord',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { version: f(int16) },
})

export const kRaftVersionRecord = defineMessage({
  name: 'KRaftVersionRecord',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { version: f(int16), kRaftVersion: f(int16) },
})

export const votersRecord = defineMessage({
  name: 'VotersRecord',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    version: f(int16),
    voters: f(
      array({
        voterId: f(int32),
        voterDirectoryId: f(uuid),
        endpoints: f(array({ name: f(string), host: f(string), port: f(uint16) })),
        kRaftVersionFeature: f(struct({ minSupportedVersion: f(int16), maxSupportedVersion: f(int16) })),
      }),
    ),
  },
})

export const quorumStateData = defineMessage({
  name: 'QuorumStateData',
  versions: [0, 1],
  flexibleFrom: 0,
  fields: {
    clusterId: f(string, { until: 0 }),
    leaderId: f(int32, { default: -1 }),
    leaderEpoch: f(int32, { default: -1 }),
    votedId: f(int32, { default: -1 }),
    votedDirectoryId: f(uuid, { since: 1 }),
    appliedOffset: f(int64, { until: 0 }),
    currentVoters: f(nullableArray({ voterId: f(int32) }), { until: 0 }),
  },
})
