// ShareAcknowledge, versions 1-2 (KIP-932, KIP-1222): what became of records, without fetching more. Order, codes:
// Kafka's KafkaApis.handleShareAcknowledgeRequest.

import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import type { Request, RequestContext, Response } from '../context.ts'
import { acknowledgeAll } from './acknowledge.ts'
import { endIfFinal, memberProblem, type ShareServices } from './services.ts'

type ShareAcknowledgeResponse = Response<'ShareAcknowledge'>
type PartitionAnswer = ShareAcknowledgeResponse['responses'][number]['partitions'][number]

const RENEW_SINCE = 2

export async function handleShareAcknowledge(
  request: Request<'ShareAcknowledge'>,
  context: RequestContext,
  services: ShareServices,
): Promise<ShareAcknowledgeResponse> {
  const { groupId, memberId, shareSessionEpoch: epoch, topics, isRenewAck } = request
  const problem = memberProblem(services, groupId, memberId)
  if (problem !== errorCodes.NONE || groupId === null || memberId === null) return refused(problem)
  const errorCode = services.sessions.acknowledge(groupId, memberId, epoch)
  if (errorCode !== errorCodes.NONE) return refused(errorCode)
  const knowsRenew = context.apiVersion >= RENEW_SINCE
  const acknowledged = await acknowledgeAll(
    topics,
    { groupId, memberId, knowsRenew, isRenewAck: knowsRenew && isRenewAck },
    services,
  )
  endIfFinal(services, epoch, groupId, memberId)
  const byTopic = new Map<string, PartitionAnswer[]>()
  for (const { topicId, partitionIndex, errorCode: code, errorMessage } of acknowledged) {
    const partition = {
      partitionIndex,
      errorCode: code,
      errorMessage,
      currentLeader: { leaderId: 0, leaderEpoch: 0 },
    }
    const known = byTopic.get(topicId)
    if (known === undefined) byTopic.set(topicId, [partition])
    else known.push(partition)
  }
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    acquisitionLockTimeoutMs: services.settings(groupId).recordLockDurationMs,
    responses: [...byTopic].map(([topicId, partitions]) => ({ topicId, partitions })),
    nodeEndpoints: [],
  }
}

function refused(errorCode: ErrorCode): ShareAcknowledgeResponse {
  return { throttleTimeMs: 0, errorCode, acquisitionLockTimeoutMs: 0, responses: [], nodeEndpoints: [] }
}
