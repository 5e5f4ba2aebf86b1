// A snapshot of the metadata: what all records of the log below an offset come to, as a file beside the log. Kafka's
// tools read it, and Kafka starts from it (KIP-630).
//
//   __cluster_metadata-0/<end offset, 20 digits>-<epoch, 10 digits>.checkpoint
//     control batch   SnapshotHeader, and, where the quorum knows its voters (KIP-853), KRaftVersion and KRaftVoters
//     batches         records of the metadata, no more than BATCH_BYTES each
//     control batch   SnapshotFooter
//
// Offsets count from 0 within the file; every batch has the epoch of the file's name. Without header, footer or a
// checksum that fits it is no snapshot: it is written aside, synced and renamed, so a part of one has no such name.
// Source: Kafka's RecordsSnapshotWriter, Snapshots.

import { scanBatches } from '../log/batch-scan.ts'
import { decode, encodeMessage } from '../protocol/codec.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/builder.ts'
import { CONTROL_KEY_BYTES, controlTypes } from '../protocol/record-batch/control.ts'
import { RecordCursor } from '../protocol/record-batch/cursor.ts'
import { isControlBatch, recordCountOf } from '../protocol/record-batch/header.ts'
import { snapshotFooterRecord, snapshotHeaderRecord } from '../protocol/records/raft.ts'
import { CorruptLogError, type Storage } from '../storage/storage.ts'
import type { Breathing } from '../time/breathing.ts'

export interface SnapshotId {
  /** Exclusive: the first offset that the snapshot does not cover. */
  endOffset: bigint
  /** Of the last record that it covers. */
  epoch: number
}

const SUFFIX = '.checkpoint'
const NAME = /^(\d{20})-(\d{10})\.checkpoint$/
const BATCH_BYTES = 256 * 1024

export function snapshotFileName({ endOffset, epoch }: SnapshotId): string {
  return `${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}${SUFFIX}`
}

export function parseSnapshotFileName(name: string): SnapshotId | undefined {
  const [, endOffset, epoch] = NAME.exec(name) ?? []
  return endOffset === undefined || epoch === undefined
    ? undefined
    : { endOffset: BigInt(endOffset), epoch: Number(epoch) }
}

/** What the quorum says about itself in control records, as the values that were written. */
export interface QuorumControls {
  kraftVersion?: Buffer
  voters?: Buffer
}

export interface NewSnapshot {
  epoch: number
  /** Of the last record that is covered. */
  lastContainedLogTimestamp: bigint
  controls: QuorumControls
  /** Values of metadata records, in an order in which they can be applied. */
  values: Iterable<Uint8Array>
  /** Asked for each batch. */
  now: () => number
  /** Left out: all at once. */
  breathing?: Breathing
}

/** The content of a snapshot's file. The records are taken one by one, and others have their turn in between. */
export async function encodeSnapshot({
  epoch,
  lastContainedLogTimestamp,
  controls,
  values,
  now,
  breathing,
}: NewSnapshot): Promise<Buffer> {
  const batches: Buffer[] = []
  let offset = 0n
  const add = (builder: RecordBatchBuilder, count: number, isControl: boolean): void => {
    batches.push(builder.build({ baseOffset: offset, partitionLeaderEpoch: epoch, isControl }))
    offset += BigInt(count)
  }
  const header = encodeMessage(snapshotHeaderRecord, 0, { version: 0, lastContainedLogTimestamp })
  const about: [number, Uint8Array][] = [[controlTypes.snapshotHeader, header]]
  if (controls.kraftVersion !== undefined) about.push([controlTypes.kraftVersion, controls.kraftVersion])
  if (controls.voters !== undefined) about.push([controlTypes.kraftVoters, controls.voters])
  add(controlBatch(about, now()), about.length, true)
  let builder = new RecordBatchBuilder()
  let count = 0
  let sizeInBytes = 0
  let batchMs = 0
  const endBatch = (): void => {
    if (count > 0) add(builder, count, false)
    builder = new RecordBatchBuilder()
    count = 0
    sizeInBytes = 0
  }
  for (const value of values) {
    if (sizeInBytes + value.length > BATCH_BYTES) endBatch()
    if (count === 0) batchMs = now()
    builder.append(batchMs, null, value)
    count++
    sizeInBytes += value.length
    if (breathing?.isDue === true) await breathing.pause()
  }
  endBatch()
  const footer = encodeMessage(snapshotFooterRecord, 0, { version: 0 })
  add(controlBatch([[controlTypes.snapshotFooter, footer]], now()), 1, true)
  return Buffer.concat(batches)
}

