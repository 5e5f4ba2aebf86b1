// The share coordinator's own requests (KIP-932), which brokers send to each other: initialize, read, write, delete and
// summary of states. Each share partition is answered on its own. Kafka: ShareCoordinatorService.

import type { ShareCoordinator } from '../../coordinator/share/share-coordinator.ts'
import type { ShareCommand, ShareReply } from '../../coordinator/share/share-state-machine.ts'
import type { SharePartitionKey, ShareState } from '../../coordinator/share/state.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { Request, Response } from '../context.ts'

type PartitionCommand = Extract<ShareCommand, { key: SharePartitionKey }>

export interface ShareStateServices {
  shareCoordinator: Pick<ShareCoordinator, 'ask'>
}

interface Outcome {
  partition: number
  errorCode: number
  errorMessage: string | null
  state: ShareState | undefined
}

/** Nothing for a request without a group, without topics, or with a topic without partitions, as in Kafka. */
async function askAll<P extends { partition: number }>(
  { groupId, topics }: { groupId: string; topics: readonly { topicId: string; partitions: readonly P[] }[] },
  command: (key: SharePartitionKey, partition: P) => PartitionCommand,
  { shareCoordinator }: ShareStateServices,
): Promise<{ topicId: string; partitions: Outcome[] }[]> {
  if (groupId === '' || topics.some(({ partitions }) => partitions.length === 0)) return []
  return Promise.all(
    topics.map(async ({ topicId, partitions }) => ({
      topicId,
      partitions: await Promise.all(
        partitions.map(async (asked) => {
          const { partition } = asked
          return outcomeOf(
            partition,
            await shareCoordinator.ask(command({ groupId, topicId, partition }, asked)),
          )
        }),
      ),
    })),
  )
}

function outcomeOf(partition: number, reply: ShareReply): Outcome {
  if (reply.kind === 'refused') {
    const { errorCode, errorMessage } = reply
    return { partition, errorCode, errorMessage, state: undefined }
  }
  const state = reply.kind === 'state' ? reply.state : undefined
  return { partition, errorCode: errorCodes.NONE, errorMessage: null, state }
}

function bare({ partition, errorCode, errorMessage }: Outcome): Omit<Outcome, 'state'> {
  return { partition, errorCode, errorMessage }
}

export async function handleInitializeShareGroupState(
  request: Request<'InitializeShareGroupState'>,
  services: ShareStateServices,
): Promise<Response<'InitializeShareGroupState'>> {
  const results = await askAll(
    request,
    (key, { stateEpoch, startOffset }) => ({ kind: 'initialize', key, stateEpoch, startOffset }),
    services,
  )
  return {
    results: results.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map(bare) })),
  }
}

export async function handleReadShareGroupState(
  request: Request<'ReadShareGroupState'>,
  services: ShareStateServices,
): Promise<Response<'ReadShareGroupState'>> {
  const results = await askAll(
    request,
    (key, { leaderEpoch }) => ({ kind: 'read', key, leaderEpoch }),
    services,
  )
  return {
    results: results.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((outcome) => ({
        ...bare(outcome),
        stateEpoch: outcome.state?.stateEpoch ?? 0,
        startOffset: outcome.state?.startOffset ?? 0n,
        stateBatches: outcome.state?.batches ?? [],
      })),
    })),
  }
}

export async function handleWriteShareGroupState(
  request: Request<'WriteShareGroupState'>,
  services: ShareStateServices,
): Promise<Response<'WriteShareGroupState'>> {
  const results = await askAll(
    request,
    (key, { stateBatches: batches, stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount }) => ({
      kind: 'write',
      key,
      stateEpoch,
      leaderEpoch,
      startOffset,
      deliveryCompleteCount,
      batches,
    }),
    services,
  )
  return {
    results: results.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map(bare) })),
  }
}

export async function handleDeleteShareGroupState(
  request: Request<'DeleteShareGroupState'>,
  services: ShareStateServices,
): Promise<Response<'DeleteShareGroupState'>> {
  const results = await askAll(request, (key) => ({ kind: 'delete', key }), services)
  return {
    results: results.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map(bare) })),
  }
}

export async function handleReadShareGroupStateSummary(
  request: Request<'ReadShareGroupStateSummary'>,
  services: ShareStateServices,
): Promise<Response<'ReadShareGroupStateSummary'>> {
  const results = await askAll(request, (key) => ({ kind: 'summary', key }), services)
  return {
    results: results.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((outcome) => ({
        ...bare(outcome),
        stateEpoch: outcome.state?.stateEpoch ?? 0,
        leaderEpoch: outcome.state?.leaderEpoch ?? 0,
        startOffset: outcome.state?.startOffset ?? 0n,
        deliveryCompleteCount: outcome.state?.deliveryCompleteCount ?? -1,
      })),
    })),
  }
}
