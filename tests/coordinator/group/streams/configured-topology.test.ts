// A topology held against topics: tasks, the partitions of internal topics, what is missing, what does not fit.

import { describe, expect, test } from 'vitest'
import {
  type ConfiguredTopology,
  configureTopology,
} from '../../../../broker/coordinator/group/streams/configured-topology.ts'
import {
  InvalidTopologyError,
  statusCodes,
} from '../../../../broker/coordinator/group/streams/topic-configuration.ts'
import type { Topology } from '../../../../broker/coordinator/group/streams/topology.ts'
import { topology, wordCount } from './topology.ts'

const configured = (of: Topology, existing: Record<string, number>): ConfiguredTopology =>
  configureTopology(of, (name) => existing[name])

const taskCounts = ({ subtopologies }: ConfiguredTopology) =>
  subtopologies && Object.fromEntries([...subtopologies].map(([id, { taskCount }]) => [id, taskCount]))
const missing = ({ missingInternalTopics }: ConfiguredTopology) =>
  Object.fromEntries(missingInternalTopics.map(({ name, numPartitions }) => [name, numPartitions]))

describe('a word count', () => {
  test('has the partitions of its source all the way down', () => {
    const found = configured(wordCount, { lines: 3 })
    expect(taskCounts(found)).toEqual({ 0: 3, 1: 3 })
    expect(missing(found)).toEqual({ words: 3, counts: 3 })
    expect(found.problem).toEqual({
      statusCode: statusCodes.MISSING_INTERNAL_TOPICS,
      statusDetail: 'Internal topics are missing: words, counts',
    })
  })

  test('is ready when all its topics are there', () => {
    const found = configured(wordCount, { lines: 3, words: 3, counts: 3 })
    expect(found.problem).toBeNull()
    expect(missing(found)).toEqual({})
  })

  test('without its source is told so, and makes nothing', () => {
    const found = configured(wordCount, { words: 3 })
    expect(found).toMatchObject({
      subtopologies: null,
      missingInternalTopics: [],
      problem: {
        statusCode: statusCodes.MISSING_SOURCE_TOPICS,
        statusDetail: 'Source topics lines are missing.',
      },
    })
  })

  test('does not run on internal topics of another size', () => {
    expect(configured(wordCount, { lines: 3, words: 3, counts: 2 }).problem).toEqual({
      statusCode: statusCodes.INCORRECTLY_PARTITIONED_TOPICS,
      statusDetail: 'Existing topic counts has different number of partitions: expected 3, found 2',
    })
  })

  test('keeps a repartition topic that is there, and sizes what follows by it', () => {
    // Its source has grown since: the topic that holds records does not.
    const found = configured(wordCount, { lines: 5, words: 3, counts: 3 })
    expect(found.problem).toMatchObject({ statusCode: statusCodes.INCORRECTLY_PARTITIONED_TOPICS })
  })
})

describe('repartition topics', () => {
  test('get the number that the topology fixes', () => {
    const fixed = topology(
      { sourceTopics: ['in'], repartitionSinkTopics: ['mid'] },
      { repartitionSourceTopics: ['mid:7'], stateChangelogTopics: ['store'] },
    )
    const found = configured(fixed, { in: 2 })
    expect(taskCounts(found)).toEqual({ 0: 2, 1: 7 })
    expect(missing(found)).toEqual({ mid: 7, store: 7 })
  })

  test('follow one another in whatever order the subtopologies stand', () => {
    const chain = topology(
      { repartitionSourceTopics: ['b'], stateChangelogTopics: ['last'] },
      { repartitionSourceTopics: ['a'], repartitionSinkTopics: ['b'] },
      { sourceTopics: ['in', 'small'], repartitionSinkTopics: ['a'] },
    )
    expect(missing(configured(chain, { in: 4, small: 2 }))).toEqual({ a: 4, b: 4, last: 4 })
  })

  test('in a ring that nothing flows into are refused', () => {
    const ring = topology({ repartitionSourceTopics: ['a'], repartitionSinkTopics: ['a'] })
    expect(() => configured(ring, {})).toThrow(InvalidTopologyError)
  })

  test('that nobody writes to are refused', () => {
    const unwritten = topology({ sourceTopics: ['in'], repartitionSourceTopics: ['nobodys'] })
    expect(() => configured(unwritten, { in: 1 })).toThrow(/never used as a sink topic/)
  })

  test('of a negative number are refused', () => {
    const negative = topology({ sourceTopics: ['in'], repartitionSourceTopics: ['x:-3'] })
    expect(() => configured(negative, { in: 1 })).toThrow(InvalidTopologyError)
  })
})

