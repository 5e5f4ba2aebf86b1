// What consumers tell each other through JoinGroup and SyncGroup when their protocol type is "consumer"
// (KIP-429, KIP-792, KIP-881). Preceded by an int16 version. A newer version may append fields, which a
// reader of an older one leaves alone: a version above ours is read as our highest.

import { defineMessage } from '../message.ts'
import { array, f, int32, nullableBytes, nullableString, string } from '../schema.ts'

const topicPartitions = array({ topic: f(string), partitions: f(array(int32)) })

export const consumerProtocolSubscription = defineMessage({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  flexibleFrom: null,
  trailingBytes: 'ignored',
  fields: {
    topics: f(array(string)),
    userData: f(nullableBytes, { default: null }),
    ownedPartitions: f(topicPartitions, { since: 1, ignorable: true }),
    generationId: f(int32, { since: 2, default: -1, ignorable: true }),
    rackId: f(nullableString, { since: 3, default: null, ignorable: true }),
  },
})

export const consumerProtocolAssignment = defineMessage({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  flexibleFrom: null,
  trailingBytes: 'ignored',
  fields: {
    assignedPartitions: f(topicPartitions),
    userData: f(nullableBytes, { default: null }),
  },
})
