// kafka-transactions and kafka-features of Kafka 4.3 against one broker process, a producer that speaks
// transaction.version 2 beside it, and kafka-dump-log over what both leave in __transaction_state.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopics } from '../../broker/protocol/apis/create-topics.ts'
import { describeTransactions } from '../../broker/protocol/apis/describe-transactions.ts'
import { endTxn } from '../../broker/protocol/apis/end-txn.ts'
import { findCoordinator } from '../../broker/protocol/apis/find-coordinator.ts'
import { initProducerId } from '../../broker/protocol/apis/init-producer-id.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { readLog } from '../world/read-log.ts'
import { WireClient } from '../world/wire-client.ts'
import { clients, skipReason } from './clients.ts'
import { runTool, tool, toolsMissing } from './tools.ts'
import { run, Server } from './world.ts'

const TOPIC = 'ledger'
const reason = skipReason({ name: 'Kafka command line tools', missing: toolsMissing })
const maybe = reason === undefined ? test : test.skip

const topic = { name: TOPIC, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
const ledger = { topics: [topic], timeoutMs: 5000 }

let server: Server
let client: WireClient
beforeAll(async () => {
  server = await Server.start()
  client = await WireClient.connect(server.bootstrap)
  await client.request(createTopics, 7, ledger)
})
afterAll(async () => {
  await client.close()
  await server[Symbol.asyncDispose]()
})

const transactions = async (...args: string[]): Promise<string> =>
  (await runTool(server.bootstrap, 'kafka-transactions', ...args)).join('\n')
const features = async (...args: string[]): Promise<string> =>
  (await runTool(server.bootstrap, 'kafka-features', ...args)).join('\n')

/** Begins a transaction with one record of long ago in partition 0; where it begins. */
async function open(transactionalId: string, by = client) {
  await by.request(findCoordinator, 4, { keyType: 1, coordinatorKeys: [transactionalId] })
  const { producerId, producerEpoch } = await by.request(initProducerId, 5, {
    transactionalId,
    transactionTimeoutMs: 900_000,
  })
  const producer = { producerId, producerEpoch }
  const options = { ...producer, baseSequence: 0, isTransactional: true }
  const records = buildBatch([{ timestampMs: 1000, key: null, value: Buffer.from(transactionalId) }], options)
  const { responses } = await by.request(produce, 12, {
    transactionalId,
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: TOPIC, partitionData: [{ index: 0, records }] }],
  })
  const answer = responses[0]?.partitionResponses[0]
  expect(errorName(answer?.errorCode ?? -1)).toBe('NONE')
  return { producer, startOffset: answer?.baseOffset ?? -1n }
}

async function committed(by = client): Promise<string[]> {
  const values: string[] = []
  const from = { topic: TOPIC, partition: 0, fromOffset: 0n, isolation: 'read_committed' } as const
  await readLog(by, from, (_offset, _key, value) => values.push(String(value)))
  return values
}

