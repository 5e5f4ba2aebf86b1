// The records of the checkpoint, as Protocol Buffers. A field is never renumbered; one that is added later
// reads as its default in old records. Each record stands in an envelope that tells a damaged one:
//
//    crc32c u32 (of the rest) | version u8 = 2 | protobuf message
//
// The reflection API, without a schema file: what is written here is the whole schema.

import protobuf from 'protobufjs/light.js'
import { crc32c } from '../../broker/protocol/record-batch/crc32c.ts'
import type { BatchPlan } from '../graph/contracts/commit.ts'
import type { PutAside } from '../graph/contracts/files.ts'
import type { RecordPlace } from '../graph/contracts/poison.ts'
import type { OffsetRange, PlannedFile, SourcePosition } from '../graph/contracts/source.ts'
import { CheckpointError, DamagedError } from './store.ts'

const VERSION = 2
const HEAD_BYTES = 5

/** What the checkpoint is of. Written with the first plan. */
export interface Manifest {
  /** Random: names this checkpoint in the metadata of the offsets that its batches commit. */
  readonly checkpointId: string
  readonly appName: string
  readonly zeroTimeMs: number
  /** undefined: as-soon-as-data. */
  readonly intervalMs: number | undefined
}

export interface InputPositions {
  readonly inputId: string
  readonly positions: readonly SourcePosition[]
}

/** A poison record that a decided batch found. */
export interface LeftOutRecord extends RecordPlace {
  /** The batch that found it: the plan that has it is this one's or an earlier one's. */
  readonly batchId: number
}

export interface OperatorEntry {
  /** Stands for the operator in keys and increments; never given to another one. */
  readonly number: number
  readonly id: string
  readonly shape: string
  /** Of the schema of its values, from 1. */
  readonly version: number
  /** Keys that have state. */
  readonly keys: number
}

/** How the job stands behind a batch. */
export interface Standing {
  readonly batchId: number
  readonly timeMs: number
  readonly positions: readonly InputPositions[]
  readonly operators: readonly OperatorEntry[]
  /** The highest operator number that was ever given. */
  readonly lastOperatorNumber: number
  /** The last batch of which it is known that the log decided it; 0: none. */
  readonly logDecided: number
  readonly logDecidedTimeMs: number
  /** Plans up to this batch are needed by nothing. */
  readonly forgottenThrough: number
  /** What is left out of plans that windows may still reach. */
  readonly leftOut: readonly LeftOutRecord[]
  /** Files that the batch is to show. */
  readonly putAside: readonly PutAside[]
}

/** All that a batch changes, staged before it is decided. */
export interface Redo extends Standing {
  /** The batch counts as soon as it is staged: it changes nothing that the log could show. */
  readonly decidedByStage: boolean
  /** Operators whose state is dropped: the program has them no more. */
  readonly dropped: readonly number[]
  /** Of its increments (increments.ts), which lie beside it. */
  readonly chunks: number
  readonly sizeInBytes: number
}

/**
 * What must be known of a staged batch also where its redo record is damaged: whether it counts, and what it has done
 * beside its state. Written with the redo record, and apart from it.
 */
export interface Staged {
  readonly batchId: number
  readonly decidedByStage: boolean
  readonly logDecided: number
  readonly forgottenThrough: number
  readonly putAside: readonly PutAside[]
}

/** Where the blocks of a generation are (generation.ts). */
export interface Segment {
  readonly number: number
  readonly blocks: number
  /** Of all of them. */
  readonly sizeInBytes: number
}

/** What a generation says of itself. */
export interface Kept {
  readonly standing: Standing
  readonly segment: Segment
}

/** What is known at a moment without a new batch: the horizon of plans, and the last decision. */
export interface Note {
  readonly atBatchId: number
  readonly forgottenThrough: number
  readonly logDecided: number
}

type FieldSpec = readonly [name: string, number: number, type: string, rule?: 'repeated']

