// The admin handlers over a controller in memory: what each version asks and is answered.

import { describe, expect, test, vi } from 'vitest'
import { QuorumError } from '../../broker/controller/quorum.ts'
import { handleAlterConfigs } from '../../broker/handlers/alter-configs.ts'
import { handleCreatePartitions } from '../../broker/handlers/create-partitions.ts'
import { handleCreateTopics } from '../../broker/handlers/create-topics.ts'
import { handleDeleteTopics } from '../../broker/handlers/delete-topics.ts'
import { handleDescribeCluster } from '../../broker/handlers/describe-cluster.ts'
import { handleDescribeConfigs } from '../../broker/handlers/describe-configs.ts'
import { handleDescribeTopicPartitions } from '../../broker/handlers/describe-topic-partitions.ts'
import { handleFindCoordinator } from '../../broker/handlers/find-coordinator.ts'
import { handleIncrementalAlterConfigs } from '../../broker/handlers/incremental-alter-configs.ts'
import { handleMetadata } from '../../broker/handlers/metadata.ts'
import { apis } from '../../broker/protocol/apis/index.ts'
import { encodeResponse } from '../../broker/protocol/codec.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { NO_ID, topic } from '../controller/world.ts'
import { adminWorld, at, unlimited } from './admin-world.ts'

/** Every version that is served must be able to carry the answer. */
function encodable(name: string, versions: number[], body: unknown): void {
  const api = apis.find((each) => each.name === name)
  if (api === undefined) throw new Error(`no API ${name}`)
  for (const version of versions) expect(() => encodeResponse(api, version, body as never)).not.toThrow()
}

