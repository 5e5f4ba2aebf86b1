// Subscriptions by a regular expression that the server resolves (KIP-848). An expression is resolved once for all
// members that use it, apart from the heartbeat that brought it, and again when topics are made or a while has passed.

import { errorCodes } from '../../../protocol/errors.ts'
import { compileLinear, linearRegex } from '../../linear-regex.ts'
import { Refused } from '../modern/refused.ts'
import type { ResolvedRegex } from './facts.ts'
import type { ConsumerMember } from './member.ts'
import { regexTimer } from './timers.ts'
import type { ConsumerTurn } from './turn.ts'

/** Expressions are not resolved more often than this, however many members bring new ones. */
const MIN_INTERVAL_MS = 10_000

export function refuseRegex(regex: string): void {
  try {
    compileLinear(regex)
  } catch (error) {
    throw new Refused(
      errorCodes.INVALID_REGULAR_EXPRESSION,
      `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${describeError(error)}.`,
    )
  }
}

/** The engine says `error parsing regexp: missing closing ]: …`; clients of Kafka see the part in the middle. */
function describeError(error: unknown): string {
  const [, description = String((error as Error).message)] =
    /^error parsing regexp: ([^:]+)/.exec(String((error as Error).message)) ?? []
  return description.replace(/`.*$/s, '').trim()
}

export type RegexChange = 'none' | 'changed' | 'changedAndResolved'

/** The member may have changed its expression (it is subscribed already); sees to it that all get resolved. */
export function followRegex(turn: ConsumerTurn, former: ConsumerMember, member: ConsumerMember): RegexChange {
  const { shard, nowMs } = turn
  let change: RegexChange = 'none'
  let isNew = false
  if (former.topicRegex !== member.topicRegex) {
    change = 'changed'
    if (former.topicRegex !== '') turn.forgetUnusedRegex(former.topicRegex)
    if (member.topicRegex === '') change = 'changedAndResolved'
    else if (turn.group.regexSubscribers.get(member.topicRegex) === 1) {
      refuseRegex(member.topicRegex)
      isNew = true
    } else if (turn.group.regexes.has(member.topicRegex)) change = 'changedAndResolved'
  }
  const { regexes, regexSubscribers } = turn.group
  if (regexSubscribers.size === 0) return change
  const [last] = regexes.values()
  if (last !== undefined && nowMs <= last.timestampMs + MIN_INTERVAL_MS) return change
  const isDue =
    isNew ||
    regexSubscribers.size !== regexes.size ||
    (last?.version ?? 0n) < shard.topicsCreatedAt() ||
    nowMs > (last?.timestampMs ?? -Infinity) + shard.config.consumer.regexRefreshIntervalMs
  if (isDue) turn.timer(regexTimer(turn.groupId), 0)
  return change
}

/** Looks all expressions of the group up in the metadata as it is now. */
export function resolveRegexes(turn: ConsumerTurn): void {
  const { groupId, nowMs, shard } = turn
  const { metadata } = shard
  let changed = false
  for (const regex of turn.group.regexSubscribers.keys()) {
    const value: ResolvedRegex = {
      topics: matching(regex, metadata.topicNames()),
      version: metadata.version,
      timestampMs: nowMs,
    }
    changed ||= !sameTopics(turn.group.regexes.get(regex)?.topics ?? new Set(), value.topics)
    turn.emit({ kind: 'consumerRegex', groupId, regex, value })
  }
  const metadataHash = shard.topicHashes.ofGroup(turn.group.subscribedTopics(), metadata)
  if (changed || metadataHash !== turn.group.metadataHash) turn.bumpEpoch(metadataHash)
}

function matching(regex: string, topicNames: Iterable<string>): Set<string> {
  const topics = new Set<string>()
  // It was checked when it came; another engine's record may still hold what this one refuses.
  const pattern = linearRegex(regex)
  if (pattern === undefined) return topics
  for (const name of topicNames) if (pattern.matches(name)) topics.add(name)
  return topics
}

function sameTopics(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((topic) => b.has(topic))
}