function message(name: string, ...fields: FieldSpec[]): protobuf.Type {
  const type = new protobuf.Type(name)
  for (const [field, number, kind, rule] of fields) type.add(new protobuf.Field(field, number, kind, rule))
  return type
}

const root = new protobuf.Root()
const types = {
  manifest: message(
    'Manifest',
    ['checkpointId', 1, 'string'],
    ['appName', 2, 'string'],
    ['zeroTimeMs', 3, 'double'],
    ['hasInterval', 4, 'bool'],
    ['intervalMs', 5, 'double'],
  ),
  range: message(
    'Range',
    ['topic', 1, 'string'],
    ['partition', 2, 'int32'],
    ['topicId', 3, 'string'],
    ['from', 4, 'sint64'],
    ['until', 5, 'sint64'],
    ['files', 6, 'File', 'repeated'],
  ),
  file: message('File', ['path', 1, 'string'], ['sizeInBytes', 2, 'double'], ['modifiedMs', 3, 'double']),
  input: message('Input', ['inputId', 1, 'string'], ['ranges', 2, 'Range', 'repeated']),
  plan: message(
    'Plan',
    ['batchId', 1, 'double'],
    ['timeMs', 2, 'double'],
    ['inputs', 3, 'Input', 'repeated'],
  ),
  operator: message(
    'Operator',
    ['number', 1, 'int32'],
    ['id', 2, 'string'],
    ['shape', 3, 'string'],
    ['keys', 4, 'double'],
    ['version', 5, 'int32'],
  ),
  leftOut: message(
    'LeftOut',
    ['inputId', 1, 'string'],
    ['topic', 2, 'string'],
    ['topicId', 3, 'string'],
    ['partition', 4, 'int32'],
    ['offset', 5, 'sint64'],
    ['batchId', 6, 'double'],
  ),
  putAside: message(
    'PutAside',
    ['operatorId', 1, 'string'],
    ['aside', 2, 'string'],
    ['directory', 3, 'string'],
  ),
  standing: message(
    'Standing',
    ['batchId', 1, 'double'],
    ['timeMs', 2, 'double'],
    ['positions', 3, 'Input', 'repeated'],
    ['operators', 4, 'Operator', 'repeated'],
    ['lastOperatorNumber', 5, 'int32'],
    ['logDecided', 6, 'double'],
    ['logDecidedTimeMs', 7, 'double'],
    ['forgottenThrough', 8, 'double'],
    ['leftOut', 9, 'LeftOut', 'repeated'],
    ['putAside', 10, 'PutAside', 'repeated'],
  ),
  redo: message(
    'Redo',
    ['standing', 1, 'Standing'],
    ['decidedByStage', 2, 'bool'],
    ['dropped', 3, 'int32', 'repeated'],
    ['chunks', 4, 'uint32'],
    ['sizeInBytes', 5, 'double'],
  ),
  staged: message(
    'Staged',
    ['batchId', 1, 'double'],
    ['decidedByStage', 2, 'bool'],
    ['logDecided', 3, 'double'],
    ['forgottenThrough', 4, 'double'],
    ['putAside', 5, 'PutAside', 'repeated'],
  ),
  segment: message('Segment', ['number', 1, 'uint32'], ['blocks', 2, 'uint32'], ['sizeInBytes', 3, 'double']),
  kept: message('Kept', ['standing', 1, 'Standing'], ['segment', 2, 'Segment']),
  note: message(
    'Note',
    ['atBatchId', 1, 'double'],
    ['forgottenThrough', 2, 'double'],
    ['logDecided', 3, 'double'],
  ),
}
for (const type of Object.values(types)) root.add(type)

export function encodeManifest(manifest: Manifest): Buffer {
  const { intervalMs } = manifest
  return seal(types.manifest, {
    ...manifest,
    hasInterval: intervalMs !== undefined,
    intervalMs: intervalMs ?? 0,
  })
}

