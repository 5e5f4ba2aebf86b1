// A topic that a request needs cannot be made, because the disk is full: the request is answered with a code,
// and succeeds when there is room again.

import { expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { ZERO_UUID } from '../../broker/protocol/schema.ts'
import { BrokerNode } from '../../broker/server/broker-node.ts'
import { BrokerSettings } from '../../broker/server/broker-settings.ts'
import { parseBrokerConfig } from '../../broker/server/config/broker-config.ts'
import { createHandlers } from '../../broker/server/handler-table.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { systemClock } from '../../broker/time/system-clock.ts'
import { Random } from '../world/random.ts'

const settings = [{ key: 'listeners', value: 'PLAINTEXT://127.0.0.1:0', origin: 'test' }]
const silent = (): void => {}

test('Metadata and AddOffsetsToTxn answer a code while the disk is full, and work when it is not', async () => {
  const storage = new FaultyStorage(new Random(1))
  const node = await BrokerNode.start({
    storage,
    isVolatile: false,
    settings: new BrokerSettings(parseBrokerConfig(settings)),
    clock: systemClock,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  })
  try {
    const { Metadata, AddOffsetsToTxn } = createHandlers(node, 'PLAINTEXT')
    const connection = {
      id: 1,
      localHost: '127.0.0.1',
      localPort: node.address.port,
      remoteHost: '127.0.0.1',
      remotePort: 1,
      clientSoftwareName: '',
      clientSoftwareVersion: '',
      mutedUntilMs: 0,
    }
    const askForTopic = async (): Promise<number | undefined> => {
      const request = {
        topics: [{ name: 'wanted', topicId: ZERO_UUID }],
        allowAutoTopicCreation: true,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      }
      const answer = await Metadata?.(request, { apiVersion: 12, clientId: 'test', connection })
      return answer?.topics[0]?.errorCode
    }
    const addOffsets = async (): Promise<number | undefined> => {
      const request = { transactionalId: 'tx', producerId: 1n, producerEpoch: 0, groupId: 'group' }
      const answer = await AddOffsetsToTxn?.(request, { apiVersion: 3, clientId: 'test', connection })
      return answer?.errorCode
    }
    storage.failNext('append', 'ENOSPC', { sticky: true })
    expect(await askForTopic()).toBe(errorCodes.KAFKA_STORAGE_ERROR)
    expect(await addOffsets()).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE)
    storage.clearFaults()
    expect(await askForTopic()).toBe(errorCodes.NONE)
    // The offsets topic is made now; nobody has asked for the transaction's coordinator.
    expect(await addOffsets()).toBe(errorCodes.NOT_COORDINATOR)
  } finally {
    await node.stop()
  }
})