describe('Metadata', () => {
  const ask = (topics: { name: string | null; topicId?: string }[] | null, more: object = {}) => ({
    topics: topics?.map(({ name, topicId = NO_ID }) => ({ name: name as string, topicId })) ?? null,
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
    ...more,
  })
  const start = async (...names: string[]) => {
    const world = await adminWorld(...names)
    const autoCreate = vi.fn(async (missing: readonly string[]) => {
      const outcomes = await world.controller.submit({
        type: 'createTopics',
        topics: missing.map((name) => topic(name)),
        validateOnly: false,
      })
      return new Map(outcomes.map(({ name, errorCode }) => [name, errorCode]))
    })
    return { ...world, autoCreateEnabled: () => true, autoCreate }
  }
  const namesOf = ({ topics }: { topics: readonly { name: string | null }[] }) =>
    topics.map(({ name }) => name)

  test('all topics: null, or an empty list in version 0; none: an empty list after it', async () => {
    const services = await start('a', 'b')
    expect(namesOf(await handleMetadata(ask(null), at(13), services))).toEqual(['a', 'b'])
    expect(namesOf(await handleMetadata(ask([]), at(0), services))).toEqual(['a', 'b'])
    expect(namesOf(await handleMetadata(ask([]), at(1), services))).toEqual([])
  })

  test('brokers, controller, cluster and leaders, under the address that the client reached', async () => {
    const services = await start('a')
    const answer = await handleMetadata(ask([{ name: 'a' }]), at(9), services)
    expect(answer).toMatchObject({
      brokers: [{ nodeId: 1, host: '10.0.0.1', port: 9092, rack: null }],
      clusterId: 'the-cluster',
      controllerId: 1,
      clusterAuthorizedOperations: -2147483648,
    })
    expect(answer.topics[0]).toMatchObject({
      errorCode: 0,
      topicId: services.image.topic('a')?.topicId,
      isInternal: false,
      topicAuthorizedOperations: -2147483648,
      partitions: [
        {
          errorCode: 0,
          partitionIndex: 0,
          leaderId: 1,
          leaderEpoch: 0,
          replicaNodes: [1],
          isrNodes: [1],
          offlineReplicas: [],
        },
        { partitionIndex: 1 },
      ],
    })
    encodable('Metadata', [0, 1, 4, 5, 7, 8, 9, 10, 12, 13], answer)
  })

  test('authorized operations only when they are asked for: then all, for there is no authorizer', async () => {
    const services = await start('a')
    const asked = ask([{ name: 'a' }], {
      includeClusterAuthorizedOperations: true,
      includeTopicAuthorizedOperations: true,
    })
    const answer = await handleMetadata(asked, at(8), services)
    expect(answer.clusterAuthorizedOperations).toBe(8096)
    expect(answer.topics[0]?.topicAuthorizedOperations).toBe(3576)
  })

  test('by id from version 12 on; an id nobody has is answered without a name', async () => {
    const services = await start('a')
    const topicId = services.image.topic('a')?.topicId as string
    const other = 'f'.repeat(32)
    const answer = await handleMetadata(
      ask([
        { name: null, topicId },
        { name: null, topicId: other },
      ]),
      at(12),
      services,
    )
    expect(answer.topics).toMatchObject([
      { errorCode: 0, name: 'a', topicId },
      { errorCode: errorCodes.UNKNOWN_TOPIC_ID, name: null, topicId: other, partitions: [] },
    ])
    encodable('Metadata', [12, 13], answer)
    const early = await handleMetadata(ask([{ name: 'a', topicId }]), at(11), services)
    expect(early.topics).toMatchObject([{ errorCode: errorCodes.INVALID_REQUEST }])
    encodable('Metadata', [10, 11], early)
  })

  test('a missing topic is made only when client and broker both allow it, and is there in the answer', async () => {
    const services = await start()
    const missing = ask([{ name: 'new' }, { name: 'b d' }, { name: 'new' }])
    const never = await handleMetadata(missing, at(9), services)
    expect(never.topics.map(({ errorCode }) => errorCode)).toEqual([3, 17])
    const disabled = { ...services, autoCreateEnabled: () => false }
    await handleMetadata({ ...missing, allowAutoTopicCreation: true }, at(9), disabled)
    expect(services.autoCreate).not.toHaveBeenCalled()
    const made = await handleMetadata({ ...missing, allowAutoTopicCreation: true }, at(9), services)
    expect(services.autoCreate).toHaveBeenCalledExactlyOnceWith(['new'])
    expect(made.topics).toMatchObject([
      { errorCode: 0, name: 'new', partitions: [{ leaderId: 1 }, { leaderId: 1 }] },
      { errorCode: 17, name: 'b d' },
    ])
  })

  test('a topic that cannot be made is answered with the reason', async () => {
    const services = await start()
    const autoCreate = async () => new Map([['new', errorCodes.INVALID_REPLICATION_FACTOR]])
    const answer = await handleMetadata(ask([{ name: 'new' }], { allowAutoTopicCreation: true }), at(9), {
      ...services,
      autoCreate,
    })
    expect(answer.topics).toMatchObject([
      { errorCode: errorCodes.INVALID_REPLICATION_FACTOR, partitions: [] },
    ])
  })

  test('a fenced broker is not shown, and what it led has no leader', async () => {
    const services = await start('a')
    const brokerEpoch = services.image.broker(1)?.epoch as bigint
    await services.controller.submit({ type: 'setBrokerFence', brokerId: 1, brokerEpoch, fenced: true })
    const answer = await handleMetadata(ask([{ name: 'a' }]), at(9), services)
    expect(answer).toMatchObject({ brokers: [], controllerId: -1 })
    expect(answer.topics[0]?.partitions[0]).toMatchObject({
      errorCode: 5,
      leaderId: -1,
      leaderEpoch: 1,
      offlineReplicas: [1],
    })
  })
})

