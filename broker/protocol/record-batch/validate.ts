// What a broker checks before it appends: Kafka's rules for a produced batch of format v2, walking its
// records without making an object of any. A refusal is an error code with words for people; nothing throws.
//
// Sources: ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords, LogValidator. Where this
// is stricter than Kafka it says so at the rule.
import { type ErrorCode, errorCodes } from '../errors.ts'
import { DEFAULT_MAX_DECOMPRESSED_BYTES } from './compression.ts'
import { RecordCursor } from './cursor.ts'
import { CorruptRecordError, DecompressionError } from './failures.ts'
import {
  attributesOf,
  BASE_SEQUENCE_AT,
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeInBytes,
  CONTROL_BIT,
  codecOf,
  isCrcValid,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD,
  lastOffsetDeltaOf,
  MAGIC_AT,
  MAGIC_V2,
  MAX_TIMESTAMP_AT,
  magicOf,
  NO_PRODUCER_ID,
  NO_TIMESTAMP,
  PRODUCER_EPOCH_AT,
  producerIdOf,
  readInt64AsNumber,
  recordCountOf,
  type TimestampType,
  TRANSACTIONAL_BIT,
} from './header.ts'

export interface CheckOptions {
  /** 'records' walks every record; 'header' stops behind the checksum and the fields of the head. */
  depth: 'records' | 'header'
  /** True: a producer's batch, all rules. False: the broker's own or a leader's, only what must hold anywhere. */
  fromClient: boolean
  nowMs: number
  /** cleanup.policy contains compact: every record needs a key. */
  isCompacted: boolean
  /** message.timestamp.type of the topic. */
  timestampType: TimestampType
  /** message.timestamp.before.max.ms and .after.max.ms of the topic. */
  timestampBeforeMaxMs: number
  timestampAfterMaxMs: number
  /** max.message.bytes: the most that the batch may take as it is stored. */
  maxMessageBytes: number
  maxDecompressedBytes?: number
}

export interface RecordError {
  /** Index of the record in its batch. */
  batchIndex: number
  batchIndexErrorMessage: string
}

export interface BatchRefusal {
  errorCode: ErrorCode
  message: string
  /** The records that are to blame, where single ones are: the first thousand. */
  recordErrors: RecordError[]
  /** The bytes are not one batch: nobody has asked the log about it (ProduceRequest.validateRecords). */
  isMisshapen?: true
}

/** What the check learned on its way: filled in where the caller hands one over and the batch is good. */
export interface BatchFacts {
  /** Largest timestamp of the records (-1: none has one): for stampMaxTimestamp, then for the time index. */
  maxTimestampMs: number
  /** Offset delta of the first record that has it; -1 when none has. */
  offsetDeltaOfMaxTimestamp: number
  /** What the records of a compressed batch take without compression, where they were walked. */
  decompressedBytes?: number
}

/** So many records may be named in a refusal: a batch of a million bad ones is not answered with a million. */
const MOST_RECORD_ERRORS = 1000
/** Smallest value of a length field that Kafka looks at: the head of its oldest message. */
const SMALLEST_LENGTH = 14

const {
  CORRUPT_MESSAGE,
  INVALID_RECORD,
  INVALID_TIMESTAMP,
  MESSAGE_TOO_LARGE,
  UNSUPPORTED_COMPRESSION_TYPE,
} = errorCodes

const cursor = new RecordCursor()

/**
 * Checks that [start, end) is exactly one good batch. Returns undefined when it is, else why not; the bytes
 * are never changed. Synchronous and not reentrant.
 */
export function checkBatch(
  buffer: Buffer,
  start: number,
  end: number,
  options: CheckOptions,
  facts?: BatchFacts,
): BatchRefusal | undefined {
  const misshapen = checkExtent(buffer, start, end)
  if (misshapen !== undefined) return { ...misshapen, isMisshapen: true }
  return (
    checkIntegrity(buffer, start, options) ??
    (options.fromClient ? checkClientHead(buffer, start) : undefined) ??
    (options.depth === 'records'
      ? checkRecords(buffer, start, end, options, facts)
      : checkHeadTimestamp(buffer, start, options, facts))
  )
}

