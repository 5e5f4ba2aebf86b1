// What goes through share groups, in the protocol's own types, and the commands that it and the timers become inside a
// shard.

import type { alterShareGroupOffsets } from '../../../protocol/apis/alter-share-group-offsets.ts'
import type { deleteShareGroupOffsets } from '../../../protocol/apis/delete-share-group-offsets.ts'
import type { describeShareGroupOffsets } from '../../../protocol/apis/describe-share-group-offsets.ts'
import type { shareGroupDescribe } from '../../../protocol/apis/share-group-describe.ts'
import type { shareGroupHeartbeat } from '../../../protocol/apis/share-group-heartbeat.ts'
import type { RequestOf, ResponseOf } from '../../../protocol/message.ts'
import type { KeptTopic } from './kept-topics.ts'

export type ShareHeartbeatRequest = RequestOf<typeof shareGroupHeartbeat>
export type ShareHeartbeatResponse = ResponseOf<typeof shareGroupHeartbeat>
export type DescribedShareGroup = ResponseOf<typeof shareGroupDescribe>['groups'][number]
export type DescribeShareOffsetsGroup = RequestOf<typeof describeShareGroupOffsets>['groups'][number]
export type DescribedShareOffsets = ResponseOf<typeof describeShareGroupOffsets>['groups'][number]
export type AlterShareOffsetsRequest = RequestOf<typeof alterShareGroupOffsets>
export type AlterShareOffsetsResponse = ResponseOf<typeof alterShareGroupOffsets>
export type DeleteShareOffsetsRequest = RequestOf<typeof deleteShareGroupOffsets>
export type DeleteShareOffsetsResponse = ResponseOf<typeof deleteShareGroupOffsets>

export interface ShareClient {
  clientId: string
  /** As Kafka prints an address: `/127.0.0.1`. */
  clientHost: string
}

/** By topic id. */
export type KeptTopicMap = ReadonlyMap<string, KeptTopic>

/** The share coordinator is to be asked to keep states, once this is answered. */
export interface ToInitialize {
  stateEpoch: number
  /** Where each partition begins; undefined: where the group's auto.offset.reset says. */
  topics: ReadonlyMap<string, { name: string; startOffsets: ReadonlyMap<number, bigint | undefined> }>
}

export interface ShareHeartbeatResult {
  response: ShareHeartbeatResponse
  toInitialize: ToInitialize | null
}

export interface ShareAlterResult {
  response: AlterShareOffsetsResponse
  toInitialize: ToInitialize | null
}

/** States that the share coordinator is to be asked to delete, by topic id. */
export interface ShareDeleteResult {
  errorCode: number
  errorMessage: string | null
  toDelete: KeptTopicMap
  refused: DeleteShareOffsetsResponse['responses']
}

export type ShareCommand =
  | { kind: 'shareHeartbeat'; request: ShareHeartbeatRequest; client: ShareClient }
  | { kind: 'shareDescribe'; groupId: string }
  | { kind: 'shareSessionExpired'; groupId: string; memberId: string }
  | { kind: 'shareInitialized'; groupId: string; topics: KeptTopicMap }
  | { kind: 'shareNotInitialized'; groupId: string; topics: KeptTopicMap }
  | { kind: 'shareKept'; groupId: string }
  | { kind: 'shareAlterOffsets'; request: AlterShareOffsetsRequest }
  | { kind: 'shareDeleteOffsets'; request: DeleteShareOffsetsRequest }
  | { kind: 'shareDeleted'; groupId: string; topicIds: ReadonlySet<string> }
  | { kind: 'shareBeginDelete'; groupId: string }
  | { kind: 'shareTopicsDeleted'; topicIds: ReadonlySet<string> }

export type ShareReply =
  | ShareHeartbeatResult
  | ShareAlterResult
  | ShareDeleteResult
  | DescribedShareGroup
  | { kept: KeptTopicMap }
  | { errorCode: number }

const emptyResponse: ShareHeartbeatResponse = {
  throttleTimeMs: 0,
  errorCode: 0,
  errorMessage: null,
  memberId: null,
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  assignment: null,
}

/** An answer without an error. */
export function heartbeatAnswer(fields: Partial<ShareHeartbeatResponse>): ShareHeartbeatResponse {
  return { ...emptyResponse, ...fields }
}

export function heartbeatRefused(errorCode: number, errorMessage: string | null): ShareHeartbeatResult {
  return { response: { ...emptyResponse, errorCode, errorMessage }, toInitialize: null }
}

export function alterRefused(errorCode: number, errorMessage: string | null): ShareAlterResult {
  return { response: { throttleTimeMs: 0, errorCode, errorMessage, responses: [] }, toInitialize: null }
}

export function deleteRefused(errorCode: number, errorMessage: string | null): ShareDeleteResult {
  return { errorCode, errorMessage, toDelete: new Map(), refused: [] }
}
