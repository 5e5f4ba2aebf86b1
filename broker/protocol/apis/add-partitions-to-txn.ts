// AddPartitionsToTxn (KIP-98; KIP-890: from version 4 on brokers ask for several transactions at once, and
// may only verify; clients stay at 3).

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, int64, string } from '../schema.ts'

const topics = array({ name: f(string), partitions: f(array(int32)) })

const topicResults = array({
  name: f(string),
  resultsByPartition: f(array({ partitionIndex: f(int32), partitionErrorCode: f(int16) })),
})

export const addPartitionsToTxn = defineApi({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactions: f(
      array({
        transactionalId: f(string),
        producerId: f(int64),
        producerEpoch: f(int16),
        verifyOnly: f(boolean, { default: false }),
        topics: f(topics),
      }),
      { since: 4 },
    ),
    v3AndBelowTransactionalId: f(string, { until: 3 }),
    v3AndBelowProducerId: f(int64, { until: 3 }),
    v3AndBelowProducerEpoch: f(int16, { until: 3 }),
    v3AndBelowTopics: f(topics, { until: 3 }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16, { since: 4, ignorable: true }),
    resultsByTransaction: f(array({ transactionalId: f(string), topicResults: f(topicResults) }), {
      since: 4,
    }),
    resultsByTopicV3AndBelow: f(topicResults, { until: 3 }),
  },
})
