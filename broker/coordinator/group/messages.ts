// The bodies that go through the group coordinator, in the protocol's own types, and the commands that
// they and the timers become inside a shard.

import type { deleteGroups } from '../../protocol/apis/delete-groups.ts'
import type { describeGroups } from '../../protocol/apis/describe-groups.ts'
import type { listGroups } from '../../protocol/apis/list-groups.ts'
import type { offsetCommit } from '../../protocol/apis/offset-commit.ts'
import type { offsetDelete } from '../../protocol/apis/offset-delete.ts'
import type { offsetFetch } from '../../protocol/apis/offset-fetch.ts'
import type { txnOffsetCommit } from '../../protocol/apis/txn-offset-commit.ts'
import type { RequestOf, ResponseOf } from '../../protocol/message.ts'
import type { ClassicCommand, ClassicReply } from './classic/messages.ts'
import type { ShareCommand, ShareReply } from './share/messages.ts'
import type { StreamsCommand, StreamsReply } from './streams/messages.ts'

export type * from './classic/messages.ts'
export type { ShareCommand, ShareReply } from './share/messages.ts'
export type * from './streams/messages.ts'
import type { ConsumerCommand, ConsumerReply } from './consumer/messages.ts'
export type * from './consumer/messages.ts'

export type OffsetCommitRequest = RequestOf<typeof offsetCommit>
export type OffsetCommitResponse = ResponseOf<typeof offsetCommit>
export type OffsetDeleteRequest = RequestOf<typeof offsetDelete>
export type OffsetDeleteResponse = ResponseOf<typeof offsetDelete>
export type OffsetFetchRequest = RequestOf<typeof offsetFetch>
export type OffsetFetchResponse = ResponseOf<typeof offsetFetch>
export type OffsetFetchGroup = OffsetFetchRequest['groups'][number]
export type OffsetFetchGroupResult = OffsetFetchResponse['groups'][number]
export type TxnOffsetCommitRequest = RequestOf<typeof txnOffsetCommit>
export type TxnOffsetCommitResponse = ResponseOf<typeof txnOffsetCommit>
export type DescribeGroupsRequest = RequestOf<typeof describeGroups>
export type DescribeGroupsResponse = ResponseOf<typeof describeGroups>
export type DescribedGroup = DescribeGroupsResponse['groups'][number]
export type ListGroupsRequest = RequestOf<typeof listGroups>
export type ListGroupsResponse = ResponseOf<typeof listGroups>
export type ListedGroup = ListGroupsResponse['groups'][number]
export type DeleteGroupsRequest = RequestOf<typeof deleteGroups>
export type DeleteGroupsResponse = ResponseOf<typeof deleteGroups>

/** What a group needs to know of a request besides its body. */
export interface RequestContext {
  apiVersion: number
  /** null and '' alike name no client. */
  clientId: string | null
  /** As Kafka prints an address: `/127.0.0.1`. */
  clientHost: string
}

export interface TopicPartitions {
  topic: string
  partitions: readonly number[]
}

export type Command =
  | ClassicCommand
  | ShareCommand
  | StreamsCommand
  | ConsumerCommand
  | { kind: 'commit'; request: OffsetCommitRequest; apiVersion: number }
  | { kind: 'txnCommit'; request: TxnOffsetCommitRequest; apiVersion: number }
  | { kind: 'fetch'; group: OffsetFetchGroup; requireStable: boolean }
  | { kind: 'offsetDelete'; request: OffsetDeleteRequest }
  | { kind: 'describe'; groupId: string }
  | { kind: 'list'; states: ReadonlySet<string>; types: ReadonlySet<string> }
  | { kind: 'delete'; groupId: string }
  | { kind: 'partitionsDeleted'; deleted: readonly TopicPartitions[] }
  | { kind: 'metadataChanged'; topics: readonly string[] }
  | { kind: 'expireOffsets' }

/** An answer of a shard; the facade asked, so it knows which. */
export type Reply =
  | ClassicReply
  | ShareReply
  | StreamsReply
  | ConsumerReply
  | OffsetCommitResponse
  | TxnOffsetCommitResponse
  | OffsetFetchGroupResult
  | OffsetDeleteResponse
  | DescribedGroup
  | ListedGroup[]
  | { errorCode: number }
  | { more: boolean }
