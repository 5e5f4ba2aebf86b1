// One run of the cleaner over one log.
//
//   1  the offset map is made of [firstDirtyOffset, firstUncleanableOffset), as far as it has room
//   2  the segments below its end are grouped
//   3  each group is filtered into one new segment, which takes the group's place
//
// Groups are swapped in from the oldest on, so that a run that breaks off leaves a log that is right as well:
// a record goes only when a later one of its key stays, a tombstone only when what it deletes has gone.
// Source: Kafka's Cleaner.

import { RecordCursor } from '../../protocol/record-batch/cursor.ts'
import { readControlType } from '../../protocol/record-batch/control.ts'
import {
  batchSizeInBytes,
  isControlBatch,
  isTransactionalBatch,
  lastOffsetOf,
  producerIdOf,
} from '../../protocol/record-batch/header.ts'
import { isTemporary } from '../../storage/storage.ts'
import type { Log } from '../log.ts'
import { runSync, locate } from '../log-read.ts'
import { OFFSET_INDEX_ENTRY_BYTES } from '../offset-index.ts'
import type { Segment } from '../segment.ts'
import { TIME_INDEX_ENTRY_BYTES } from '../time-index.ts'
import { BatchFilter, type CleaningRules, type LastOfProducer } from './batch-filter.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import type { OffsetMap } from './offset-map.ts'
import { groupSegments } from './segment-groups.ts'
import { SegmentWriter } from './segment-writer.ts'
import { type CleaningPace, CleaningStopped, walkSegment } from './walk-segment.ts'

export interface CleaningRun {
  firstDirtyOffset: bigint
  /** The base of a segment, at or below the newest one's. */
  firstUncleanableOffset: bigint
  /** Empty. */
  map: OffsetMap
  /** As they are when it is asked. */
  producers: () => ReadonlyMap<bigint, LastOfProducer>
  earliestMs: number | undefined
  newHorizonMs: number | undefined
  pace: CleaningPace
  /** Bases of segments that have been merged into one before them. */
  onMerged?: (baseOffsets: readonly bigint[]) => void
}

export interface CleaningResult {
  /** What lies below is clean. */
  cleanOffset: bigint
  bytesBefore: number
  bytesAfter: number
}

/** Throws CleaningStopped, StorageError, CorruptLogError, CorruptRecordError: groups that were swapped in stay so. */
export async function cleanLog(log: Log, run: CleaningRun): Promise<CleaningResult> {
  const { firstUncleanableOffset, map } = run
  const oldest = log.segmentsBelow(firstUncleanableOffset)[0]
  if (oldest === undefined) return { cleanOffset: run.firstDirtyOffset, bytesBefore: 0, bytesAfter: 0 }
  log.dropCleaned()
  const mapEndOffset = await buildOffsetMap(log, run)
  const { segmentBytes, segmentIndexBytes } = log.config
  const groups = groupSegments(
    log
      .segmentsBelow(firstUncleanableOffset)
      .filter(({ baseOffset }) => baseOffset < mapEndOffset)
      .map(describe),
    { segmentBytes, segmentIndexBytes },
  )
  const rules: Omit<CleaningRules, 'producers' | 'onKeptAborted'> = {
    map,
    mapEndOffset,
    transactions: new CleanedTransactions(log.abortedTransactions(oldest.baseOffset, firstUncleanableOffset)),
    roundEndOffset: firstUncleanableOffset,
    earliestMs: run.earliestMs,
    newHorizonMs: run.newHorizonMs,
  }
  const result = { cleanOffset: mapEndOffset, bytesBefore: 0, bytesAfter: 0 }
  for (const group of groups) {
    const segments = group.map(({ segment }) => segment)
    for (const { sizeInBytes } of segments) result.bytesBefore += sizeInBytes
    result.bytesAfter += await cleanGroup(log, segments, rules, run)
  }
  return result
}

