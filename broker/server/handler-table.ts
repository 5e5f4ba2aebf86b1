// What this broker serves: one row an API. ApiVersions advertises exactly the rows below, and
// docs/compatibility.md is written from them. A row gives a handler what it needs of the node and no more.

import { registeredFeatures } from '../controller/features.ts'
import type { BrokerImage } from '../controller/image.ts'
import {
  isInternalTopic,
  METADATA_TOPIC,
  OFFSETS_TOPIC,
  SHARE_STATE_TOPIC,
  TRANSACTIONS_TOPIC,
} from '../controller/topic-name.ts'
import { handleAlterClientQuotas } from '../handlers/alter-client-quotas.ts'
import { handleAlterConfigs } from '../handlers/alter-configs.ts'
import { handleAlterPartitionReassignments } from '../handlers/alter-partition-reassignments.ts'
import { handleAlterReplicaLogDirs } from '../handlers/alter-replica-log-dirs.ts'
import { handleApiVersions } from '../handlers/api-versions.ts'
import type { ClusterView } from '../handlers/cluster-view.ts'
import type { PartitionDirectory } from '../handlers/context.ts'
import { submitted } from '../handlers/controller-port.ts'
import { handleCreatePartitions } from '../handlers/create-partitions.ts'
import { handleCreateTopics } from '../handlers/create-topics.ts'
import { handleDeleteRecords } from '../handlers/delete-records.ts'
import { handleDeleteTopics } from '../handlers/delete-topics.ts'
import { handleDescribeClientQuotas } from '../handlers/describe-client-quotas.ts'
import { handleDescribeCluster } from '../handlers/describe-cluster.ts'
import { handleDescribeConfigs } from '../handlers/describe-configs.ts'
import { handleDescribeLogDirs } from '../handlers/describe-log-dirs.ts'
import { type DescribeQuorumServices, handleDescribeQuorum } from '../handlers/describe-quorum.ts'
import { handleDescribeProducers } from '../handlers/describe-producers.ts'
import { handleDescribeTopicPartitions } from '../handlers/describe-topic-partitions.ts'
import { handleDescribeUserScramCredentials } from '../handlers/describe-user-scram-credentials.ts'
import type { Handlers } from '../handlers/dispatch.ts'
import { handleElectLeaders } from '../handlers/elect-leaders.ts'
import { handleFetch } from '../handlers/fetch.ts'
import { handleFindCoordinator } from '../handlers/find-coordinator.ts'
import { groupContext } from '../handlers/group-context.ts'
import { handleIncrementalAlterConfigs } from '../handlers/incremental-alter-configs.ts'
import { handleListConfigResources } from '../handlers/list-config-resources.ts'
import { handleListOffsets } from '../handlers/list-offsets.ts'
import { handleListPartitionReassignments } from '../handlers/list-partition-reassignments.ts'
import { handleMetadata } from '../handlers/metadata.ts'
import { handleOffsetCommit } from '../handlers/offset-commit.ts'
import { handleOffsetDelete } from '../handlers/offset-delete.ts'
import { handleOffsetFetch } from '../handlers/offset-fetch.ts'
import { handleOffsetForLeaderEpoch } from '../handlers/offset-for-leader-epoch.ts'
import { handleProduce } from '../handlers/produce.ts'
import { ProduceTurns } from '../handlers/produce/produce-turns.ts'
import { withGroupOperations } from '../handlers/group-operations.ts'
import type { ShareServices } from '../handlers/share/services.ts'
import { handleShareAcknowledge } from '../handlers/share/share-acknowledge.ts'
import { handleShareFetch } from '../handlers/share/share-fetch.ts'
import {
  handleAlterShareGroupOffsets,
  handleDeleteGroups,
  handleDeleteShareGroupOffsets,
  handleDescribeShareGroupOffsets,
  handleShareGroupDescribe,
  handleShareGroupHeartbeat,
} from '../handlers/share/share-groups.ts'
import {
  handleDeleteShareGroupState,
  handleInitializeShareGroupState,
  handleReadShareGroupState,
  handleReadShareGroupStateSummary,
  handleWriteShareGroupState,
} from '../handlers/share/share-states.ts'
import { handleStreamsGroupDescribe } from '../handlers/streams-group-describe.ts'
import { handleStreamsGroupHeartbeat } from '../handlers/streams-group-heartbeat.ts'
import { StreamsInternalTopics } from '../handlers/streams-internal-topics.ts'
import { TransactionTurns } from '../handlers/transaction-turns.ts'
import { handleTxnOffsetCommit } from '../handlers/txn-offset-commit.ts'
import { handleUpdateFeatures } from '../handlers/update-features.ts'
import { handleWriteTxnMarkers } from '../handlers/write-txn-markers.ts'
import { handleUnregisterBroker } from '../handlers/unregister-broker.ts'
import type { ConnectionInfo } from '../net/net.ts'
import type { ApiName } from '../protocol/apis/index.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import type { BrokerNode } from './broker-node.ts'
import type { InternalTopic } from './internal-topics.ts'