describe('kafka-transactions', () => {
  maybe('lists, describes, and shows who writes', async () => {
    const { producer, startOffset } = await open('open-one')
    expect(await transactions('list')).toMatch(/open-one\s+\d+\s+\d+\s+Ongoing/)
    expect(await transactions('list', '--transactional-id-pattern', 'op.*one')).toContain('open-one')
    expect(await transactions('list', '--transactional-id-pattern', 'one')).not.toContain('open-one')
    expect(await transactions('list', '--duration-filter', '86400000')).not.toContain('open-one')
    const described = await transactions('describe', '--transactional-id', 'open-one')
    expect(described).toMatch(/Ongoing/)
    expect(described).toMatch(/ledger-0/)
    const producers = await transactions('describe-producers', '--topic', TOPIC, '--partition', '0')
    const { producerId, producerEpoch } = producer
    expect(producers).toMatch(new RegExp(`${producerId}\\s+${producerEpoch}\\s+.*\\s${startOffset}\\b`))
    // Old as its records are, the coordinator knows it: it does not hang.
    expect(await transactions('find-hanging', '--topic', TOPIC, '--partition', '0')).not.toContain('ledger')
    expect(await transactions('find-hanging', '--broker-id', '1')).not.toContain('ledger')
    const end = await client.request(endTxn, 5, { transactionalId: 'open-one', ...producer, committed: true })
    expect(end).toMatchObject({ errorCode: 0, producerEpoch: producerEpoch + 1 })
    // The decision is answered before its markers are in the partitions.
    await expect.poll(() => committed()).toEqual(['open-one'])
  })

  maybe(
    'aborts a partition’s transaction by its start offset, and as brokers before 3.0 were asked',
    async () => {
      const first = await open('stuck-one')
      const where = ['--topic', TOPIC, '--partition', '0']
      await transactions('abort', ...where, '--start-offset', String(first.startOffset))
      expect(await committed()).toEqual(['open-one'])
      const second = await open('stuck-two')
      const { producerId, producerEpoch } = second.producer
      const epochs = ['--producer-epoch', String(producerEpoch), '--coordinator-epoch', '99']
      await transactions('abort', ...where, '--producer-id', String(producerId), ...epochs)
      expect(await committed()).toEqual(['open-one'])
    },
  )

  maybe('takes an id away from its producer', async () => {
    const { producer } = await open('taken')
    await transactions('forceTerminateTransaction', '--transactionalId', 'taken')
    const end = await client.request(endTxn, 5, { transactionalId: 'taken', ...producer, committed: true })
    expect(errorName(end.errorCode)).toMatch(/PRODUCER_FENCED|INVALID_TXN_STATE/)
    expect(await committed()).toEqual(['open-one'])
  })

  maybe('finds what hangs, and ends it', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'logmill-hanging-'))
    try {
      {
        await using first = await Server.start({ dataDir })
        await using by = await WireClient.connect(first.bootstrap)
        await by.request(createTopics, 7, ledger)
        await open('lost', by)
      }
      // The coordinator forgets all that it knew: nobody will ever end what is open.
      for (const folder of readdirSync(dataDir).filter((name) => name.startsWith('__transaction_state-'))) {
        rmSync(join(dataDir, folder), { recursive: true })
      }
      await using second = await Server.start({ dataDir })
      const asked = async (...args: string[]): Promise<string> =>
        (await runTool(second.bootstrap, 'kafka-transactions', ...args)).join('\n')
      expect(await asked('find-hanging', '--topic', TOPIC)).toMatch(/ledger\s+0\s+\d+\s+0\s+-1\s+0\b/)
      await asked('abort', '--topic', TOPIC, '--partition', '0', '--start-offset', '0')
      expect(await asked('find-hanging', '--topic', TOPIC)).not.toContain('ledger')
      await using by = await WireClient.connect(second.bootstrap)
      expect(await committed(by)).toEqual([])
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })

  maybe('the Java producer raises its epoch with every transaction', async () => {
    const java = clients.find(({ name }) => /java/i.test(name))
    const command = java?.command('transact', server.bootstrap, TOPIC, 'of-java', 'by-java')
    if (command === undefined) throw new Error('the Java client does not transact')
    await run(command)
    const { transactionStates } = await client.request(describeTransactions, 0, {
      transactionalIds: ['by-java'],
    })
    expect(transactionStates[0]?.producerEpoch).toBeGreaterThan(0)
  })

  maybe('and what they leave is read by kafka-dump-log', async () => {
    const folders = readdirSync(server.dataDir).filter((name) => name.startsWith('__transaction_state-'))
    const dumped = await Promise.all(
      folders.map((folder) => {
        const file = join(server.dataDir, folder, '00000000000000000000.log')
        return run(tool('kafka-dump-log', '--files', file, '--transaction-log-decoder'))
      }),
    )
    const text = dumped.flat().join('\n')
    expect(text).toMatch(/open-one.*CompleteCommit|"transactionStatus":4|state=CompleteCommit/)
    expect(text).not.toMatch(/isvalid: false/i)
  })
})

describe('kafka-features', () => {
  maybe('describes, downgrades and upgrades, dry and wet', async () => {
    expect(await features('describe')).toMatch(
      /transaction\.version\s+SupportedMinVersion: 0\s+SupportedMaxVersion: 2\s+FinalizedVersionLevel: 2/,
    )
    const one = ['--feature', 'transaction.version=1']
    expect(await features('downgrade', ...one, '--dry-run')).toContain('can be downgraded to 1')
    expect(await features('describe')).toMatch(/transaction\.version.*FinalizedVersionLevel: 2/)
    expect(await features('downgrade', ...one)).toContain('was downgraded to 1')
    expect(await features('describe')).toMatch(/transaction\.version.*FinalizedVersionLevel: 1/)
    expect(await features('upgrade', '--feature', 'transaction.version=2')).toContain('was upgraded to 2')
    await expect(features('upgrade', '--feature', 'transaction.version=9')).rejects.toThrow(
      /only supports versions 0-2/,
    )
  })
})
