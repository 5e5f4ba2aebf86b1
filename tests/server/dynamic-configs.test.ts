// Settings that change while a broker runs, and that something really follows from it: asked and answered over the
// protocol, as kafka-configs does.

import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeConfigs } from '../../broker/protocol/apis/describe-configs.ts'
import { incrementalAlterConfigs } from '../../broker/protocol/apis/incremental-alter-configs.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { WireClient } from '../world/wire-client.ts'

const [BROKER, BROKER_LOGGER] = [4, 8] as const

const said: string[] = []
const silent = () => undefined
let broker: Broker
let client: WireClient
beforeAll(async () => {
  const warn = (...words: unknown[]) => void said.push(words.join(' '))
  broker = await startBroker({
    topics: { orders: {} },
    logger: { debug: silent, info: silent, warn, error: silent },
  })
  client = await WireClient.connect(broker.bootstrapServers)
})
afterAll(async () => {
  await client.close()
  await broker.stop()
})

const change = async (resourceType: number, name: string, value: string | null, resourceName = '1') => {
  const configs = [{ name, value, configOperation: value === null ? 1 : 0 }]
  const resources = [{ resourceType, resourceName, configs }]
  const answer = await client.request(incrementalAlterConfigs, 1, { resources, validateOnly: false })
  return answer.responses[0]?.errorCode
}
const send = async (sizeInBytes: number) => {
  const records = buildBatch([{ timestampMs: 1000, key: null, value: Buffer.alloc(sizeInBytes) }])
  const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
  const answer = await client.request(produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 5000,
    topicData,
  })
  return answer.responses[0]?.partitionResponses[0]?.errorCode
}

test('message.max.bytes of every broker holds for the next record, that of this one before it', async () => {
  expect(await send(2000)).toBe(errorCodes.NONE)
  expect(await change(BROKER, 'message.max.bytes', '1000', '')).toBe(errorCodes.NONE)
  expect(await send(2000)).toBe(errorCodes.MESSAGE_TOO_LARGE)
  expect(await change(BROKER, 'message.max.bytes', '5000')).toBe(errorCodes.NONE)
  expect(await send(2000)).toBe(errorCodes.NONE)
  expect(await change(BROKER, 'message.max.bytes', null)).toBe(errorCodes.NONE)
  expect(await send(2000)).toBe(errorCodes.MESSAGE_TOO_LARGE)
  expect(await change(BROKER, 'message.max.bytes', null, '')).toBe(errorCodes.NONE)
  expect(await send(2000)).toBe(errorCodes.NONE)
})

/** Whether the broker lets another connection in. */
const isLetIn = async (): Promise<boolean> => {
  try {
    const another = await WireClient.connect(broker.bootstrapServers)
    await another.request(metadata, 9, { topics: [], allowAutoTopicCreation: false })
    await another.close()
    return true
  } catch {
    return false
  }
}

test('max.connections.per.ip holds for the next connection, but for an address with a number of its own', async () => {
  expect(await isLetIn()).toBe(true)
  expect(await change(BROKER, 'max.connections.per.ip', '1')).toBe(errorCodes.NONE)
  expect(await isLetIn()).toBe(false)
  expect(said.join('\n')).toContain('max.connections.per.ip reached')
  expect(await change(BROKER, 'max.connections.per.ip.overrides', '127.0.0.1:9')).toBe(errorCodes.NONE)
  expect(await isLetIn()).toBe(true)
  await change(BROKER, 'max.connections.per.ip.overrides', null)
  await change(BROKER, 'max.connections.per.ip', null)
})

test('max.connections holds for the next connection', async () => {
  expect(await change(BROKER, 'max.connections', '1')).toBe(errorCodes.NONE)
  expect(await isLetIn()).toBe(false)
  await change(BROKER, 'max.connections', null)
  expect(await isLetIn()).toBe(true)
})

test('a logger says less from one moment to the next, and more again', async () => {
  const level = async () => {
    const resources = [{ resourceType: BROKER_LOGGER, resourceName: '1', configurationKeys: null }]
    const answer = await client.request(describeConfigs, 4, { resources })
    return answer.results[0]?.configs.map(({ name, value }) => [name, value])
  }
  /** A frame that is none: the broker closes the connection and says why. */
  const isHeard = async (): Promise<boolean> => {
    const before = said.length
    const socket = connect(broker.port, broker.host)
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
    await new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
    return said.length > before
  }
  expect(await level()).toEqual([['root', 'INFO']])
  expect(await isHeard()).toBe(true)
  expect(await change(BROKER_LOGGER, 'root', 'ERROR')).toBe(errorCodes.NONE)
  expect(await level()).toEqual([['root', 'ERROR']])
  expect(await isHeard()).toBe(false)
  expect(await change(BROKER_LOGGER, 'root', 'LOUD')).toBe(errorCodes.INVALID_CONFIG)
  expect(await change(BROKER_LOGGER, 'root', 'INFO')).toBe(errorCodes.NONE)
  expect(await isHeard()).toBe(true)
})

test.each([
  ['num.io.threads', '17'],
  ['log.cleaner.threads', '0'],
  ['listeners', 'PLAINTEXT://127.0.0.1:9999'],
  ['cordoned.log.dirs', '/data'],
  ['ssl.keystore.location', '/key'],
  ['follower.replication.throttled.rate', '-1'],
  ['max.connections.per.ip', '0'],
  ['max.connections.per.ip.overrides', 'nowhere'],
  ['group.consumer.assignment.interval.ms', '20000'],
])('%s=%s is refused and changes nothing', async (name, value) => {
  expect(await change(BROKER, name, value)).toBe(errorCodes.INVALID_REQUEST)
  const resources = [{ resourceType: BROKER, resourceName: '1', configurationKeys: [name] }]
  const answer = await client.request(describeConfigs, 4, { resources })
  expect(answer.results[0]?.configs.map((config) => config.value)).not.toContain(value)
})