export function decodeManifest(bytes: Buffer): Manifest {
  const read = open(types.manifest, bytes, 'the manifest') as unknown as ManifestMessage
  const { checkpointId, appName, zeroTimeMs, hasInterval, intervalMs } = read
  return { checkpointId, appName, zeroTimeMs, intervalMs: hasInterval ? intervalMs : undefined }
}

export function encodePlan({ batchId, timeMs, inputs }: BatchPlan): Buffer {
  return seal(types.plan, {
    batchId,
    timeMs,
    inputs: Object.entries(inputs).map(([inputId, ranges]) => ({
      inputId,
      ranges: ranges.map(rangeMessage),
    })),
  })
}

export function decodePlan(bytes: Buffer, what: string): BatchPlan {
  const { batchId, timeMs, inputs } = open(types.plan, bytes, what) as unknown as PlanMessage
  const byInput = inputs.map(({ inputId, ranges }) => [inputId, ranges.map(rangeOf)] as const)
  return { batchId, timeMs, inputs: Object.fromEntries(byInput) }
}

export function encodeKept({ standing, segment }: Kept): Buffer {
  return seal(types.kept, { standing: standingMessage(standing), segment: { ...segment } })
}

export function decodeKept(bytes: Buffer, what: string): Kept {
  const read = open(types.kept, bytes, what) as unknown as { standing: StandingMessage; segment: Segment }
  const { number, blocks, sizeInBytes } = read.segment
  return { standing: standingOf(read.standing), segment: { number, blocks, sizeInBytes } }
}

export function encodeRedo(redo: Redo): Buffer {
  const { decidedByStage, dropped, chunks, sizeInBytes } = redo
  return seal(types.redo, { standing: standingMessage(redo), decidedByStage, dropped, chunks, sizeInBytes })
}

export function decodeRedo(bytes: Buffer, what: string): Redo {
  const read = open(types.redo, bytes, what) as unknown as RedoMessage
  const { standing, decidedByStage, dropped, chunks, sizeInBytes } = read
  return { ...standingOf(standing), decidedByStage, dropped, chunks, sizeInBytes }
}

export function encodeStaged({
  batchId,
  decidedByStage,
  logDecided,
  forgottenThrough,
  putAside,
}: Staged): Buffer {
  return seal(types.staged, { batchId, decidedByStage, logDecided, forgottenThrough, putAside })
}

export function decodeStaged(bytes: Buffer, what: string): Staged {
  return stagedOf(open(types.staged, bytes, what) as unknown as Staged)
}

/** What is said of it apart. */
export function stagedOf({
  batchId,
  decidedByStage,
  logDecided,
  forgottenThrough,
  putAside,
}: Staged): Staged {
  return { batchId, decidedByStage, logDecided, forgottenThrough, putAside: putAside.map(putAsideOf) }
}

function putAsideOf({ operatorId, aside, directory }: PutAside): PutAside {
  return { operatorId, aside, directory }
}

export function encodeNote(note: Note): Buffer {
  return seal(types.note, { ...note })
}

export function decodeNote(bytes: Buffer): Note {
  const { atBatchId, forgottenThrough, logDecided } = open(types.note, bytes, 'the note') as unknown as Note
  return { atBatchId, forgottenThrough, logDecided }
}

function seal(type: protobuf.Type, value: object): Buffer {
  const body = type.encode(value).finish()
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + body.length)
  bytes[4] = VERSION
  bytes.set(body, HEAD_BYTES)
  bytes.writeUInt32BE(crc32c(bytes, 4), 0)
  return bytes
}

/** Throws DamagedError where a bit is wrong, CheckpointError where another version wrote it. */
function open(type: protobuf.Type, bytes: Buffer, what: string): protobuf.Message {
  if (bytes.length < HEAD_BYTES || bytes.readUInt32BE(0) !== crc32c(bytes, 4)) {
    throw new DamagedError(`${what} is damaged (${bytes.length} bytes, wrong checksum)`)
  }
  if (bytes[4] !== VERSION) {
    const version = bytes[4] as number
    const writer = version > VERSION ? 'a newer one' : 'one from before its first release'
    throw new CheckpointError(
      `${what} has version ${version}, this program reads ${VERSION}: ${writer} wrote it`,
    )
  }
  try {
    return type.decode(bytes.subarray(HEAD_BYTES))
  } catch (error) {
    throw new DamagedError(`${what} cannot be read: ${String(error)}`, { cause: error })
  }
}