describe('CreateTopics, CreatePartitions, DeleteTopics', () => {
  test('version 5 tells the configuration, earlier ones and refusals do not', async () => {
    const services = await adminWorld()
    const request = {
      topics: [topic('a', { configs: [{ name: 'retention.ms', value: '5' }] }), topic('?')],
      validateOnly: false,
      timeoutMs: 1000,
    }
    const answer = await handleCreateTopics(request as never, at(7), services)
    expect(answer.topics[0]?.configs).toHaveLength(34)
    expect(answer.topics[0]?.configs?.find(({ name }) => name === 'retention.ms')).toEqual({
      name: 'retention.ms',
      value: '5',
      readOnly: false,
      configSource: 1,
      isSensitive: false,
    })
    expect(answer.topics[1]).toMatchObject({ errorCode: 17, configs: [], numPartitions: -1 })
    encodable('CreateTopics', [2, 4, 5, 7], answer)
    const early = await handleCreateTopics({ ...request, topics: [topic('b')] } as never, at(4), services)
    expect(early.topics[0]).toMatchObject({ errorCode: 0, configs: [] })
  })

  test('by name until version 5, by name or id after it', async () => {
    const services = await adminWorld('a', 'b')
    const early = await handleDeleteTopics(
      { topics: [], topicNames: ['a', 'zzz'], timeoutMs: 1000 },
      at(5),
      services,
    )
    expect(early.responses).toMatchObject([
      { name: 'a', errorCode: 0 },
      { name: 'zzz', errorCode: 3 },
    ])
    encodable('DeleteTopics', [1, 3, 5], early)
    const topicId = services.image.topic('b')?.topicId as string
    const late = await handleDeleteTopics(
      { topics: [{ name: null, topicId }], topicNames: [], timeoutMs: 1000 },
      at(6),
      services,
    )
    expect(late.responses).toEqual([{ name: 'b', topicId, errorCode: 0, errorMessage: null }])
    encodable('DeleteTopics', [6], late)
  })

  test('a version that does not know TOPIC_DELETION_DISABLED is told INVALID_REQUEST', async () => {
    const controller = {
      submit: async () => [{ name: 'a', topicId: NO_ID, errorCode: 73, errorMessage: 'no' }] as never,
    }
    const request = { topics: [], topicNames: ['a'], timeoutMs: 1 }
    expect(
      (await handleDeleteTopics(request, at(2), { controller, mutationQuota: unlimited })).responses,
    ).toMatchObject([{ errorCode: 42 }])
    expect(
      (await handleDeleteTopics(request, at(3), { controller, mutationQuota: unlimited })).responses,
    ).toMatchObject([{ errorCode: 73 }])
  })

  test('partitions are added', async () => {
    const services = await adminWorld('a')
    const answer = await handleCreatePartitions(
      { topics: [{ name: 'a', count: 4, assignments: null }], timeoutMs: 1000, validateOnly: false },
      at(3),
      services,
    )
    expect(answer).toEqual({
      throttleTimeMs: 0,
      results: [{ name: 'a', errorCode: 0, errorMessage: null }],
    })
    encodable('CreatePartitions', [0, 2, 3], answer)
  })

  test('a controller that cannot answers for every topic; a bug is not hidden', async () => {
    const refusing = {
      submit: async () => Promise.reject(new QuorumError(errorCodes.NOT_CONTROLLER, 'gone')),
    }
    const request = { topics: [topic('a'), topic('b')], validateOnly: false, timeoutMs: 1 } as never
    const services = { ...(await adminWorld()), controller: refusing }
    const answer = await handleCreateTopics(request, at(7), services)
    expect(answer.topics).toMatchObject([
      { name: 'a', errorCode: 41, errorMessage: 'gone' },
      { name: 'b', errorCode: 41, errorMessage: 'gone' },
    ])
    encodable('CreateTopics', [2, 7], answer)
    const broken = { submit: async () => Promise.reject(new Error('bug')) }
    await expect(handleCreateTopics(request, at(7), { ...services, controller: broken })).rejects.toThrow(
      'bug',
    )
  })
})

