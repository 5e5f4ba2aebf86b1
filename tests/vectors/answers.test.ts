// The same questions to logmill that Apache Kafka 4.3.1 was asked (record-answers.ts): where the answers differ,
// tools/docs/known-differences.ts says why, or it is a mistake of ours.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { startBroker } from '../../broker/server/start-broker.ts'
import { knownDifferences } from '../../tools/docs/known-differences.ts'
import { answerOf, type Answers, askAll } from './questions/setting.ts'
import { referenceSettings } from './reference-settings.ts'
import { questionSets } from './questions/sets.ts'

function answersOfKafka(set: string): Answers {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'answers', `${set}.json`), 'utf8')) as Answers
}

interface Difference {
  set: string
  title: string
  version: number
  /** `topics[kept].errorCode`. */
  path: string
  kafka: unknown
  ours: unknown
}

const sets = Object.entries(questionSets)
const ours = new Map<string, Answers>()

// Each set has a fresh broker, as it had a fresh Kafka; they are asked side by side.
beforeAll(async () => {
  await Promise.all(
    sets.map(async ([set, questions]) => {
      await using broker = await startBroker({ config: referenceSettings })
      const answers = await askAll(questions, broker.bootstrapServers)
      ours.set(set, JSON.parse(JSON.stringify(answers)) as Answers)
    }),
  )
}, 90_000)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

function nameOf(item: Record<string, unknown>): unknown {
  // A quota's entity is its parts in any order.
  if (Array.isArray(item.entity))
    return item.entity
      .map((part) => JSON.stringify(part))
      .sort()
      .join()
  if ('resourceType' in item && 'resourceName' in item) {
    return `${String(item.resourceType)}:${String(item.resourceName)}`
  }
  const { name, apiKey, groupId, topicName, topic, partitionIndex, entityType, key, user, memberId } = item
  const named = name ?? apiKey ?? groupId ?? topicName ?? topic ?? partitionIndex ?? entityType
  return named ?? key ?? user ?? memberId
}

/** Entries of a list by their name, if each has one of its own: their order says nothing. */
function byName(list: readonly unknown[]): Record<string, unknown> {
  const names = list.map((item) => (isObject(item) ? nameOf(item) : undefined))
  const distinct = !names.includes(undefined) && new Set(names).size === names.length
  return Object.fromEntries(list.map((item, i) => [`[${distinct ? String(names[i]) : i}]`, item]))
}

function* differences(theirs: unknown, here: unknown, path: string): Generator<[string, unknown, unknown]> {
  if (!isObject(theirs) || !isObject(here) || Array.isArray(theirs) !== Array.isArray(here)) {
    if (theirs !== here) yield [path, theirs, here]
    return
  }
  const [a, b] = [theirs, here].map((value) => (Array.isArray(value) ? byName(value) : value))
  for (const name of new Set([...Object.keys(a as object), ...Object.keys(b as object)])) {
    const separator = path === '' || name.startsWith('[') ? '' : '.'
    yield* differences(a?.[name], b?.[name], `${path}${separator}${name}`)
  }
}

function allDifferences(): Difference[] {
  return sets.flatMap(([set, questions]) => {
    const kafka = answersOfKafka(set)
    return questions.flatMap((question) => {
      const { title, version } = question
      const here = answerOf(ours.get(set) ?? {}, question)
      return [...differences(answerOf(kafka, question), here, '')].map(([path, theirs, own]) => ({
        set,
        title,
        version,
        path,
        kafka: theirs,
        ours: own,
      }))
    })
  })
}

test('Kafka was asked all of it', () => {
  expect(questionSets.basics?.length).toBeGreaterThan(900)
  const missing = sets.flatMap(([set, questions]) => {
    const kafka = answersOfKafka(set)
    return questions
      .filter((question) => answerOf(kafka, question) === undefined)
      .map(({ title, version }) => `${set}: ${title} v${version}`)
  })
  expect(missing).toEqual([])
})

test('every answer is Kafka’s, but for the differences that are known', () => {
  const isKnown = ({ title, path, ours: here }: Difference): boolean =>
    knownDifferences.some(
      (known) => known.title.test(title) && known.path.test(path) && (!known.absent || here === undefined),
    )
  const unknown = allDifferences().filter((difference) => !isKnown(difference))
  expect(
    unknown.map(
      ({ set, title, version, path, kafka: theirs, ours: here }) =>
        `${set}: ${title} v${version}: ${path} is ${JSON.stringify(theirs)}, here ${JSON.stringify(here)}`,
    ),
  ).toEqual([])
})

test('a known difference that is none any more is struck from the list', () => {
  const found = allDifferences()
  const needless = knownDifferences.filter(
    (known) => !found.some(({ title, path }) => known.title.test(title) && known.path.test(path)),
  )
  expect(needless).toEqual([])
})