/**
 * Where each whole batch in [start, end) begins; a batch cut off by `end` is left out. Throws
 * CorruptRecordError at a length that no batch has. Nothing but the lengths is looked at.
 */
export function splitBatches(buffer: Buffer, start: number, end: number): number[] {
  const positions: number[] = []
  for (let at = start; end - at >= LOG_OVERHEAD; ) {
    const sizeInBytes = batchSizeInBytes(buffer, at)
    if (sizeInBytes < BATCH_OVERHEAD) throw new CorruptRecordError(at, `size ${sizeInBytes}`)
    if (sizeInBytes > end - at) break
    positions.push(at)
    at += sizeInBytes
  }
  return positions
}

/** One whole batch of format v2, and nothing behind it. */
function checkExtent(buffer: Buffer, start: number, end: number): BatchRefusal | undefined {
  const available = end - start
  if (available <= MAGIC_AT) {
    return refuse(INVALID_RECORD, `exactly one record batch is needed, there are ${available} bytes`)
  }
  const sizeInBytes = batchSizeInBytes(buffer, start)
  if (sizeInBytes < SMALLEST_LENGTH + LOG_OVERHEAD) {
    return refuse(CORRUPT_MESSAGE, `a batch of ${sizeInBytes} bytes is smaller than any head`)
  }
  if (sizeInBytes > available) {
    return refuse(INVALID_RECORD, `the batch says ${sizeInBytes} bytes, there are ${available}`)
  }
  const magic = magicOf(buffer, start)
  if (magic < 0 || magic > MAGIC_V2) return refuse(CORRUPT_MESSAGE, `there is no magic ${magic}`)
  if (magic !== MAGIC_V2) {
    return refuse(INVALID_RECORD, `magic ${magic}: only batches with magic ${MAGIC_V2} are accepted`)
  }
  if (sizeInBytes < BATCH_OVERHEAD) {
    return refuse(CORRUPT_MESSAGE, `a batch of ${sizeInBytes} bytes is smaller than its head`)
  }
  return sizeInBytes === available ? undefined : checkTrailing(buffer, start + sizeInBytes, end)
}

/** Kafka cuts off a trailing part of a batch in silence; here all that is behind the batch is refused. */
function checkTrailing(buffer: Buffer, at: number, end: number): BatchRefusal {
  const rest = end - at
  if (rest > MAGIC_AT) {
    const sizeInBytes = batchSizeInBytes(buffer, at)
    if (sizeInBytes >= SMALLEST_LENGTH + LOG_OVERHEAD && sizeInBytes <= rest) {
      return refuse(INVALID_RECORD, 'exactly one record batch is needed, there are more')
    }
  }
  return refuse(CORRUPT_MESSAGE, `${rest} bytes behind the batch are no batch`)
}

function checkIntegrity(buffer: Buffer, at: number, options: CheckOptions): BatchRefusal | undefined {
  const sizeInBytes = batchSizeInBytes(buffer, at)
  if (options.fromClient && baseOffsetOf(buffer, at) !== 0n) {
    return refuse(INVALID_RECORD, `base offset ${baseOffsetOf(buffer, at)}, a producer sends 0`)
  }
  if (sizeInBytes > options.maxMessageBytes) {
    return refuse(
      MESSAGE_TOO_LARGE,
      `the batch has ${sizeInBytes} bytes, max.message.bytes is ${options.maxMessageBytes}`,
    )
  }
  if (!isCrcValid(buffer, at)) return refuse(CORRUPT_MESSAGE, 'the checksum does not match')
  if (codecOf(buffer, at) === undefined) {
    return refuse(
      UNSUPPORTED_COMPRESSION_TYPE,
      `attributes ${attributesOf(buffer, at)}: there is no such codec`,
    )
  }
  return undefined
}

