// ConsumerGroupHeartbeat and ConsumerGroupDescribe in the protocol's own types, and the commands of consumer groups.

import type { consumerGroupDescribe } from '../../../protocol/apis/consumer-group-describe.ts'
import type { consumerGroupHeartbeat } from '../../../protocol/apis/consumer-group-heartbeat.ts'
import type { RequestOf, ResponseOf } from '../../../protocol/message.ts'
import type { RequestContext } from '../messages.ts'

export type ConsumerHeartbeatRequest = RequestOf<typeof consumerGroupHeartbeat>
export type ConsumerHeartbeatResponse = ResponseOf<typeof consumerGroupHeartbeat>
export type ConsumerDescribeRequest = RequestOf<typeof consumerGroupDescribe>
export type ConsumerDescribeResponse = ResponseOf<typeof consumerGroupDescribe>
export type DescribedConsumerGroup = ConsumerDescribeResponse['groups'][number]
export type DescribedConsumerMember = DescribedConsumerGroup['members'][number]

export type ConsumerCommand =
  | { kind: 'consumerHeartbeat'; request: ConsumerHeartbeatRequest; context: RequestContext }
  | { kind: 'consumerDescribe'; groupId: string }
  | { kind: 'consumerSessionExpired'; groupId: string; memberId: string }
  | { kind: 'consumerRevocationOverdue'; groupId: string; memberId: string }
  | { kind: 'consumerRejoinOverdue'; groupId: string; memberId: string }
  | { kind: 'consumerSyncOverdue'; groupId: string; memberId: string }
  | { kind: 'consumerResolveRegexes'; groupId: string }

export type ConsumerReply = ConsumerHeartbeatResponse | DescribedConsumerGroup
