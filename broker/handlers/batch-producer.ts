// Which producer a batch says it is from, read from its head before anything of it is believed.

import { BATCH_OVERHEAD, readBatchHeader } from '../protocol/record-batch/header.ts'

export interface BatchProducer {
  producerId: bigint
  producerEpoch: number
  baseSequence: number
  isTransactional: boolean
}

export const NO_PRODUCER: BatchProducer = {
  producerId: -1n,
  producerEpoch: -1,
  baseSequence: -1,
  isTransactional: false,
}

/** Bytes too short to tell are of no producer: the append refuses them with its own error. */
export function batchProducer(records: Buffer): BatchProducer {
  if (records.length < BATCH_OVERHEAD) return NO_PRODUCER
  const { producerId, producerEpoch, baseSequence, isTransactional } = readBatchHeader(records, 0)
  return { producerId, producerEpoch, baseSequence, isTransactional }
}
