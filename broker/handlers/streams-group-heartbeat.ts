// StreamsGroupHeartbeat, version 0 (KIP-1071). The group coordinator decides; internal topics that it finds missing
// are made here, beside the answer: the member hears that they are missing until they are there. Order, codes and
// texts: Kafka's KafkaApis.handleStreamsGroupHeartbeat.

import { isInternalTopic, topicNameProblem } from '../controller/topic-name.ts'
import type { Features } from '../coordinator/features.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { StreamsHeartbeatResult } from '../coordinator/group/streams/messages.ts'
import { statusCodes } from '../coordinator/group/streams/topic-configuration.ts'
import { namedTopics } from '../coordinator/group/streams/topology.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { groupContext } from './group-context.ts'
import type { StreamsInternalTopics } from './streams-internal-topics.ts'

type StreamsGroupHeartbeatResponse = Response<'StreamsGroupHeartbeat'>

export interface StreamsGroupHeartbeatServices {
  groups: Pick<GroupCoordinator, 'streamsGroupHeartbeat'>
  features: Features
  internalTopics: StreamsInternalTopics
}

export async function handleStreamsGroupHeartbeat(
  request: Request<'StreamsGroupHeartbeat'>,
  context: RequestContext,
  { groups, features, internalTopics }: StreamsGroupHeartbeatServices,
): Promise<StreamsGroupHeartbeatResponse> {
  if (features.level('streams.version') < 1) return refused(errorCodes.UNSUPPORTED_VERSION, null)
  const problem = topicProblem(request)
  if (problem !== undefined) return refused(errorCodes.STREAMS_INVALID_TOPOLOGY, problem)
  const result = await groups.streamsGroupHeartbeat(request, groupContext(context))
  if (result.missingTopics.length === 0) return result.response
  // Twice as long as the member waits until it asks again, so that it hears why a topic could not be made.
  internalTopics.create(result.missingTopics, result.response.heartbeatIntervalMs * 2)
  return withFailures(result, internalTopics)
}

/** Internal topics of a Streams application are its own; the broker's are not to be read or written by one. */
function topicProblem({ topology }: Request<'StreamsGroupHeartbeat'>): string | undefined {
  if (topology === null) return undefined
  const topics = [...namedTopics(topology)]
  const prohibited = topics.filter(isInternalTopic)
  if (prohibited.length > 0)
    return `Use of Kafka internal topics ${prohibited.join(',')} in a Kafka Streams topology is prohibited.`
  const invalid = topics.filter((name) => topicNameProblem(name) !== undefined)
  return invalid.length > 0 ? `Topic names ${invalid.join(',')} are not valid topic names.` : undefined
}

const MOST_FAILURES_TOLD = 3

function withFailures(
  { response, missingTopics }: StreamsHeartbeatResult,
  internalTopics: StreamsInternalTopics,
): StreamsGroupHeartbeatResponse {
  const failures = internalTopics.failures(missingTopics.map(({ name }) => name))
  if (failures.length === 0) return response
  const told = failures.slice(0, MOST_FAILURES_TOLD).map(({ name, reason }) => `${name} (${reason})`)
  const more = failures.length - told.length
  const text = `${told.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  return {
    ...response,
    status: (response.status ?? []).map((status) =>
      status.statusCode === statusCodes.MISSING_INTERNAL_TOPICS
        ? { ...status, statusDetail: `${status.statusDetail}; Creation failed: ${text}.` }
        : status,
    ),
  }
}

function refused(errorCode: ErrorCode, errorMessage: string | null): StreamsGroupHeartbeatResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    memberId: '',
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    acceptableRecoveryLag: 0,
    taskOffsetIntervalMs: 0,
    status: [],
    endpointInformationEpoch: 0,
  }
}