function checkClientHead(buffer: Buffer, at: number): BatchRefusal | undefined {
  const attributes = attributesOf(buffer, at)
  const count = recordCountOf(buffer, at)
  const lastOffsetDelta = lastOffsetDeltaOf(buffer, at)
  if (count <= 0) return refuse(INVALID_RECORD, `the batch says it holds ${count} records`)
  if (lastOffsetDelta !== count - 1) {
    return refuse(INVALID_RECORD, `${count} records, but the last offset delta is ${lastOffsetDelta}`)
  }
  if ((attributes & CONTROL_BIT) !== 0)
    return refuse(INVALID_RECORD, 'producers may not write control records')
  const producerId = producerIdOf(buffer, at)
  const producerEpoch = buffer.readInt16BE(at + PRODUCER_EPOCH_AT)
  const baseSequence = buffer.readInt32BE(at + BASE_SEQUENCE_AT)
  if (producerId !== NO_PRODUCER_ID && baseSequence < 0) {
    return refuse(INVALID_RECORD, `producer ${producerId} with the sequence ${baseSequence}`)
  }
  // Stricter than Kafka, whose own writer cannot build any of these three.
  if (producerId < NO_PRODUCER_ID) return refuse(INVALID_RECORD, `there is no producer id ${producerId}`)
  if (producerId !== NO_PRODUCER_ID && producerEpoch < 0) {
    return refuse(INVALID_RECORD, `producer ${producerId} with the epoch ${producerEpoch}`)
  }
  if ((attributes & TRANSACTIONAL_BIT) !== 0 && producerId === NO_PRODUCER_ID) {
    return refuse(INVALID_RECORD, 'a transactional batch without a producer id')
  }
  // Kafka refuses this only where the record has no timestamp either, else it takes the bit away.
  if ((attributes & LOG_APPEND_TIME_BIT) !== 0) {
    return refuse(INVALID_TIMESTAMP, 'producers may not set the timestamp type to LogAppendTime')
  }
  return undefined
}

function checkHeadTimestamp(
  buffer: Buffer,
  at: number,
  options: CheckOptions,
  facts: BatchFacts | undefined,
): BatchRefusal | undefined {
  const maxTimestampMs = readInt64AsNumber(buffer, at + MAX_TIMESTAMP_AT)
  if (options.fromClient && options.timestampType === 'CreateTime' && isOutOfRange(maxTimestampMs, options)) {
    return refuse(INVALID_TIMESTAMP, timestampMessage(maxTimestampMs, options))
  }
  setFacts(facts, options, maxTimestampMs, lastOffsetDeltaOf(buffer, at))
  return undefined
}

/** Walks the records: frames, offset deltas 0..n-1, keys, timestamps, header counts, nothing left over. */
function checkRecords(
  buffer: Buffer,
  start: number,
  end: number,
  options: CheckOptions,
  facts: BatchFacts | undefined,
): BatchRefusal | undefined {
  cursor.maxDecompressedBytes = options.maxDecompressedBytes ?? DEFAULT_MAX_DECOMPRESSED_BYTES
  try {
    cursor.reset(buffer, start, end)
    return walkRecords(options, facts)
  } catch (error) {
    if (error instanceof CorruptRecordError) return refuseCorrupt(error)
    throw error
  } finally {
    // The shared cursor must not keep a request's bytes alive.
    cursor.clear()
  }
}

