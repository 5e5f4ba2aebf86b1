// Which topics and partitions a stream reads: a list (Kafka's subscribe), a pattern, or single partitions (assign).
// A pattern is matched in linear time, as Kafka's server does it, against the whole name; it never sees the
// broker's own topics.

import { createRequire } from 'node:module'
import type { LogViews } from '../ports.ts'

/** Topics by name, a pattern (RE2 syntax, as Kafka's server takes it), or partitions by topic. */
export type TopicSelection =
  | string
  | readonly string[]
  | { readonly subscribePattern: string }
  | { readonly assign: Readonly<Record<string, readonly number[]>> }

export interface SelectedTopics {
  /** Shown in errors, and the operator's name unless the user gives one. */
  readonly description: string
  /** Whether this partition is read, if there is such a one. */
  includes(topic: string, partition: number): boolean
  /** Names of topics that may be there, in the order of their partitions' rows. */
  among(views: LogViews): readonly string[]
}

export function selectTopics(selection: TopicSelection): SelectedTopics {
  if (typeof selection === 'string') return listed([selection])
  if (isList(selection)) return listed(selection)
  if ('assign' in selection) return assigned(selection.assign)
  return matching(selection.subscribePattern)
}

/** What `createDirectStream` is given is a selection of topics, not a source. */
export function isTopicSelection(from: object | string): from is TopicSelection {
  return typeof from === 'string' || Array.isArray(from) || 'assign' in from || 'subscribePattern' in from
}

function isList(selection: Exclude<TopicSelection, string>): selection is readonly string[] {
  return Array.isArray(selection)
}

function listed(names: readonly string[]): SelectedTopics {
  const topics = [...new Set(names)].sort()
  if (topics.length === 0) throw new TypeError('a stream of topics needs a topic')
  return {
    description: topics.join(','),
    includes: (topic) => topics.includes(topic),
    among: () => topics,
  }
}

function assigned(partitions: Readonly<Record<string, readonly number[]>>): SelectedTopics {
  const topics = Object.keys(partitions).sort()
  const all = topics.flatMap((topic) => (partitions[topic] ?? []).map((partition) => ({ topic, partition })))
  if (all.length === 0) throw new TypeError('assign needs a partition')
  for (const { topic, partition } of all) {
    if (!Number.isSafeInteger(partition) || partition < 0) {
      throw new TypeError(`assign: ${topic} has no partition ${partition}`)
    }
  }
  return {
    description: all.map(({ topic, partition }) => `${topic}-${partition}`).join(','),
    includes: (topic, partition) => partitions[topic]?.includes(partition) === true,
    among: () => topics,
  }
}

function matching(pattern: string): SelectedTopics {
  const expression = compiled(pattern)
  const includes = (topic: string) => expression.matches(topic)
  return {
    description: `/${pattern}/`,
    includes,
    among: (views) => views.topics().filter(includes).sort(),
  }
}

interface Expression {
  /** The whole text, not a part of it. */
  matches(text: string): boolean
}

/** Loaded with the first pattern: most jobs name their topics. */
let engine: { compile(pattern: string): Expression } | undefined

function compiled(pattern: string): Expression {
  engine ??= (createRequire(import.meta.url)('re2js') as { RE2JS: NonNullable<typeof engine> }).RE2JS
  try {
    return engine.compile(pattern)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new TypeError(`subscribePattern '${pattern}' is no regular expression of RE2: ${why}`)
  }
}
