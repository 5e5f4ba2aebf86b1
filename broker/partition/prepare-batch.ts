// From the bytes that came to the batch that will be stored: everything Kafka checks before a batch may
// have an offset, and the two changes a topic can ask for (LogAppendTime, another codec).
// Source: Kafka's UnifiedLog.analyzeAndValidateRecords and LogValidator.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { type BatchHeader, readBatchHeader, stampMaxTimestamp } from '../protocol/record-batch/header.ts'
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

/** Checks what shall be appended. A refused batch is left as it came. */
export function prepareBatch(
  records: Buffer,
  config: PartitionConfig,
  { nowMs, fromClient }: Pick<AppendOptions, 'nowMs' | 'fromClient'>,
): PreparedBatch | RefusedBatch {
  const { maxMessageBytes, segmentBytes, messageTimestampType } = config
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
      timestampType: messageTimestampType,
      timestampBeforeMaxMs: config.messageTimestampBeforeMaxMs,
      timestampAfterMaxMs: config.messageTimestampAfterMaxMs,
      maxMessageBytes,
    },
    facts,
  )
  if (refusal !== undefined) {
    const { message, ...rest } = refusal
    return { ...rest, errorMessage: message }
  }
  const codec = codecOfTopic(config.compressionType)
  const batch = codec === undefined ? records : recompress(records, codec, levelOf(codec, config))
  if (batch.length > maxMessageBytes) {
    return refuse(
      errorCodes.MESSAGE_TOO_LARGE,
      `stored as ${codec} the batch has ${batch.length} bytes, max.message.bytes is ${maxMessageBytes}`,
    )
  }
  if (batch.length > segmentBytes) {
    return refuse(
      errorCodes.RECORD_LIST_TOO_LARGE,
      `the batch has ${batch.length} bytes, segment.bytes is ${segmentBytes}`,
    )
  }
  if (!fromClient) return { batch, head: readBatchHeader(batch, 0), logAppendTimeMs: -1n }
  stampMaxTimestamp(batch, 0, messageTimestampType, facts.maxTimestampMs)
  const logAppendTimeMs = messageTimestampType === 'LogAppendTime' ? BigInt(nowMs) : -1n
  return { batch, head: readBatchHeader(batch, 0), logAppendTimeMs }
}

function refuse(errorCode: ErrorCode, errorMessage: string): RefusedBatch {
  return { errorCode, errorMessage, recordErrors: [] }
}
