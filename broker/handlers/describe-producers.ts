// DescribeProducers, version 0: who writes to a partition with sequences, and whose transaction is open there. What
// `kafka-transactions find-hanging` looks at.

import { topicNameProblem } from '../controller/topic-name.ts'
import type { Partition } from '../partition/partition.ts'
import { errorCodes, errorText } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, Response } from './context.ts'

type PartitionAnswer = Response<'DescribeProducers'>['topics'][number]['partitions'][number]

export function handleDescribeProducers(
  { topics }: Request<'DescribeProducers'>,
  { directory }: { directory: PartitionDirectory },
): Response<'DescribeProducers'> {
  return {
    topics: topics.map(({ name, partitionIndexes }) => {
      const refused = refusal(name, directory)
      return {
        name,
        partitions: partitionIndexes.map((partitionIndex): PartitionAnswer => {
          if (refused !== undefined) return { partitionIndex, ...refused, activeProducers: [] }
          const partition = directory.partition(name, partitionIndex)
          return partition === undefined
            ? { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, activeProducers: [] }
            : { partitionIndex, errorCode: errorCodes.NONE, activeProducers: producersOf(partition) }
        }),
      }
    }),
  }
}

function refusal(
  name: string,
  directory: PartitionDirectory,
): { errorCode: number; errorMessage: string } | undefined {
  const errorMessage = topicNameProblem(name)
  if (errorMessage !== undefined) return { errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, errorMessage }
  if (directory.topicId(name) !== undefined) return undefined
  const errorCode = errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  return { errorCode, errorMessage: errorText(errorCode) }
}

function producersOf(partition: Partition): PartitionAnswer['activeProducers'] {
  return Array.from(partition.producers(), (entry) => {
    const last = entry.batches.at(-1)
    return {
      producerId: entry.producerId,
      producerEpoch: entry.producerEpoch,
      lastSequence: last?.lastSequence ?? -1,
      // The records' own time, as Kafka tells it; a marker's where no batch of the epoch is known.
      lastTimestamp: last?.timestamp ?? BigInt(entry.lastUsedMs),
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.openSince ?? -1n,
    }
  })
}
