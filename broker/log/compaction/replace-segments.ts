// Puts what the cleaner has written in the place of the segments that it was made of: on disk by the steps of swap.ts,
// and in the log, whose readers see both at once. It may be that it is not wanted any more: the log was closed, its
// segments went, or somebody has come to hold them. That is looked at before the files get their next name, and again
// after the sync that follows.

import type { Storage } from '../../storage/storage.ts'
import type { LogPins } from '../log-pins.ts'
import type { LogSegments } from '../log-segments.ts'
import { Segment } from '../segment.ts'
import type { SegmentWriter } from './segment-writer.ts'
import { beginSwap, dropCleaned, finishSwap } from './swap.ts'

export interface ReplacedIn {
  storage: Storage
  directory: string
  segments: LogSegments
  pins: LogPins
  isClosed: () => boolean
  /** In the same turn as the last renaming. */
  replace: (cleaned: Segment) => void
}

/** False where it may not be any more. That, and a rejection with StorageError, leave the log as it was. */
export async function replaceSegments(
  log: ReplacedIn,
  writer: SegmentWriter,
  old: readonly Segment[],
): Promise<boolean> {
  const { storage, directory } = log
  const { baseOffset } = writer.place
  const { nextOffset } = old[old.length - 1] as Segment
  const mayReplace = (): boolean =>
    !log.isClosed() && log.segments.hasRun(old) && !log.pins.holdBelow(nextOffset)
  if (!mayReplace()) return false
  beginSwap(storage, directory, baseOffset)
  await storage.syncDirectory(directory)
  if (!mayReplace()) {
    dropCleaned(storage, directory, baseOffset)
    return false
  }
  const { index, aborted, firstTimestamp } = writer
  const known = { index, aborted, firstTimestamp, indexFilesCurrent: true }
  const bases = old.map((segment) => segment.baseOffset)
  const cleaned = finishSwap(storage, directory, baseOffset, bases, () =>
    Segment.openWritten(writer.place, nextOffset, known),
  )
  log.replace(cleaned)
  return true
}
