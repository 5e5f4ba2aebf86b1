// What goes through streams groups, in the protocol's own types, and the commands that it and the timers become
// inside a shard.

import type { streamsGroupDescribe } from '../../../protocol/apis/streams-group-describe.ts'
import type { streamsGroupHeartbeat } from '../../../protocol/apis/streams-group-heartbeat.ts'
import type { RequestOf, ResponseOf } from '../../../protocol/message.ts'
import type { InternalTopic } from './configured-topology.ts'

export type StreamsHeartbeatRequest = RequestOf<typeof streamsGroupHeartbeat>
export type StreamsHeartbeatResponse = ResponseOf<typeof streamsGroupHeartbeat>
export type StreamsDescribeResponse = ResponseOf<typeof streamsGroupDescribe>
export type DescribedStreamsGroup = StreamsDescribeResponse['groups'][number]

/** The answer, and the internal topics that have to be made before the tasks can be assigned. */
export interface StreamsHeartbeatResult {
  response: StreamsHeartbeatResponse
  missingTopics: readonly InternalTopic[]
}

export interface StreamsClient {
  clientId: string
  /** As Kafka prints an address: `/127.0.0.1`. */
  clientHost: string
}

export type StreamsCommand =
  | { kind: 'streamsHeartbeat'; request: StreamsHeartbeatRequest; client: StreamsClient }
  | { kind: 'streamsDescribe'; groupId: string }
  | { kind: 'streamsSessionExpired'; groupId: string; memberId: string }
  | { kind: 'streamsRevocationOver'; groupId: string; memberId: string }
  | { kind: 'streamsInitialDelayOver'; groupId: string }

export type StreamsReply = StreamsHeartbeatResult | DescribedStreamsGroup

export function heartbeatRefused(errorCode: number, errorMessage: string | null): StreamsHeartbeatResult {
  return { response: { ...emptyResponse, errorCode, errorMessage }, missingTopics: [] }
}

const emptyResponse: StreamsHeartbeatResponse = {
  throttleTimeMs: 0,
  errorCode: 0,
  errorMessage: null,
  memberId: '',
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  acceptableRecoveryLag: 0,
  taskOffsetIntervalMs: 0,
  status: [],
  activeTasks: null,
  standbyTasks: null,
  warmupTasks: null,
  endpointInformationEpoch: 0,
  partitionsByUserEndpoint: null,
}

/** An answer without an error. */
export function heartbeatAnswer(
  fields: Partial<StreamsHeartbeatResponse>,
  missingTopics: readonly InternalTopic[] = [],
): StreamsHeartbeatResult {
  return { response: { ...emptyResponse, ...fields }, missingTopics }
}
