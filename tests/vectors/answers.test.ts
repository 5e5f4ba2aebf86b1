// The same questions to logmill that Apache Kafka 4.3.1 was asked (record-answers.ts): where the answers differ,
// tools/docs/known-differences.ts says why, or it is a mistake of ours.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { knownDifferences } from '../../tools/docs/known-differences.ts'
import { allQuestions, answerOf, type Answers, askEverything } from './questions/setting.ts'

const kafka = JSON.parse(readFileSync(join(import.meta.dirname, 'answers.json'), 'utf8')) as Answers

interface Difference {
  title: string
  version: number
  /** `topics[kept].errorCode`. */
  path: string
  kafka: unknown
  ours: unknown
}

let broker: Broker
let ours: Answers
beforeAll(async () => {
  const quiet = () => undefined
  broker = await startBroker({ logger: { debug: quiet, info: quiet, warn: quiet, error: quiet } })
  ours = JSON.parse(JSON.stringify(await askEverything(broker.bootstrapServers))) as Answers
}, 60_000)
afterAll(() => broker.stop())

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** Entries of a list by their name, if each has one of its own: their order says nothing. */
function byName(list: readonly unknown[]): Record<string, unknown> {
  const names = list.map((item) => (isObject(item) ? (item.name ?? item.apiKey ?? item.groupId) : undefined))
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
  return allQuestions.flatMap((question) => {
    const { title, version } = question
    const theirs = answerOf(kafka, question)
    return [...differences(theirs, answerOf(ours, question), '')].map(([path, kafkas, here]) => ({
      title,
      version,
      path,
      kafka: kafkas,
      ours: here,
    }))
  })
}

test('Kafka was asked all of it', () => {
  expect(allQuestions.length).toBeGreaterThan(900)
  const missing = allQuestions.filter((question) => answerOf(kafka, question) === undefined)
  expect(missing.map(({ title, version }) => `${title} v${version}`)).toEqual([])
})

test('every answer is Kafka’s, but for the differences that are known', () => {
  const isKnown = ({ title, path, ours: here }: Difference): boolean =>
    knownDifferences.some(
      (known) => known.title.test(title) && known.path.test(path) && (!known.absent || here === undefined),
    )
  const unknown = allDifferences().filter((difference) => !isKnown(difference))
  expect(
    unknown.map(
      ({ title, version, path, kafka: theirs, ours: here }) =>
        `${title} v${version}: ${path} is ${JSON.stringify(theirs)}, here ${JSON.stringify(here)}`,
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