/** `listener`: the name of the one that the requests come through. */
export function createHandlers(node: BrokerNode, listener: string): Handlers {
  const { clock, controller, features, groups, transactions, internalTopics, logDirectory } = node
  const { logger, nodeId, settings } = node
  const { fetchSessions: sessions } = node
  const { image } = controller
  const directory = directoryOf(node)
  const cluster = clusterOf(node, listener)
  const layers = () => settings.layers
  const config = () => settings.config
  const allocate = (sizeInBytes: number): Buffer => node.buffers.take(sizeInBytes)
  const streamsTopics = new StreamsInternalTopics(controller, clock, (message) => logger.warn(message))
  const transactionTurns = new TransactionTurns((...asked) => transactions.addImplicitly(...asked))
  const turns = new ProduceTurns()
  const mutationQuota = node.requestQuotas.mutations
  const data = { directory, clock, stopping: node.stopping.signal }
  const shareServices = shareServicesOf(node)
  const shareGroup = { shareGroups: node.share.shareGroups, features }
  const shareState = { shareCoordinator: node.share.coordinator }

  const handlers: Handlers = {
    Produce: (request, context) =>
      handleProduce(request, context, {
        ...data,
        mayWrite: (topic) => !isInternalTopic(topic),
        inspection: node.inspection,
        turns,
        transactionTurns,
        verifyTransaction: (...asked) => transactions.verifyTransaction(...asked),
      }),
    Fetch: (request, context) =>
      handleFetch(request, context, {
        ...data,
        sessions,
        cluster,
        fetchMaxBytes: settings.config.fetchMaxBytes,
        quota: node.requestQuotas,
        allocate,
      }),
    ListOffsets: (request, context) => handleListOffsets(request, context, data),
    OffsetForLeaderEpoch: (request) => handleOffsetForLeaderEpoch(request, data),
    DeleteRecords: (request) => handleDeleteRecords(request, data),

    Metadata: (request, context) =>
      handleMetadata(request, context, {
        cluster,
        autoCreateEnabled: () => settings.config.autoCreateTopicsEnable,
        autoCreate: (names) => autoCreate(node, names),
      }),
    DescribeCluster: (request, context) => handleDescribeCluster(request, context, { cluster }),
    DescribeTopicPartitions: (request, context) =>
      handleDescribeTopicPartitions(request, context, {
        cluster,
        partitionLimit: () => settings.config.maxRequestPartitionSizeLimit,
      }),
    CreateTopics: (request, context) =>
      handleCreateTopics(request, context, { controller, layers, config, mutationQuota }),
    DeleteTopics: (request, context) => handleDeleteTopics(request, context, { controller, mutationQuota }),
    CreatePartitions: (request, context) =>
      handleCreatePartitions(request, context, { controller, mutationQuota }),
    DescribeClientQuotas: (request) => handleDescribeClientQuotas(request, { image }),
    DescribeUserScramCredentials: (request) => handleDescribeUserScramCredentials(request),
    AlterClientQuotas: (request) => handleAlterClientQuotas(request, { controller }),
    DescribeConfigs: (request, context) =>
      handleDescribeConfigs(request, context, { image, nodeId, layers, config, loggers: logger }),
    AlterConfigs: (request, context) => handleAlterConfigs(request, context, { controller }),
    IncrementalAlterConfigs: (request, context) =>
      handleIncrementalAlterConfigs(request, context, { controller, nodeId, loggers: logger }),
    UpdateFeatures: (request, context) => handleUpdateFeatures(request, context, { controller }),

    ListConfigResources: (request, context) => handleListConfigResources(request, context, { cluster }),

    DescribeLogDirs: (request) => handleDescribeLogDirs(request, { directory: logDirectory }),
    AlterReplicaLogDirs: (request) => handleAlterReplicaLogDirs(request, { directory: logDirectory }),
    ElectLeaders: (request, context) => handleElectLeaders(request, context, { controller, image }),
    AlterPartitionReassignments: (request, context) =>
      handleAlterPartitionReassignments(request, context, { controller }),
    ListPartitionReassignments: (request) => handleListPartitionReassignments(request, { image }),
    DescribeQuorum: (request, context) =>
      handleDescribeQuorum(request, context, { cluster, clock, listener, quorum: () => quorumOf(node) }),
    UnregisterBroker: (request) => handleUnregisterBroker(request, { controller }),

    FindCoordinator: (request, context) =>
      handleFindCoordinator(request, context, {
        cluster,
        ensureTopic: (topic) => internalTopics.ensure(topic),
      }),
    JoinGroup: (request, context) => groups.joinGroup(request, groupContext(context)),
    SyncGroup: (request, context) => groups.syncGroup(request, groupContext(context)),
    Heartbeat: (request) => groups.heartbeat(request),
    LeaveGroup: (request, context) => groups.leaveGroup(request, groupContext(context)),
    OffsetCommit: (request, context) => handleOffsetCommit(request, context, { groups, directory }),
    OffsetFetch: (request, context) => handleOffsetFetch(request, context, { groups, directory }),
    DescribeGroups: async (request, context) =>
      withGroupOperations(request, await groups.describeGroups(request, groupContext(context))),
    ListGroups: (request) => groups.listGroups(request),
    DeleteGroups: (request) => handleDeleteGroups(request, { groups, shareGroups: node.share.shareGroups }),
    ShareGroupHeartbeat: (request, context) => handleShareGroupHeartbeat(request, context, shareGroup),
    ShareGroupDescribe: async (request) =>
      withGroupOperations(request, await handleShareGroupDescribe(request, shareGroup)),
    ShareFetch: (request, context) => handleShareFetch(request, context, shareServices),
    ShareAcknowledge: (request, context) => handleShareAcknowledge(request, context, shareServices),
    InitializeShareGroupState: (request) => handleInitializeShareGroupState(request, shareState),
    ReadShareGroupState: (request) => handleReadShareGroupState(request, shareState),
    WriteShareGroupState: (request) => handleWriteShareGroupState(request, shareState),
    DeleteShareGroupState: (request) => handleDeleteShareGroupState(request, shareState),
    ReadShareGroupStateSummary: (request) => handleReadShareGroupStateSummary(request, shareState),
    DescribeShareGroupOffsets: (request) => handleDescribeShareGroupOffsets(request, shareGroup),
    AlterShareGroupOffsets: (request) => handleAlterShareGroupOffsets(request, { ...shareGroup, directory }),
    DeleteShareGroupOffsets: (request) => handleDeleteShareGroupOffsets(request, shareGroup),
    StreamsGroupHeartbeat: (request, context) =>
      handleStreamsGroupHeartbeat(request, context, { groups, features, internalTopics: streamsTopics }),
    StreamsGroupDescribe: async (request) =>
      withGroupOperations(request, await handleStreamsGroupDescribe(request, { groups, features })),
    OffsetDelete: (request) => handleOffsetDelete(request, { groups, directory }),
    ConsumerGroupHeartbeat: (request, context) =>
      groups.consumerGroupHeartbeat(request, groupContext(context)),
    ConsumerGroupDescribe: async (request) =>
      withGroupOperations(request, await groups.consumerGroupDescribe(request)),

    InitProducerId: (request, { apiVersion }) => transactions.initProducerId(request, apiVersion),
    AddPartitionsToTxn: (request, { apiVersion }) => transactions.addPartitionsToTxn(request, apiVersion),
    AddOffsetsToTxn: async (request, { apiVersion }) => {
      // The group's partition joins the transaction, so it must be there to take the marker.
      const isThere = await ensured(node, OFFSETS_TOPIC)
      if (!isThere) return { errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE }
      return transactions.addOffsetsToTxn(request, apiVersion)
    },
    TxnOffsetCommit: (request, context) =>
      handleTxnOffsetCommit(request, context, {
        groups,
        directory,
        transactions,
        ensureOffsetsTopic: () => ensured(node, OFFSETS_TOPIC),
      }),
    EndTxn: (request, { apiVersion }) => transactions.endTxn(request, apiVersion),
    DescribeTransactions: (request) => transactions.describeTransactions(request),
    ListTransactions: (request) => transactions.listTransactions(request),
    DescribeProducers: (request) => handleDescribeProducers(request, data),
    WriteTxnMarkers: (request) => handleWriteTxnMarkers(request, data),

    ApiVersions: (request, context) =>
      handleApiVersions(request, context, {
        served,
        supportedFeatures: registeredFeatures.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
          name,
          minVersion: minSupportedVersion,
          maxVersion: maxSupportedVersion,
        })),
        finalizedFeatures: () => ({
          // Clients keep the levels of the highest epoch that they have seen.
          epoch: controller.imageOffset,
          levels: [...image.features()].map(([name, level]) => ({ name, level })),
        }),
      }),
  }
  const served = Object.keys(handlers) as ApiName[]
  return handlers
}