describe('configs', () => {
  test('what was altered is described', async () => {
    const services = await adminWorld('a')
    const incremental = await handleIncrementalAlterConfigs(
      {
        resources: [
          {
            resourceType: 2,
            resourceName: 'a',
            configs: [{ name: 'retention.ms', configOperation: 0, value: '5' }],
          },
        ],
        validateOnly: false,
      },
      at(1),
      services,
    )
    expect(incremental.responses).toEqual([
      { resourceType: 2, resourceName: 'a', errorCode: 0, errorMessage: null },
    ])
    encodable('IncrementalAlterConfigs', [0, 1], incremental)
    const replaced = await handleAlterConfigs(
      {
        resources: [
          { resourceType: 2, resourceName: 'a', configs: [{ name: 'segment.ms', value: '6' }] },
          { resourceType: 4, resourceName: '1', configs: [{ name: 'log.retention.ms', value: '7' }] },
        ],
        validateOnly: false,
      },
      at(2),
      services,
    )
    expect(replaced.responses.map(({ errorCode }) => errorCode)).toEqual([0, 0])
    encodable('AlterConfigs', [0, 2], replaced)
    const described = handleDescribeConfigs(
      {
        resources: [
          { resourceType: 2, resourceName: 'a', configurationKeys: ['retention.ms', 'segment.ms'] },
        ],
        includeSynonyms: true,
        includeDocumentation: false,
      },
      at(4),
      services,
    )
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
    expect([...(described.results[0]?.configs ?? [])].sort(byName)).toMatchObject([
      { name: 'retention.ms', value: '7', configSource: 2 },
      { name: 'segment.ms', value: '6', configSource: 1 },
    ])
    encodable('DescribeConfigs', [1, 3, 4], described)
  })

  test('an empty list of keys asks for all of them', async () => {
    const services = await adminWorld('a')
    const [none, all] = [[], null].map((configurationKeys) =>
      handleDescribeConfigs(
        {
          resources: [{ resourceType: 2, resourceName: 'a', configurationKeys }],
          includeSynonyms: false,
          includeDocumentation: false,
        },
        at(4),
        services,
      ),
    )
    expect(none?.results[0]?.configs.length).toBeGreaterThan(20)
    expect(none).toEqual(all)
  })

  test.each<[number, string, number, string | null]>([
    [2, 'nonesuch', 3, ''],
    [
      2,
      'a b',
      17,
      "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    [4, '9', 42, 'Unexpected broker id, expected 1 or empty string, but received 9'],
    [4, 'x', 42, 'Broker id must be an integer, but it is: x'],
    [8, '', 42, 'Broker id must not be empty'],
    [16, '', 42, 'Client metrics subscription name must not be empty'],
    [32, '', 42, 'Group name must not be empty'],
    [3, 'x', 42, 'Unsupported resource type: 3'],
  ])(
    'a resource of type %i named %j is refused',
    async (resourceType, resourceName, errorCode, errorMessage) => {
      const answer = handleDescribeConfigs(
        {
          resources: [{ resourceType, resourceName, configurationKeys: null }],
          includeSynonyms: false,
          includeDocumentation: false,
        },
        at(4),
        await adminWorld('a'),
      )
      expect(answer.results).toEqual([{ resourceType, resourceName, errorCode, errorMessage, configs: [] }])
      encodable('DescribeConfigs', [1, 4], answer)
    },
  )

  test('a broker, and the default of all', async () => {
    const services = await adminWorld()
    const resources = ['1', ''].map((resourceName) => ({
      resourceType: 4,
      resourceName,
      configurationKeys: null,
    }))
    const answer = handleDescribeConfigs(
      { resources, includeSynonyms: true, includeDocumentation: true },
      at(4),
      services,
    )
    expect(answer.results[0]?.configs.length).toBeGreaterThan(300)
    expect(answer.results[1]).toMatchObject({ errorCode: 0, configs: [] })
    encodable('DescribeConfigs', [1, 4], answer)
  })
})

describe('DescribeCluster', () => {
  const request = { includeClusterAuthorizedOperations: true, endpointType: 1, includeFencedBrokers: false }

  test('brokers, fenced ones only when asked for', async () => {
    const services = await adminWorld()
    const answer = handleDescribeCluster(request, at(2), services)
    expect(answer).toMatchObject({
      errorCode: 0,
      clusterId: 'the-cluster',
      controllerId: 1,
      clusterAuthorizedOperations: 8096,
    })
    expect(answer.brokers).toEqual([
      { brokerId: 1, host: '10.0.0.1', port: 9092, rack: null, isFenced: false },
    ])
    encodable('DescribeCluster', [0, 1, 2], handleDescribeCluster({ ...request }, at(2), services))
    const brokerEpoch = services.image.broker(1)?.epoch as bigint
    await services.controller.submit({ type: 'setBrokerFence', brokerId: 1, brokerEpoch, fenced: true })
    expect(handleDescribeCluster(request, at(2), services).brokers).toEqual([])
    expect(
      handleDescribeCluster({ ...request, includeFencedBrokers: true }, at(2), services).brokers,
    ).toMatchObject([{ brokerId: 1, isFenced: true }])
  })

  test('controllers are not to be asked for here', async () => {
    const services = await adminWorld()
    for (const [endpointType, errorCode] of [
      [2, 114],
      [9, 115],
    ] as const) {
      const answer = handleDescribeCluster({ ...request, endpointType }, at(2), services)
      expect(answer).toMatchObject({ errorCode, brokers: [] })
      encodable('DescribeCluster', [0, 1, 2], answer)
    }
  })
})

describe('DescribeTopicPartitions', () => {
  const start = async () => {
    const world = await adminWorld('b', 'a', 'c')
    return { ...world, partitionLimit: () => 2000 }
  }
  const ask = (
    names: string[],
    responsePartitionLimit: number,
    cursor: { topicName: string; partitionIndex: number } | null = null,
  ) => ({
    topics: names.map((name) => ({ name })),
    responsePartitionLimit,
    cursor,
  })
  const shape = (answer: ReturnType<typeof handleDescribeTopicPartitions>) => ({
    topics: answer.topics.map(({ name, partitions }) => [
      name,
      partitions.map(({ partitionIndex }) => partitionIndex),
    ]),
    next: answer.nextCursor,
  })

  test('pages lead from one to the next, through every partition once', async () => {
    const services = await start()
    const seen: string[] = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    let pages = 0
    do {
      const answer: ReturnType<typeof handleDescribeTopicPartitions> = handleDescribeTopicPartitions(
        ask([], 3, cursor),
        at(0),
        services,
      )
      encodable('DescribeTopicPartitions', [0], answer)
      for (const { name, partitions } of answer.topics)
        for (const { partitionIndex } of partitions) seen.push(`${name}-${partitionIndex}`)
      cursor = answer.nextCursor ?? null
      pages++
    } while (cursor !== null && pages < 10)
    expect(seen).toEqual(['a-0', 'a-1', 'b-0', 'b-1', 'c-0', 'c-1'])
    expect(pages).toBe(2)
  })

  test.each<[string[], number, { topicName: string; partitionIndex: number } | null, unknown]>([
    [
      ['c', 'a', 'a'],
      2000,
      null,
      {
        topics: [
          ['a', [0, 1]],
          ['c', [0, 1]],
        ],
        next: null,
      },
    ],
    [['a', 'b'], 2, null, { topics: [['a', [0, 1]]], next: { topicName: 'b', partitionIndex: 0 } }],
    [['a', 'b'], 0, null, { topics: [['a', [0]]], next: { topicName: 'a', partitionIndex: 1 } }],
    [['a', 'b'], 2000, { topicName: 'b', partitionIndex: 1 }, { topics: [['b', [1]]], next: null }],
    [
      ['a', 'b'],
      2000,
      // Kafka's: the cursor is of another request.
      { topicName: 'aa', partitionIndex: 1 },
      {
        topics: [
          ['a', []],
          ['b', []],
        ],
        next: null,
      },
    ],
    [['b'], 2000, { topicName: 'b', partitionIndex: 2147483647 }, { topics: [['b', []]], next: null }],
    [
      [],
      4,
      { topicName: 'b', partitionIndex: 0 },
      {
        topics: [
          ['b', [0, 1]],
          ['c', [0, 1]],
        ],
        next: null,
      },
    ],
  ])('%j, %i a page, from %j', async (names, limit, cursor, expected) => {
    expect(shape(handleDescribeTopicPartitions(ask(names, limit, cursor), at(0), await start()))).toEqual(
      expected,
    )
  })

  test('the broker’s limit holds, unknown names have their code, a cursor must be one', async () => {
    const services = { ...(await start()), partitionLimit: () => 1 }
    expect(shape(handleDescribeTopicPartitions(ask(['a'], 2000), at(0), services)).next).toEqual({
      topicName: 'a',
      partitionIndex: 1,
    })
    const unknown = handleDescribeTopicPartitions(ask(['zzz', 'b d'], 2000), at(0), services)
    expect(unknown.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['b d', 17],
      ['zzz', 3],
    ])
    const wrong = handleDescribeTopicPartitions(
      ask(['a'], 10, { topicName: 'a', partitionIndex: -1 }),
      at(0),
      services,
    )
    expect(wrong.topics).toMatchObject([{ name: 'a', errorCode: 42 }])
    encodable('DescribeTopicPartitions', [0], wrong)
  })
})

