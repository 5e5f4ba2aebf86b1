// The processor's ports over the wire, against logmill itself; also at the level of transactions that brokers before
// Kafka 4.0 have, where partitions are added by requests of their own and the epoch stays.

import { expect } from 'vitest'
import { updateFeatures } from '../../broker/protocol/apis/update-features.ts'
import { startBroker } from '../../broker/server/start-broker.ts'
import { wireJobs } from '../suites/wire-jobs.ts'
import { WireClient } from '../world/wire-client.ts'

wireJobs('logmill behind a socket', () => startBroker({ port: 0 }))

wireJobs('logmill behind a socket, transaction.version 1', async () => {
  const broker = await startBroker({ port: 0 })
  await using admin = await WireClient.connect(broker.bootstrapServers)
  const featureUpdates = [{ feature: 'transaction.version', maxVersionLevel: 1, upgradeType: 2 }]
  const answer = await admin.request(updateFeatures, 1, {
    timeoutMs: 5_000,
    featureUpdates,
    validateOnly: false,
  })
  expect(answer).toMatchObject({ errorCode: 0 })
  return broker
})