// Messages as protobufjs hands them out: defaults are filled in, int64 is in two halves.

interface Int64 {
  readonly low: number
  readonly high: number
}

interface RangeMessage {
  topic: string
  partition: number
  topicId: string
  from: Int64 | number
  until: Int64 | number
  files: readonly PlannedFile[]
}

interface InputMessage {
  inputId: string
  ranges: RangeMessage[]
}

interface PlanMessage {
  batchId: number
  timeMs: number
  inputs: InputMessage[]
}

interface ManifestMessage {
  checkpointId: string
  appName: string
  zeroTimeMs: number
  hasInterval: boolean
  intervalMs: number
}

interface StandingMessage extends Omit<Standing, 'positions' | 'leftOut'> {
  positions: InputMessage[]
  leftOut: LeftOutMessage[]
}

interface LeftOutMessage extends Omit<LeftOutRecord, 'offset'> {
  offset: Int64 | number
}

interface RedoMessage {
  standing: StandingMessage
  decidedByStage: boolean
  dropped: number[]
  chunks: number
  sizeInBytes: number
}

function rangeMessage({ topic, partition, topicId, from, until, files = [] }: OffsetRange): object {
  return { topic, partition, topicId, from: int64(from), until: int64(until), files }
}

function rangeOf({ topic, partition, topicId, from, until, files }: RangeMessage): OffsetRange {
  const range = { topic, partition, topicId, from: bigintOf(from), until: bigintOf(until) }
  if (files.length === 0) return range
  const planned = files.map(({ path, sizeInBytes, modifiedMs }) => ({ path, sizeInBytes, modifiedMs }))
  return { ...range, files: planned }
}

function standingMessage(standing: Standing): object {
  const { positions, operators, leftOut } = standing
  return {
    ...standing,
    operators: operators.map((operator) => ({ ...operator })),
    leftOut: leftOut.map((record) => ({ ...record, offset: int64(record.offset) })),
    // A position is a range that ends where it begins.
    positions: positions.map(({ inputId, positions: of }) => ({
      inputId,
      ranges: of.map(({ offset, ...rest }) => rangeMessage({ ...rest, from: offset, until: offset })),
    })),
  }
}

function standingOf(read: StandingMessage): Standing {
  return {
    batchId: read.batchId,
    timeMs: read.timeMs,
    positions: read.positions.map(({ inputId, ranges }) => ({
      inputId,
      positions: ranges.map(({ topic, partition, topicId, from }) => ({
        topic,
        partition,
        topicId,
        offset: bigintOf(from),
      })),
    })),
    // Before there were versions, all was the first.
    operators: read.operators.map(({ number, id, shape, keys, version }) => ({
      number,
      id,
      shape,
      keys,
      version: version || 1,
    })),
    lastOperatorNumber: read.lastOperatorNumber,
    logDecided: read.logDecided,
    logDecidedTimeMs: read.logDecidedTimeMs,
    forgottenThrough: read.forgottenThrough,
    leftOut: read.leftOut.map(({ inputId, topic, topicId, partition, offset, batchId }) => ({
      inputId,
      topic,
      topicId,
      partition,
      offset: bigintOf(offset),
      batchId,
    })),
    putAside: read.putAside.map(putAsideOf),
  }
}

function int64(value: bigint): Int64 & { unsigned: boolean } {
  const low = Number(BigInt.asIntN(32, value))
  return { low, high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: false }
}

function bigintOf(value: Int64 | number): bigint {
  if (typeof value === 'number') return BigInt(value)
  return (BigInt(value.high) << 32n) | BigInt(value.low >>> 0)
}