describe('copartitioned topics', () => {
  const join = (...repartitionSourceTopics: string[]) =>
    topology(
      {
        sourceTopics: ['left'],
        repartitionSourceTopics,
        copartitionGroups: [
          {
            sourceTopics: [0],
            sourceTopicRegex: [],
            repartitionSourceTopics: repartitionSourceTopics.map((_, i) => i),
          },
        ],
      },
      {
        sourceTopics: ['right'],
        repartitionSinkTopics: repartitionSourceTopics.map((text) => text.split(':')[0] ?? ''),
      },
    )

  test('of the user decide how many partitions the others get', () => {
    expect(missing(configured(join('rekeyed'), { left: 6, right: 2 }))).toEqual({ rekeyed: 6 })
  })

  test('cannot fit a number that is fixed otherwise', () => {
    expect(configured(join('rekeyed:4'), { left: 6, right: 2 }).problem).toEqual({
      statusCode: statusCodes.INCORRECTLY_PARTITIONED_TOPICS,
      statusDetail:
        "Number of partitions [4] of repartition topic [rekeyed] doesn't match number of partitions [6] of the source topic.",
    })
  })

  test('of the user must fit each other', () => {
    const both = topology({
      sourceTopics: ['left', 'right'],
      copartitionGroups: [{ sourceTopics: [0, 1], sourceTopicRegex: [], repartitionSourceTopics: [] }],
    })
    expect(configured(both, { left: 6, right: 2 }).problem).toEqual({
      statusCode: statusCodes.INCORRECTLY_PARTITIONED_TOPICS,
      statusDetail: 'Following topics do not have the same number of partitions: [{left=6, right=2}]',
    })
  })

  test('that are all internal get the most of them, or the one that is fixed', () => {
    const internal = (...topics: [string, string]) =>
      topology(
        { sourceTopics: ['a'], repartitionSinkTopics: ['x'] },
        { sourceTopics: ['b'], repartitionSinkTopics: ['y'] },
        {
          repartitionSourceTopics: topics,
          copartitionGroups: [{ sourceTopics: [], sourceTopicRegex: [], repartitionSourceTopics: [0, 1] }],
        },
      )
    expect(missing(configured(internal('x', 'y'), { a: 2, b: 5 }))).toEqual({ x: 5, y: 5 })
    expect(missing(configured(internal('x:3', 'y'), { a: 2, b: 5 }))).toEqual({ x: 3, y: 3 })
  })

  test('that the subtopology does not have are refused', () => {
    const wrong = topology({
      sourceTopics: ['left'],
      copartitionGroups: [{ sourceTopics: [0, 9], sourceTopicRegex: [], repartitionSourceTopics: [] }],
    })
    expect(() => configured(wrong, { left: 1 })).toThrow(InvalidTopologyError)
  })
})

test('internal topics are made with what the topology says of them', () => {
  const compacted = topology({
    sourceTopics: ['in'],
    stateChangelogTopics: [
      {
        name: 'store',
        partitions: 0,
        replicationFactor: 1,
        topicConfigs: [{ key: 'cleanup.policy', value: 'compact' }],
      },
    ],
  })
  expect(configured(compacted, { in: 2 }).missingInternalTopics).toEqual([
    {
      name: 'store',
      numPartitions: 2,
      replicationFactor: 1,
      configs: [{ name: 'cleanup.policy', value: 'compact' }],
    },
  ])
})

test('a subtopology that reads nothing is refused', () => {
  expect(() => configured(topology({ stateChangelogTopics: ['x'] }), {})).toThrow(/No source topics/)
})

test('many missing topics are summed up', () => {
  const many = topology({ sourceTopics: ['e', 'd', 'c', 'b', 'a'] })
  expect(configured(many, {}).problem?.statusDetail).toBe(
    'Source topics a, b, c and 2 additional topics are missing.',
  )
})
