// One look at one share partition for one fetch: read from the log where something may be available, acquire what the
// member may have of it. Another fetch that is at the same share partition meanwhile passes it over.

import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import type { AcquiredRecords } from '../../share/offset-ranges.ts'
import { abortedBatches, type BatchAt, batchesOf, sliceOf } from '../../share/read-batches.ts'
import type { ShareGroupSettings, SharePartitionLeader } from '../../share/share-partition-leader.ts'

export interface FetchLimits {
  memberId: string
  isRecordLimit: boolean
  batchSize: number
  isolation: ShareGroupSettings['isolation']
}

/** Bytes of the log under a lock: to be acquired from, or let go. */
export interface LockedRead {
  readonly leader: SharePartitionLeader
  readonly errorCode: ErrorCode
  readonly fetchOffset: bigint
  readonly records: Buffer
  readonly abortedTransactions: { producerId: bigint; firstOffset: bigint }[]
}

/** Whether there may be something to read; cheap, for fetches that wait. */
export function mayHaveRecords(
  { partition, state }: SharePartitionLeader,
  isolation: FetchLimits['isolation'],
): boolean {
  if (state === undefined || !state.canAcquire) return false
  const end = isolation === 'read_committed' ? partition.lastStableOffset : partition.highWatermark
  return state.nextFetchOffset < end || state.nextFetchOffset < partition.logStartOffset
}

export interface ReadRequest {
  isolation: FetchLimits['isolation']
  maxRecords: number
  /** Of this share partition. */
  maxBytes: number
  /** Not less than this is read where there is more. */
  minBytes: number
  minOneBatch: boolean
  allocate: (sizeInBytes: number) => Buffer
}

/**
 * Undefined where there is nothing to read now, or another fetch is at it: then `again` is called when it has let go.
 * The share partition stays locked until `acquire` or `letGo`.
 */
export async function lockAndRead(
  leader: SharePartitionLeader,
  { isolation, maxRecords, maxBytes: most, minBytes, minOneBatch, allocate }: ReadRequest,
  again?: () => void,
): Promise<LockedRead | undefined> {
  if (!mayHaveRecords(leader, isolation)) return undefined
  const fetchOffset = leader.beginFetch(again)
  if (fetchOffset === undefined) return undefined
  try {
    const { partition } = leader
    const maxBytes = Math.min(most, Math.max(minBytes, leader.density.bytesFor(maxRecords)))
    const options = { fromOffset: fetchOffset, maxBytes, isolation, minOneBatch, allocate }
    const read = partition.isHot(fetchOffset)
      ? partition.read(options)
      : await partition.readOffThread(options)
    const { errorCode, records, abortedTransactions } = read
    return { leader, errorCode, fetchOffset, records, abortedTransactions: abortedTransactions ?? [] }
  } catch (error) {
    leader.endFetch(false)
    throw error
  }
}

export interface AcquiredRead {
  errorCode: ErrorCode
  records: Buffer
  acquired: AcquiredRecords[]
}

const NOTHING = Buffer.alloc(0)

/** Of what was read; ends the lock. */
export function acquire(read: LockedRead, limits: FetchLimits, maxRecords: number): AcquiredRead {
  const { leader, errorCode, fetchOffset, records, abortedTransactions } = read
  const before = placeOf(leader)
  try {
    if (errorCode === errorCodes.OFFSET_OUT_OF_RANGE) {
      leader.logStartMoved()
      return { errorCode: errorCodes.NONE, records: NOTHING, acquired: [] }
    }
    if (errorCode !== errorCodes.NONE) return { errorCode, records: NOTHING, acquired: [] }
    const batches: BatchAt[] = batchesOf(records)
    leader.density.seen(batches)
    const { memberId, isRecordLimit, batchSize } = limits
    const aborted = abortedBatches(records, batches, abortedTransactions)
    const acquired = leader.acquire({
      memberId,
      isRecordLimit,
      batchSize,
      maxRecords,
      fetchOffset,
      batches,
      aborted,
    })
    const [first, last] = [acquired[0], acquired.at(-1)]
    if (first === undefined || last === undefined) return { errorCode, records: NOTHING, acquired }
    const range = { firstOffset: first.firstOffset, lastOffset: last.lastOffset }
    return { errorCode, records: sliceOf(records, batches, range), acquired }
  } finally {
    leader.endFetch(placeOf(leader) !== before)
  }
}

/** Where the share partition stands: another text when something was acquired or passed. */
function placeOf({ state }: SharePartitionLeader): string {
  return `${state?.startOffset} ${state?.nextFetchOffset} ${state?.endOffset}`
}

/** Nothing is acquired of it. */
export function letGo({ leader }: LockedRead): void {
  leader.endFetch(false)
}