function walkRecords(options: CheckOptions, facts: BatchFacts | undefined): BatchRefusal | undefined {
  const { fromClient } = options
  const needsKey = fromClient && options.isCompacted
  const checksTime = fromClient && options.timestampType === 'CreateTime'
  const earliestMs = Math.max(options.nowMs - options.timestampBeforeMaxMs, Number.MIN_SAFE_INTEGER)
  const latestMs = Math.min(options.nowMs + options.timestampAfterMaxMs, Number.MAX_SAFE_INTEGER)
  let maxTimestampMs = NO_TIMESTAMP
  let offsetDeltaOfMaxTimestamp = -1
  let errors: RecordError[] | undefined
  let isTimeToBlame = false
  for (let index = 0; cursor.next(); index++) {
    // Kafka rewrites a compressed batch whose deltas have gaps and does not look at an uncompressed one's.
    if (fromClient && cursor.offsetDelta !== index) {
      return refuse(INVALID_RECORD, `record ${index} has the offset delta ${cursor.offsetDelta}`)
    }
    if (cursor.headerCount > 0) cursor.checkHeaders()
    const timestampMs = cursor.timestampMs
    if (needsKey && cursor.keyStart < 0) {
      errors ??= []
      errors.push({
        batchIndex: index,
        batchIndexErrorMessage: 'a compacted topic needs a key in every record',
      })
    } else if (
      checksTime &&
      timestampMs !== NO_TIMESTAMP &&
      (timestampMs < earliestMs || timestampMs > latestMs)
    ) {
      isTimeToBlame = true
      errors ??= []
      errors.push({ batchIndex: index, batchIndexErrorMessage: timestampMessage(timestampMs, options) })
    } else if (timestampMs > maxTimestampMs) {
      maxTimestampMs = timestampMs
      offsetDeltaOfMaxTimestamp = cursor.offsetDelta
    }
    if (errors !== undefined && errors.length >= MOST_RECORD_ERRORS) break
  }
  if (errors !== undefined) {
    const errorCode = isTimeToBlame ? INVALID_TIMESTAMP : INVALID_RECORD
    const first = errors[0] as RecordError
    const message = `${errors.length} records are refused, the first: ${first.batchIndexErrorMessage}`
    return { errorCode, message, recordErrors: errors }
  }
  setFacts(facts, options, maxTimestampMs, offsetDeltaOfMaxTimestamp)
  if (facts !== undefined) facts.decompressedBytes = cursor.nextPosition
  return undefined
}

function setFacts(
  facts: BatchFacts | undefined,
  options: CheckOptions,
  maxTimestampMs: number,
  offsetDeltaOfMaxTimestamp: number,
): void {
  if (facts === undefined) return
  const isStamped = options.fromClient && options.timestampType === 'LogAppendTime'
  facts.maxTimestampMs = isStamped ? options.nowMs : maxTimestampMs
  facts.offsetDeltaOfMaxTimestamp = isStamped ? 0 : offsetDeltaOfMaxTimestamp
}

/** Beyond 2^53 a timestamp is refused too, whatever the topic allows: it could not be kept exactly. */
function isOutOfRange(timestampMs: number, options: CheckOptions): boolean {
  if (timestampMs === NO_TIMESTAMP) return false
  return (
    !Number.isSafeInteger(timestampMs) ||
    options.nowMs - timestampMs > options.timestampBeforeMaxMs ||
    timestampMs - options.nowMs > options.timestampAfterMaxMs
  )
}

function timestampMessage(timestampMs: number, options: CheckOptions): string {
  const earliestMs = options.nowMs - options.timestampBeforeMaxMs
  const latestMs = options.nowMs + options.timestampAfterMaxMs
  return `timestamp ${timestampMs} is out of range [${earliestMs}, ${latestMs}]`
}

function refuseCorrupt(error: CorruptRecordError): BatchRefusal {
  if (error.cause instanceof DecompressionError) {
    return refuse(
      error.cause.reason === 'too-large' ? MESSAGE_TOO_LARGE : CORRUPT_MESSAGE,
      error.cause.message,
    )
  }
  return refuse(INVALID_RECORD, error.message)
}

function refuse(errorCode: ErrorCode, message: string): BatchRefusal {
  return { errorCode, message, recordErrors: [] }
}
