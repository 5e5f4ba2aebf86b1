// AlterPartitionReassignments, versions 0-1: gives partitions other replicas, or, with null replicas, takes back what
// is under way. From version 1 on the client may forbid that their number changes.

import type { ReassignedPartition } from '../controller/commands.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type AlterPartitionReassignmentsResponse = Response<'AlterPartitionReassignments'>

export function handleAlterPartitionReassignments(
  request: Request<'AlterPartitionReassignments'>,
  _context: RequestContext,
  { controller }: { controller: ControllerPort },
): Promise<AlterPartitionReassignmentsResponse> {
  const { topics, timeoutMs, allowReplicationFactorChange } = request
  const partitions = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicas }) => ({ topic: name, partition: partitionIndex, replicas })),
  )
  return submitted(
    controller,
    { type: 'alterPartitionReassignments' as const, allowReplicationFactorChange, partitions },
    timeoutMs,
    (outcomes): AlterPartitionReassignmentsResponse => {
      // In the order in which they were asked for, topic by topic.
      const left = [...outcomes]
      return {
        allowReplicationFactorChange,
        errorCode: errorCodes.NONE,
        // Kafka says nothing of an error where nothing was asked for, too, but in other words.
        errorMessage: topics.length === 0 ? '' : null,
        responses: topics.map((topic) => ({
          name: topic.name,
          partitions: left.splice(0, topic.partitions.length).map(answer),
        })),
      }
    },
    ({ errorCode, errorMessage }) => ({
      allowReplicationFactorChange,
      errorCode,
      errorMessage,
      responses: topics.map((topic) => ({
        name: topic.name,
        partitions: topic.partitions.map(({ partitionIndex }) => ({
          partitionIndex,
          errorCode,
          errorMessage,
        })),
      })),
    }),
  )
}

const answer = ({ partition, errorCode, errorMessage }: ReassignedPartition) => ({
  partitionIndex: partition,
  errorCode,
  errorMessage,
})
