// WriteTxnMarkers, versions 1-2: ends transactions in single partitions. In one process the coordinator needs no
// request for it; an operator does, to end what hangs (kafka-transactions abort). Epochs are checked by the
// partition: who names an older one is refused.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import type { PartitionDirectory, Request, Response } from './context.ts'

type Marker = Request<'WriteTxnMarkers'>['markers'][number]
type MarkerResult = Response<'WriteTxnMarkers'>['markers'][number]

export interface WriteTxnMarkersServices {
  directory: PartitionDirectory
  clock: Clock
}

export async function handleWriteTxnMarkers(
  { markers }: Request<'WriteTxnMarkers'>,
  services: WriteTxnMarkersServices,
): Promise<Response<'WriteTxnMarkers'>> {
  // All are appended within this call, in the order of the request; then all are waited for together.
  const results = await Promise.all(markers.map((marker) => writeMarker(marker, services)))
  return { markers: byProducer(results) }
}

async function writeMarker(
  marker: Marker,
  { directory, clock }: WriteTxnMarkersServices,
): Promise<MarkerResult> {
  const { producerId, producerEpoch, coordinatorEpoch, transactionVersion, transactionResult } = marker
  const nowMs = clock.now()
  const asked = {
    producerId,
    producerEpoch,
    coordinatorEpoch,
    transactionVersion,
    commit: transactionResult,
    nowMs,
  }
  const write = async (topic: string, index: number): Promise<ErrorCode> => {
    const partition = directory.partition(topic, index)
    if (partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    // A marker of nobody: Kafka fails within, and says no more.
    if (producerId < 0n || producerEpoch < 0) return errorCodes.UNKNOWN_SERVER_ERROR
    const { errorCode, lastOffset } = partition.appendMarker(asked)
    return errorCode === errorCodes.NONE ? partition.whenDurable(lastOffset) : errorCode
  }
  const topics = await Promise.all(
    marker.topics.map(async ({ name, partitionIndexes }) => ({
      name,
      partitions: await Promise.all(
        partitionIndexes.map(async (partitionIndex) => ({
          partitionIndex,
          errorCode: await write(name, partitionIndex),
        })),
      ),
    })),
  )
  return { producerId, topics }
}

/** One entry a producer, as Kafka answers; of two markers of one producer the later one's codes count. */
function byProducer(results: readonly MarkerResult[]): MarkerResult[] {
  const byId = new Map<bigint, Map<string, Map<number, ErrorCode>>>()
  for (const { producerId, topics } of results) {
    const ofProducer = byId.get(producerId) ?? new Map<string, Map<number, ErrorCode>>()
    byId.set(producerId, ofProducer)
    for (const { name, partitions } of topics) {
      const ofTopic = ofProducer.get(name) ?? new Map<number, ErrorCode>()
      ofProducer.set(name, ofTopic)
      for (const { partitionIndex, errorCode } of partitions) ofTopic.set(partitionIndex, errorCode)
    }
  }
  return [...byId].map(([producerId, topics]) => ({
    producerId,
    topics: [...topics].map(([name, partitions]) => ({
      name,
      partitions: [...partitions].map(([partitionIndex, errorCode]) => ({ partitionIndex, errorCode })),
    })),
  }))
}
