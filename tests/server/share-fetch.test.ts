// Share fetches that wait, over sockets: who finds too little looks again only when something has changed, and the broker
// serves everybody else meanwhile.

import { expect, test } from 'vitest'
import { findCoordinator } from '../../broker/protocol/apis/find-coordinator.ts'
import { incrementalAlterConfigs } from '../../broker/protocol/apis/incremental-alter-configs.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { shareFetch } from '../../broker/protocol/apis/share-fetch.ts'
import { shareGroupHeartbeat } from '../../broker/protocol/apis/share-group-heartbeat.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { startBroker } from '../../broker/server/start-broker.ts'
import { WireClient } from '../world/wire-client.ts'

const GROUP = 32

/** A member of group 'g' with a connection of its own; resolves when it is assigned partition 0 of 'orders'. */
async function member(bootstrap: string, memberId: string): Promise<WireClient> {
  const client = await WireClient.connect(bootstrap)
  let memberEpoch = 0
  await expect
    .poll(async () => {
      const answer = await client.request(shareGroupHeartbeat, 1, {
        groupId: 'g',
        memberId,
        memberEpoch,
        rackId: null,
        subscribedTopicNames: memberEpoch === 0 ? ['orders'] : null,
      })
      memberEpoch = answer.memberEpoch
      return answer.assignment?.topicPartitions.length ?? 0
    })
    .toBe(1)
  return client
}

test('fetches that find too little wait until their time is over, then take what there is; others are served', async () => {
  await using broker = await startBroker({ topics: { orders: {} } })
  const admin = await WireClient.connect(broker.bootstrapServers)
  await admin.request(findCoordinator, 6, { keyType: 0, coordinatorKeys: ['g'] })
  await admin.request(incrementalAlterConfigs, 1, {
    resources: [
      {
        resourceType: GROUP,
        resourceName: 'g',
        configs: [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }],
      },
    ],
    validateOnly: false,
  })
  const { topics } = await admin.request(metadata, 12, { topics: [{ name: 'orders' }] })
  const topicId = topics[0]?.topicId ?? ''
  const records = buildBatch([{ timestampMs: 1000, key: null, value: Buffer.from('one') }])
  await admin.request(produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }],
  })
  const ids = ['a', 'b', 'c']
  const members = await Promise.all(ids.map((id) => member(broker.bootstrapServers, id)))
  const fetches = members.map((client, i) =>
    client.request(shareFetch, 2, {
      groupId: 'g',
      memberId: ids[i] as string,
      shareSessionEpoch: 0,
      maxWaitMs: 300,
      minBytes: 100_000,
      maxBytes: 1_000_000,
      maxRecords: 10,
      batchSize: 10,
      topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }],
      forgottenTopicsData: [],
    }),
  )
  // They wait; the broker does not.
  await admin.request(metadata, 12, { topics: [{ name: 'orders' }] })
  const acquired = (await Promise.all(fetches)).flatMap(
    ({ responses }) => responses[0]?.partitions[0]?.acquiredRecords ?? [],
  )
  expect(acquired).toEqual([{ firstOffset: 0n, lastOffset: 0n, deliveryCount: 1 }])
  for (const client of [admin, ...members]) await client.close()
})
