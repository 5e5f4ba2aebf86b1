// From the bytes that came to the batch that will be stored: everything Kafka checks before a batch may
// have an offset, and the two changes a topic can ask for (LogAppendTime, another codec). What takes long of it,
// `inspectBatch`, can be done ahead of the append and in another thread: it looks at nothing but what it is given.
// Source: Kafka's UnifiedLog.analyzeAndValidateRecords and LogValidator.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import {
  type BatchHeader,
  codecOf,
  readBatchHeader,
  stampMaxTimestamp,
} from '../protocol/record-batch/header.ts'
import { type BatchFacts, checkBatch } from '../protocol/record-batch/validate.ts'
import type { AppendOptions, AppendResult, PartitionConfig } from './partition-api.ts'
import { codecOfTopic, levelOf, recompress } from './recompress.ts'

export interface PreparedBatch {
  /** The bytes to be stored; base offset and leader epoch are not stamped yet. */
  batch: Buffer
  head: BatchHeader
  /** -1 unless the topic stamps the time of the append. */
  logAppendTimeMs: bigint
}

export interface RefusedBatch {
  errorCode: ErrorCode
  errorMessage: string
  recordErrors: AppendResult['recordErrors']
  isMisshapen?: true
}

/** A good batch. */
export interface InspectedBatch {
  /** The same bytes, or what the topic's codec made of them. */
  stored: Buffer
  facts: BatchFacts
}

export type Inspection = InspectedBatch | RefusedBatch

export interface InspectionOptions extends Pick<AppendOptions, 'nowMs' | 'fromClient'> {
  /** Where the batch may not take long: more is refused as MESSAGE_TOO_LARGE. */
  maxDecompressedBytes?: number
}

/** Walks the records, decompressed where they are not, and compresses them as the topic wants. Bytes are left as they came. */
export function inspectBatch(
  records: Buffer,
  config: PartitionConfig,
  { nowMs, fromClient, maxDecompressedBytes }: InspectionOptions,
): Inspection {
  const facts: BatchFacts = { maxTimestampMs: -1, offsetDeltaOfMaxTimestamp: -1 }
  const refusal = checkBatch(
    records,
    0,
    records.length,
    {
      depth: 'records',
      fromClient,
      nowMs,
      isCompacted: config.cleanupPolicy !== 'delete',
      timestampType: config.messageTimestampType,
      timestampBeforeMaxMs: config.messageTimestampBeforeMaxMs,
      timestampAfterMaxMs: config.messageTimestampAfterMaxMs,
      maxMessageBytes: config.maxMessageBytes,
      ...(maxDecompressedBytes === undefined ? {} : { maxDecompressedBytes }),
    },
    facts,
  )
  if (refusal !== undefined) {
    const { message, ...rest } = refusal
    return { ...rest, errorMessage: message }
  }
  const codec = codecOfTopic(config.compressionType)
  const stored = codec === undefined ? records : recompress(records, codec, levelOf(codec, config))
  return { stored, facts }
}

/** Checks what shall be appended. A refused batch is left as it came. */
export function prepareBatch(
  records: Buffer,
  config: PartitionConfig,
  options: Pick<AppendOptions, 'nowMs' | 'fromClient' | 'inspected'>,
): PreparedBatch | RefusedBatch {
  const { maxMessageBytes, segmentBytes, messageTimestampType } = config
  const { nowMs, fromClient, inspected = inspectBatch(records, config, options) } = options
  if ('errorCode' in inspected) return inspected
  const { stored: batch, facts } = inspected
  if (batch.length > maxMessageBytes) {
    return refuse(
      errorCodes.MESSAGE_TOO_LARGE,
      `stored as ${codecOf(batch, 0)} the batch has ${batch.length} bytes, max.message.bytes is ${maxMessageBytes}`,
    )
  }
  if (batch.length > segmentBytes) {
    return refuse(
      errorCodes.RECORD_LIST_TOO_LARGE,
      `the batch has ${batch.length} bytes, segment.bytes is ${segmentBytes}`,
    )
  }
  if (!fromClient) return { batch, head: readBatchHeader(batch, 0), logAppendTimeMs: -1n }
  const isStamped = messageTimestampType === 'LogAppendTime'
  stampMaxTimestamp(batch, 0, messageTimestampType, isStamped ? nowMs : facts.maxTimestampMs)
  const logAppendTimeMs = isStamped ? BigInt(nowMs) : -1n
  return { batch, head: readBatchHeader(batch, 0), logAppendTimeMs }
}

function refuse(errorCode: ErrorCode, errorMessage: string): RefusedBatch {
  return { errorCode, errorMessage, recordErrors: [] }
}
