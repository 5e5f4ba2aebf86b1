// The processor's way to a partition in the same process: positional reads of its segment files, up to
// what is committed and durable. Implements processor/ports.ts, which knows nothing of partitions.
// Rule kept: a row below stableEndOffset cannot be lost or aborted later, in any durability mode; where a
// topic is not synced by itself, whoever reads it this way has it synced.

import type { AbortedSpan, FileSpans, LogCursor, LogView, Pin } from '../../processor/ports.ts'
import { CorruptLogError, isTemporary, StorageError } from '../storage/storage.ts'
import type { Partition } from './partition.ts'

export class PartitionLogView implements LogView {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  private readonly source: Partition

  constructor(source: Partition) {
    this.topic = source.topic
    this.partition = source.index
    this.topicId = source.topicId
    this.source = source
  }

  get logStartOffset(): bigint {
    return this.source.logStartOffset
  }

  get stableEndOffset(): bigint {
    const { lastStableOffset, durableEndOffset } = this.source
    if (lastStableOffset <= durableEndOffset) return lastStableOffset
    this.source.requestSync()
    return durableEndOffset
  }

  /** Throws StorageError or CorruptLogError, here and in fill: the partition is offline from then on. */
  cursor(fromOffset: bigint): LogCursor {
    const { source } = this
    const cursor = guarded(source, () => openParts(source).log.cursor(fromOffset))
    return {
      get nextOffset() {
        return cursor.nextOffset
      },
      fill: (target, untilOffset) => guarded(source, () => cursor.fill(target, untilOffset)),
      checksumsChecked: true,
      close: () => cursor.close(),
    }
  }

  fileSpans(fromOffset: bigint, untilOffset: bigint): FileSpans | undefined {
    return guarded(this.source, () => openParts(this.source).log.spans(fromOffset, untilOffset))
  }

  abortedSpans(fromOffset: bigint, untilOffset: bigint): AbortedSpan[] {
    return guarded(this.source, () =>
      openParts(this.source)
        .log.abortedTransactions(fromOffset, untilOffset)
        .map(({ producerId, firstOffset, lastOffset }) => ({ producerId, firstOffset, lastOffset })),
    )
  }

  pin(fromOffset: bigint): Pin {
    return openParts(this.source).log.pin(fromOffset)
  }

  offsetForTimestamp(timestampMs: number): bigint | undefined {
    const { log } = openParts(this.source)
    return guarded(this.source, () => log.offsetForTimestamp(BigInt(timestampMs))?.offset)
  }

  onAdvance(callback: () => void): () => void {
    let seen = this.stableEndOffset
    return this.source.onAdvance(() => {
      // Reading it asks for the sync that a topic of durability 'os' or 'interval' has not had yet.
      const stableEndOffset = this.stableEndOffset
      if (stableEndOffset === seen) return
      seen = stableEndOffset
      callback()
    })
  }
}

function openParts(source: Partition): NonNullable<Partition['parts']> {
  if (source.parts !== undefined && !source.isOffline) return source.parts
  throw source.offlineReason ?? new Error(`${source.name} is closed`)
}

function guarded<T>(source: Partition, act: () => T): T {
  try {
    return act()
  } catch (error) {
    const isFailure = error instanceof StorageError || error instanceof CorruptLogError
    if (isFailure && !isTemporary(error)) source.fail(error)
    throw error
  }
}