describe('FindCoordinator', () => {
  const start = async () => {
    const world = await adminWorld()
    const ensureTopic = vi.fn(async (name: string) => {
      if (world.image.topic(name) !== undefined) return
      await world.controller.submit({
        type: 'createTopics',
        topics: [topic(name, { numPartitions: 50 })],
        validateOnly: false,
      })
    })
    return { ...world, ensureTopic }
  }

  test('one key until version 3, many after it; the topic is made on the way', async () => {
    const services = await start()
    const one = await handleFindCoordinator({ key: 'g', keyType: 0, coordinatorKeys: [] }, at(0), services)
    expect(one).toEqual({ errorCode: 0, errorMessage: null, nodeId: 1, host: '10.0.0.1', port: 9092 })
    encodable('FindCoordinator', [0, 1, 3], one)
    const many = await handleFindCoordinator(
      { key: '', keyType: 1, coordinatorKeys: ['t1', 't2'] },
      at(4),
      services,
    )
    expect(many.coordinators).toMatchObject([
      { key: 't1', nodeId: 1, errorCode: 0 },
      { key: 't2', nodeId: 1, errorCode: 0 },
    ])
    encodable('FindCoordinator', [4, 6], many)
    expect(services.ensureTopic.mock.calls.map(([name]) => name)).toEqual([
      '__consumer_offsets',
      '__transaction_state',
    ])
  })

  test('what cannot be found has no node', async () => {
    const services = await start()
    const share = await handleFindCoordinator(
      { key: '', keyType: 2, coordinatorKeys: ['k'] },
      at(6),
      services,
    )
    expect(share.coordinators).toMatchObject([{ key: 'k', nodeId: -1, host: '', port: -1, errorCode: 42 }])
    const failing = { ...services, ensureTopic: async () => Promise.reject(new Error('no brokers')) }
    const none = await handleFindCoordinator({ key: 'g', keyType: 0, coordinatorKeys: [] }, at(3), failing)
    expect(none).toMatchObject({ errorCode: 15, errorMessage: 'no brokers', nodeId: -1 })
    await services.ensureTopic('__consumer_offsets')
    const brokerEpoch = services.image.broker(1)?.epoch as bigint
    await services.controller.submit({ type: 'setBrokerFence', brokerId: 1, brokerEpoch, fenced: true })
    expect(
      await handleFindCoordinator({ key: 'g', keyType: 0, coordinatorKeys: [] }, at(3), services),
    ).toMatchObject({ errorCode: 15 })
  })
})
