// Which producer a batch says it is from, read from its head before anything of it is believed.

import { BATCH_OVERHEAD, readBatchHeader } from '../protocol/record-batch/header.ts'

export interface BatchProducer {
  producerId: bigint
  producerEpoch: number
  isTransactional: boolean
}

/** Undefined where the bytes are too short to tell: the append refuses them with its own error. */
export function batchProducer(records: Buffer): BatchProducer | undefined {
  if (records.length < BATCH_OVERHEAD) return undefined
  const { producerId, producerEpoch, isTransactional } = readBatchHeader(records, 0)
  return { producerId, producerEpoch, isTransactional }
}
