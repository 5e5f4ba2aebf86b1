// Reads a partition as a consumer does, over the wire: whole batches are fetched and taken apart here, and a
// read_committed reader leaves out what was aborted by the list that came with the batches.

import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { controlTypes, readControlType } from '../../broker/protocol/record-batch/control.ts'
import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import {
  isControlBatch,
  isTransactionalBatch,
  lastOffsetOf,
  baseOffsetOf,
  isCrcValid,
  producerIdOf,
} from '../../broker/protocol/record-batch/header.ts'
import { splitBatches } from '../../broker/protocol/record-batch/validate.ts'
import type { WireClient } from './wire-client.ts'

/** Topics go by name up to here. */
const FETCH_VERSION = 12
const MAX_BYTES = 4 * 1024 * 1024

export interface ReadOptions {
  topic: string
  partition: number
  fromOffset: bigint
  isolation: 'read_uncommitted' | 'read_committed'
}

export type Visit = (offset: bigint, key: Buffer | null, value: Buffer | null) => void

interface Aborted {
  producerId: bigint
  firstOffset: bigint
}

/**
 * Visits every record from `fromOffset` to where the reader's view ends now (the high watermark, or the last
 * stable offset), checks that offsets increase, and returns that end. Throws with the error's name, which is its `code` too.
 */
export async function readLog(client: WireClient, options: ReadOptions, visit: Visit): Promise<bigint> {
  const { topic, partition, isolation } = options
  const isolationLevel = isolation === 'read_committed' ? 1 : 0
  let next = options.fromOffset
  for (;;) {
    const { errorCode, responses } = await client.request(fetch, FETCH_VERSION, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: MAX_BYTES,
      isolationLevel,
      topics: [{ topic, partitions: [{ partition, fetchOffset: next, partitionMaxBytes: MAX_BYTES }] }],
      forgottenTopicsData: [],
    })
    const read = responses[0]?.partitions[0]
    const code = errorCode !== errorCodes.NONE ? errorCode : read?.errorCode
    if (read === undefined || code !== errorCodes.NONE) {
      const name = errorName(code ?? -1)
      throw Object.assign(new Error(`fetch of ${topic}-${partition} from ${next}: ${name}`), { code: name })
    }
    const end = isolationLevel === 1 ? read.lastStableOffset : read.highWatermark
    const reached = visitBatches(read.records ?? Buffer.alloc(0), next, read.abortedTransactions ?? [], visit)
    if (reached > end) throw new Error(`${topic}-${partition}: read to ${reached}, beyond its end ${end}`)
    if (reached === end) return end
    if (reached === next) throw new Error(`${topic}-${partition}: nothing at ${next}, the end is ${end}`)
    next = reached
  }
}

/** Returns the offset behind the last whole batch. */
function visitBatches(bytes: Buffer, fromOffset: bigint, aborted: Aborted[], visit: Visit): bigint {
  const cursor = new RecordCursor()
  const waiting = aborted.toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
  const dropped = new Set<bigint>()
  let next = fromOffset
  for (const at of splitBatches(bytes, 0, bytes.length)) {
    if (!isCrcValid(bytes, at))
      throw new Error(`the batch at offset ${baseOffsetOf(bytes, at)} has a wrong checksum`)
    const lastOffset = lastOffsetOf(bytes, at)
    const producerId = producerIdOf(bytes, at)
    while (waiting[0] !== undefined && waiting[0].firstOffset <= lastOffset) {
      dropped.add((waiting.shift() as Aborted).producerId)
    }
    if (lastOffset < next) continue
    if (isControlBatch(bytes, at)) {
      if (readControlType(bytes, at) === controlTypes.abort) dropped.delete(producerId)
    } else if (!isTransactionalBatch(bytes, at) || !dropped.has(producerId)) {
      const baseOffset = baseOffsetOf(bytes, at)
      cursor.reset(bytes, at)
      while (cursor.next()) {
        const offset = baseOffset + BigInt(cursor.offsetDelta)
        if (offset < next) continue
        visit(
          offset,
          slice(cursor, cursor.keyStart, cursor.keyEnd),
          slice(cursor, cursor.valueStart, cursor.valueEnd),
        )
      }
    }
    next = lastOffset + 1n
  }
  return next
}

function slice(cursor: RecordCursor, start: number, end: number): Buffer | null {
  return start < 0 ? null : cursor.buffer.subarray(start, end)
}