/** Returns up to which offset the map knows all keys. */
async function buildOffsetMap(log: Log, run: CleaningRun): Promise<bigint> {
  const { firstDirtyOffset, firstUncleanableOffset, map, pace } = run
  const transactions = new CleanedTransactions(
    log.abortedTransactions(firstDirtyOffset, firstUncleanableOffset),
  )
  const cursor = new RecordCursor()
  let endOffset = firstDirtyOffset
  const onBatch = (buffer: Buffer, at: number): boolean => {
    const lastOffset = lastOffsetOf(buffer, at)
    const producerId = producerIdOf(buffer, at)
    if (isControlBatch(buffer, at)) {
      transactions.onControl(producerId, readControlType(buffer, at), lastOffset, () => {})
    } else if (!transactions.onData(producerId, isTransactionalBatch(buffer, at), lastOffset)) {
      cursor.reset(buffer, at, at + batchSizeInBytes(buffer, at))
      const baseOffset = Number(cursor.baseOffset)
      while (cursor.next()) {
        const offset = baseOffset + cursor.offsetDelta
        if (cursor.keyStart < 0 || offset < Number(firstDirtyOffset)) continue
        // One batch goes in however large it is, or a run would get nowhere.
        if (map.isFull && endOffset > firstDirtyOffset) return false
        map.put(cursor.buffer, cursor.keyStart, cursor.keyEnd, offset)
      }
    }
    if (lastOffset >= endOffset) endOffset = lastOffset + 1n
    return true
  }
  for (const segment of log.segmentsBelow(firstUncleanableOffset)) {
    if (segment.nextOffset <= firstDirtyOffset) continue
    const position =
      firstDirtyOffset <= segment.baseOffset ? 0 : runSync(locate(segment, firstDirtyOffset, log.scratch))
    if (!(await walkSegment(segment, position, pace, { onBatch }))) return endOffset
    if (segment.nextOffset > endOffset) endOffset = segment.nextOffset
  }
  return endOffset
}

/** Returns the bytes that are left. */
async function cleanGroup(
  log: Log,
  segments: readonly Segment[],
  rules: Omit<CleaningRules, 'producers' | 'onKeptAborted'>,
  run: CleaningRun,
): Promise<number> {
  const first = segments[0] as Segment
  const writer = new SegmentWriter(log.placeOf(first.baseOffset))
  let hasChanged = segments.length > 1
  try {
    const filter = new BatchFilter({
      ...rules,
      producers: run.producers(),
      onKeptAborted: (transaction) => writer.addAborted(transaction),
    })
    const onBatch = (buffer: Buffer, at: number): void => {
      const left = filter.apply(buffer, at)
      // A batch that stays as it is comes back as a view of the block.
      if (left?.buffer !== buffer.buffer) hasChanged = true
      if (left !== undefined) writer.append(left)
    }
    let written = 0
    const onBlockEnd = (): number => {
      writer.flush()
      const bytes = writer.sizeInBytes - written
      written = writer.sizeInBytes
      return bytes
    }
    for (const segment of segments) await walkSegment(segment, 0, run.pace, { onBatch, onBlockEnd })
    if (!hasChanged) {
      writer.discard()
      return first.sizeInBytes
    }
    await writer.finish()
    await run.pace.next(0)
    if (!(await log.replaceSegments(writer, segments))) {
      throw new CleaningStopped('its segments are not the same any more, or a reader holds them')
    }
  } catch (error) {
    discard(writer)
    throw error
  }
  run.onMerged?.(segments.slice(1).map(({ baseOffset }) => baseOffset))
  return writer.sizeInBytes
}

/** Left-overs that find no room to go are removed by the next run. Another failure is worse than the one on its way. */
function discard(writer: SegmentWriter): void {
  try {
    writer.discard()
  } catch (error) {
    if (!isTemporary(error)) throw error
  }
}

function describe(segment: Segment) {
  const { baseOffset, nextOffset, sizeInBytes, index } = segment
  return {
    segment,
    baseOffset,
    endOffset: nextOffset,
    sizeInBytes,
    offsetIndexBytes: index.offsets.entryCount * OFFSET_INDEX_ENTRY_BYTES,
    timeIndexBytes: index.times.entryCount * TIME_INDEX_ENTRY_BYTES,
  }
}