/** What ShareFetch and ShareAcknowledge are given, and the end of their clients' connections. */
export function shareServicesOf(node: BrokerNode): ShareServices {
  const { share, features, clock, settings, stopping } = node
  return {
    features,
    sessions: share.sessions,
    sharePartitions: share.sharePartitions,
    settings: share.settings,
    directory: directoryOf(node),
    clock,
    get fetchMaxBytes() {
      return settings.config.fetchMaxBytes
    },
    quota: node.requestQuotas,
    allocate: (sizeInBytes) => node.buffers.take(sizeInBytes),
    stopping: stopping.signal,
  }
}

function directoryOf(node: BrokerNode): PartitionDirectory {
  const { image } = node.controller
  return {
    topicName: (topicId) => image.topicById(topicId)?.name,
    topicId: (topic) => image.topic(topic)?.topicId,
    partition: (topic, index) => node.partition(topic, index),
  }
}

function clusterOf(node: BrokerNode, listener: string): ClusterView {
  const { controller, settings, clusterId } = node
  return {
    image: controller.image,
    clusterId,
    get controllerId() {
      return controller.leaderId
    },
    // Unless told otherwise, a broker is where the client has just reached it: nothing to configure, nothing to get wrong.
    address(_broker: BrokerImage, { localHost, localPort }: ConnectionInfo) {
      const advertised = settings.config.advertisedListeners?.find(({ name }) => name === listener)
      return advertised === undefined
        ? { host: localHost, port: localPort }
        : { host: advertised.host, port: advertised.port }
    },
  }
}