function controlBatch(
  records: readonly [type: number, value: Uint8Array][],
  nowMs: number,
): RecordBatchBuilder {
  const builder = new RecordBatchBuilder()
  for (const [type, value] of records) {
    const key = Buffer.alloc(CONTROL_KEY_BYTES)
    key.writeInt16BE(type, 2)
    builder.append(nowMs, key, value)
  }
  return builder
}

export interface SnapshotVisitor {
  /** The values of one batch; slices of memory that is used again. */
  records?(values: readonly Buffer[]): void
}

/**
 * Reads a snapshot from its header to its footer; throws CorruptLogError where it is none, when what lay before the
 * damage has been visited: read it once without a visitor to know that it is whole.
 */
export function readSnapshot(
  storage: Storage,
  path: string,
  visitor: SnapshotVisitor = {},
): { controls: QuorumControls; lastContainedLogTimestamp: bigint } {
  const file = storage.open(path)
  try {
    const controls: QuorumControls = {}
    let lastContainedLogTimestamp: bigint | undefined
    let isWhole = false
    const end = scanBatches(
      { file, from: 0, expectedOffset: 0n, gapsAllowed: false, checkCrc: true },
      (buffer, at, position) => {
        const refuse = (why: string): never => {
          throw new CorruptLogError(path, position, why)
        }
        if (isWhole) refuse('a batch behind the footer')
        if (!isControlBatch(buffer, at)) {
          if (lastContainedLogTimestamp === undefined) refuse('records before the header')
          visitor.records?.(recordValues(buffer, at, refuse))
          return
        }
        for (const { type, value } of controlRecords(buffer, at, refuse)) {
          if (type === controlTypes.snapshotHeader) {
            const header = decode(snapshotHeaderRecord, 0, value, 0, value.length)
            ;({ lastContainedLogTimestamp } = header)
          } else if (type === controlTypes.kraftVersion) controls.kraftVersion = Buffer.from(value)
          else if (type === controlTypes.kraftVoters) controls.voters = Buffer.from(value)
          else if (type === controlTypes.snapshotFooter) isWhole = true
          else refuse(`a control record of type ${type}`)
        }
      },
    )
    if (end.problem !== undefined) throw new CorruptLogError(path, end.position, end.problem)
    if (lastContainedLogTimestamp === undefined || !isWhole) {
      throw new CorruptLogError(path, end.position, 'no whole snapshot: header or footer is missing')
    }
    return { controls, lastContainedLogTimestamp }
  } finally {
    file.close()
  }
}

/** Type and value of each record of the control batch at `at`. */
export function controlRecords(
  buffer: Buffer,
  at: number,
  refuse: (why: string) => never,
): { type: number; value: Buffer }[] {
  const cursor = new RecordCursor()
  cursor.reset(buffer, at)
  const found: { type: number; value: Buffer }[] = []
  while (cursor.next()) {
    const { keyStart, keyEnd, valueStart, valueEnd } = cursor
    if (keyEnd - keyStart !== CONTROL_KEY_BYTES || valueStart < 0) refuse('a malformed control record')
    found.push({
      type: cursor.buffer.readInt16BE(keyStart + 2),
      value: cursor.buffer.subarray(valueStart, valueEnd),
    })
  }
  return found
}

/** The values of the batch at `at`: records of metadata have no key, and always a value. */
export function recordValues(buffer: Buffer, at: number, refuse: (why: string) => never): Buffer[] {
  const cursor = new RecordCursor()
  cursor.reset(buffer, at)
  const values: Buffer[] = []
  while (cursor.next()) {
    if (cursor.valueStart < 0) refuse('a metadata record without a value')
    values.push(cursor.buffer.subarray(cursor.valueStart, cursor.valueEnd))
  }
  if (values.length !== recordCountOf(buffer, at)) refuse('another number of records than the batch says')
  return values
}
