// The topics that are there before anything is asked, and the asking of a set of questions.

import { createTopics } from '../../../broker/protocol/apis/create-topics.ts'
import { findCoordinator } from '../../../broker/protocol/apis/find-coordinator.ts'
import { initProducerId } from '../../../broker/protocol/apis/init-producer-id.ts'
import { metadata } from '../../../broker/protocol/apis/metadata.ts'
import { produce } from '../../../broker/protocol/apis/produce.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { buildBatch } from '../../../broker/protocol/record-batch/builder.ts'
import { WireClient } from '../../world/wire-client.ts'
import { answer, type Question } from './question.ts'

const topics: Record<string, Record<string, string>> = {
  // Five records of the timestamps 1000, 2000, … in partition 0, none in partition 1.
  kept: {},
  // Four records in partition 0 for DeleteRecords.
  doomed: {},
  written: {},
  compacted: { 'cleanup.policy': 'compact' },
  'a.b': {},
}
const recordsIn: Record<string, number> = { kept: 5, doomed: 4 }

const AGAIN_MS = 100
const DEADLINE_MS = 30_000

/** By title; then by versions, of which neighbours with the same answer stand together: `4-11`, `12`. */
export type Answers = Record<string, Record<string, unknown>>

/** Asks a fresh broker, one question after the other: a question may rest on what those before it did. */
export async function askAll(questions: readonly Question[], bootstrap: string): Promise<Answers> {
  const topicIds = await setUp(bootstrap)
  const earlier = new Map<string, unknown>()
  const byTitle = new Map<string, { from: number; to: number; answer: unknown }[]>()
  for (const question of questions) {
    const { title, version } = question
    const runs = byTitle.get(title) ?? []
    byTitle.set(title, runs)
    const { reply, said } = await answer(bootstrap, question, topicIds, earlier)
    earlier.set(title, reply)
    const last = runs.at(-1)
    if (last !== undefined && last.to >= version) throw new Error(`${title} is asked twice`)
    if (last?.to === version - 1 && JSON.stringify(last.answer) === JSON.stringify(said)) last.to = version
    else runs.push({ from: version, to: version, answer: said })
  }
  return Object.fromEntries(
    [...byTitle].map(([title, runs]) => [
      title,
      Object.fromEntries(
        runs.map(({ from, to, answer }) => [from === to ? `${from}` : `${from}-${to}`, answer]),
      ),
    ]),
  )
}

/** What was answered to a question in a version; undefined if it was not asked. */
export function answerOf(answers: Answers, { title, version }: Question): unknown {
  const found = Object.entries(answers[title] ?? {}).find(([versions]) => {
    const [from, to = from] = versions.split('-').map(Number)
    return version >= (from as number) && version <= (to as number)
  })
  return found?.[1]
}

async function setUp(bootstrap: string): Promise<Map<string, string>> {
  await using client = await WireClient.connect(bootstrap)
  await client.request(createTopics, 7, {
    topics: Object.entries(topics).map(([name, configs]) => ({
      name,
      numPartitions: name === 'kept' ? 2 : 1,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    })),
    timeoutMs: 10_000,
  })
  // Both coordinators are made by the first who asks, and take a while.
  for (const keyType of [0, 1]) {
    await until(async () => {
      const { coordinators } = await client.request(findCoordinator, 4, { keyType, coordinatorKeys: ['any'] })
      return coordinators[0]?.errorCode === errorCodes.NONE
    })
  }
  await until(async () => {
    const { errorCode } = await client.request(initProducerId, 3, {
      transactionalId: null,
      transactionTimeoutMs: 0,
    })
    return errorCode === errorCodes.NONE
  })
  for (const [name, count] of Object.entries(recordsIn)) {
    for (let i = 1; i <= count; i++) await append(client, name, i * 1000)
  }
  const { topics: told } = await client.request(metadata, 12, {
    topics: null,
    includeTopicAuthorizedOperations: false,
  })
  return new Map(told.map(({ name, topicId }) => [name ?? '', topicId]))
}

async function append(client: WireClient, name: string, timestampMs: number): Promise<void> {
  await until(async () => {
    const records = buildBatch([{ timestampMs, key: Buffer.from('k'), value: Buffer.from('v') }])
    const { responses } = await client.request(produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name, partitionData: [{ index: 0, records }] }],
    })
    return responses[0]?.partitionResponses[0]?.errorCode === errorCodes.NONE
  })
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < DEADLINE_MS; waitedMs += AGAIN_MS) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
  throw new Error('the broker does not get ready')
}