/** A quorum of one: the voter is this node. */
function quorumOf({ controller, nodeId }: BrokerNode): ReturnType<DescribeQuorumServices['quorum']> {
  const { highWatermark, endOffset } = controller.logOffsets
  const directoryId = controller.image.broker(nodeId)?.logDirs[0] ?? ZERO_UUID
  return {
    leaderId: controller.leaderId,
    leaderEpoch: controller.epoch,
    highWatermark,
    voters: [{ id: nodeId, directoryId, logEndOffset: endOffset }],
  }
}

/** Topics that a client named and nobody has made; resolves when those that could be made can be written to. */
async function autoCreate(
  node: BrokerNode,
  names: readonly string[],
): Promise<ReadonlyMap<string, ErrorCode>> {
  // Nobody makes the metadata log: it stays a topic that there is none of.
  const own = names.filter((name) => !isInternalTopic(name) && name !== METADATA_TOPIC)
  // The broker's own topics are made with settings of their own.
  const internal = [OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARE_STATE_TOPIC] as const
  await Promise.all(internal.filter((name) => names.includes(name)).map((name) => ensured(node, name)))
  if (own.length === 0) return new Map()
  const topics = own.map((name) => ({
    name,
    numPartitions: -1,
    replicationFactor: -1,
    assignments: [],
    configs: [],
  }))
  return submitted(
    node.controller,
    { type: 'createTopics' as const, validateOnly: false, topics },
    undefined,
    (outcomes) =>
      new Map(
        outcomes.map(({ name, errorCode }): [string, ErrorCode] => [
          name,
          // Somebody else was quicker: the topic is there.
          errorCode === errorCodes.TOPIC_ALREADY_EXISTS ? errorCodes.NONE : errorCode,
        ]),
      ),
    ({ errorCode }) => new Map(own.map((name): [string, ErrorCode] => [name, errorCode])),
  )
}

/** Whether the topic is there now; why it cannot be made stands in the log. */
async function ensured(node: BrokerNode, name: InternalTopic): Promise<boolean> {
  try {
    await node.internalTopics.ensure(name)
    return true
  } catch (error) {
    node.logger.warn(`${name} cannot be made: ${String(error)}`)
    return false
  }
}
