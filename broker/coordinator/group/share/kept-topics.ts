// Topics of a share group by what the share coordinator keeps of them: states that are being made, that are kept, that
// are being deleted. Written before and after the share coordinator is asked, so that what was begun is ended, or done
// again. Kafka: ShareGroupStatePartitionMetadataInfo and what GroupMetadataManager does with it.

export interface KeptTopic {
  readonly name: string
  readonly partitions: ReadonlySet<number>
}

type Topics = ReadonlyMap<string, KeptTopic>

/** By topic id. */
export interface KeptTopics {
  readonly initializing: Topics
  readonly initialized: Topics
  /** To the topics' names. */
  readonly deleting: ReadonlyMap<string, string>
  /** Since when states are being made; not written: after a restart they are asked for again at once. */
  readonly sinceMs: number
}

export const NONE_KEPT: KeptTopics = {
  initializing: new Map(),
  initialized: new Map(),
  deleting: new Map(),
  sinceMs: 0,
}

/** What of the topics has no state yet, and none that is being made since less than `retryMs`. */
export function missingOf(
  kept: KeptTopics | null,
  topics: Iterable<{ topicId: string; name: string; partitionCount: number }>,
  retryMs: number,
  nowMs: number,
): Map<string, KeptTopic> {
  const { initializing, initialized, sinceMs } = kept ?? NONE_KEPT
  const known = nowMs - sinceMs < retryMs ? union(initialized, initializing) : initialized
  const missing = new Map<string, KeptTopic>()
  for (const { topicId, name, partitionCount } of topics) {
    const have = known.get(topicId)?.partitions ?? new Set()
    if (have.size >= partitionCount) continue
    const partitions = new Set(Array.from({ length: partitionCount }, (_, index) => index))
    for (const partition of have) partitions.delete(partition)
    missing.set(topicId, { name, partitions })
  }
  return missing
}

/** The share coordinator is about to be asked to keep them. */
export function initializing(kept: KeptTopics | null, topics: Topics, nowMs: number): KeptTopics {
  const before = kept ?? NONE_KEPT
  const all = union(before.initializing, topics)
  const deleting = new Map([...before.deleting].filter(([topicId]) => !all.has(topicId)))
  return { ...before, initializing: all, deleting, sinceMs: nowMs }
}

/** It keeps them. */
export function initialized(kept: KeptTopics | null, topics: Topics, nowMs: number): KeptTopics {
  const before = kept ?? NONE_KEPT
  return {
    ...before,
    initialized: union(before.initialized, topics),
    initializing: difference(before.initializing, topics),
    sinceMs: nowMs,
  }
}

/** It would not: they are asked for again with a next heartbeat. */
export function notInitialized(kept: KeptTopics, topics: Topics, nowMs: number): KeptTopics {
  return { ...kept, initializing: difference(kept.initializing, topics), sinceMs: nowMs }
}

/** Topics that exist no more. */
export function withoutTopics(kept: KeptTopics, topicIds: ReadonlySet<string>, nowMs: number): KeptTopics {
  const left = <T>(topics: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...topics].filter(([topicId]) => !topicIds.has(topicId)))
  return {
    initializing: left(kept.initializing),
    initialized: left(kept.initialized),
    deleting: left(kept.deleting),
    sinceMs: nowMs,
  }
}

export function union(a: Topics, b: Topics): Map<string, KeptTopic> {
  const all = new Map(a)
  for (const [topicId, { name, partitions }] of b) {
    const known = all.get(topicId)?.partitions ?? []
    all.set(topicId, { name, partitions: new Set([...known, ...partitions]) })
  }
  return all
}

function difference(a: Topics, b: Topics): Map<string, KeptTopic> {
  const left = new Map<string, KeptTopic>()
  for (const [topicId, { name, partitions }] of a) {
    const gone = b.get(topicId)?.partitions
    const rest =
      gone === undefined ? partitions : new Set([...partitions].filter((index) => !gone.has(index)))
    if (rest.size > 0) left.set(topicId, { name, partitions: rest })
  }
  return left
}
