// DeleteTopics (KIP-4; KIP-516 by topic id from version 6 on).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, nullableString, string, uuid } from '../schema.ts'

export const deleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexibleFrom: 4,
  request: {
    topics: f(array({ name: f(nullableString, { default: null }), topicId: f(uuid) }), { since: 6 }),
    topicNames: f(array(string), { until: 5, ignorable: true }),
    timeoutMs: f(int32),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    responses: f(
      array({
        name: f(string, { nullableSince: 6 }),
        topicId: f(uuid, { since: 6, ignorable: true }),
        errorCode: f(int16),
        errorMessage: f(nullableString, { since: 5, default: null, ignorable: true }),
      }),
    ),
  },
})
