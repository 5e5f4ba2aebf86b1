// DescribeQuorum, versions 0-2: who leads the metadata log, how far it is committed, and who votes. Asked for
// anything but that log alone, it is unknown. Source: Kafka's KafkaRaftClient.

import { METADATA_TOPIC } from '../controller/topic-name.ts'
import { errorCodes, errorText } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import { type ClusterView, reachable } from './cluster-view.ts'
import type { Request, RequestContext, Response } from './context.ts'

/** First version that knows the directories of voters, and where the voters are. */
const DIRECTORIES_SINCE = 2

type DescribeQuorumRequest = Request<'DescribeQuorum'>

export interface DescribeQuorumServices {
  cluster: ClusterView
  clock: Clock
  quorum(): {
    leaderId: number
    leaderEpoch: number
    highWatermark: bigint
    /** The voters, each with the end of its log; the leader's is this node's. */
    voters: readonly { id: number; directoryId: string; logEndOffset: bigint }[]
  }
  /** The name of the listener that the request came through. */
  listener: string
}

export function handleDescribeQuorum(
  { topics }: DescribeQuorumRequest,
  { apiVersion, connection }: RequestContext,
  { cluster, clock, quorum, listener }: DescribeQuorumServices,
): Response<'DescribeQuorum'> {
  if (!isMetadataLog(topics)) return unknownPartitions(topics)
  const { leaderId, leaderEpoch, highWatermark, voters } = quorum()
  const nowMs = BigInt(clock.now())
  return {
    errorCode: errorCodes.NONE,
    errorMessage: '',
    topics: [
      {
        topicName: METADATA_TOPIC,
        partitions: [
          {
            partitionIndex: 0,
            errorCode: errorCodes.NONE,
            errorMessage: '',
            leaderId,
            leaderEpoch,
            highWatermark,
            currentVoters: voters.map(({ id, directoryId, logEndOffset }) => ({
              replicaId: id,
              ...(apiVersion >= DIRECTORIES_SINCE ? { replicaDirectoryId: directoryId } : {}),
              logEndOffset,
              // The leader has always just seen its own log.
              lastFetchTimestamp: id === leaderId ? nowMs : -1n,
              lastCaughtUpTimestamp: id === leaderId ? nowMs : -1n,
            })),
            observers: [],
          },
        ],
      },
    ],
    nodes:
      apiVersion < DIRECTORIES_SINCE
        ? []
        : voters.map(({ id }) => {
            const place = reachable(cluster, id, connection)
            return {
              nodeId: id,
              listeners: place === undefined ? [] : [{ name: listener, host: place.host, port: place.port }],
            }
          }),
  }
}

function isMetadataLog(topics: DescribeQuorumRequest['topics']): boolean {
  const [topic] = topics
  return (
    topics.length === 1 &&
    topic?.topicName === METADATA_TOPIC &&
    topic.partitions.length === 1 &&
    topic.partitions[0]?.partitionIndex === 0
  )
}

function unknownPartitions(topics: DescribeQuorumRequest['topics']): Response<'DescribeQuorum'> {
  const errorCode = errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  return {
    errorCode: errorCodes.NONE,
    errorMessage: '',
    topics: topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode,
        errorMessage: errorText(errorCode),
        leaderId: 0,
        leaderEpoch: 0,
        highWatermark: 0n,
        currentVoters: [],
        observers: [],
      })),
    })),
    nodes: [],
  }
}
