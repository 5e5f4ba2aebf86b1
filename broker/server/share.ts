// Share groups put together (KIP-932): the share coordinator, the share partitions that keep their states there, the
// sessions of their members, and the groups themselves.

import type { Controller } from '../controller/controller.ts'
import { RESOURCE_TYPES } from '../controller/facts.ts'
import { SHARE_STATE_TOPIC } from '../controller/topic-name.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { ShareGroups } from '../coordinator/group/share/share-groups.ts'
import type { StateKeeper } from '../coordinator/group/share/state-keeper.ts'
import { ShareCoordinator } from '../coordinator/share/share-coordinator.ts'
import type { ShareReply } from '../coordinator/share/share-state-machine.ts'
import { UNINITIALIZED_START_OFFSET } from '../coordinator/share/state.ts'
import type { Partition } from '../partition/partition.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { ShareGroupSettings } from '../share/share-partition-leader.ts'
import { SharePartitions } from '../share/share-partitions.ts'
import { ShareSessions } from '../share/share-sessions.ts'
import type { SharePartitionKey, ShareStateStore } from '../share/state-store.ts'
import type { Clock } from '../time/clock.ts'
import type { Logger } from './broker-options.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { effectiveGroupText, groupConfigKeyByName } from './config/group-keys.ts'
import { parseOffsetReset } from './config/offset-reset.ts'
import { coordinatorMetadata } from './coordinator-metadata.ts'

export interface ShareOptions {
  clock: Clock
  controller: Controller
  settings: BrokerSettings
  groups: GroupCoordinator
  logger: Logger
  partition: (topic: string, index: number) => Partition | undefined
  /** Resolves when __share_group_state is there and loaded. */
  ensureStateTopic: () => Promise<void>
}

/** share.coordinator.state.topic.prune.interval.ms and share.coordinator.cold.partition.snapshot.interval.ms. */
const PRUNE_INTERVAL_MS = 5 * 60 * 1000
const COLD_SNAPSHOT_INTERVAL_MS = 5 * 60 * 1000

export class ShareGroupParts {
  readonly coordinator: ShareCoordinator
  readonly sharePartitions: SharePartitions
  readonly sessions: ShareSessions
  readonly shareGroups: ShareGroups
  readonly settings: (groupId: string) => ShareGroupSettings

  constructor(options: ShareOptions) {
    const { clock, controller, settings, groups, logger, partition } = options
    const { image } = controller
    const { config } = settings
    this.settings = (groupId) => groupSettings(controller, settings, groupId)
    this.coordinator = new ShareCoordinator({
      clock,
      statePartitionCount:
        image.topic(SHARE_STATE_TOPIC)?.partitions.length ?? config.shareCoordinatorStateTopicNumPartitions,
      writeTimeoutMs: config.shareCoordinatorWriteTimeoutMs,
      pruneIntervalMs: PRUNE_INTERVAL_MS,
      partitionCount: (topicId) => image.topicById(topicId)?.partitions.length,
      config: {
        snapshotUpdateRecordsPerSnapshot: config.shareCoordinatorSnapshotUpdateRecordsPerSnapshot,
        coldPartitionSnapshotIntervalMs: COLD_SNAPSHOT_INTERVAL_MS,
      },
      onRedundant: (index, offset) => void partition(SHARE_STATE_TOPIC, index)?.deleteRecordsBefore(offset),
      onShardFailed: (index, error) =>
        logger.error(`${SHARE_STATE_TOPIC}-${index} has failed: ${error.message}`),
    })
    this.sharePartitions = new SharePartitions({
      clock,
      store: storeOver(this.coordinator),
      settings: this.settings,
    })
    this.sessions = new ShareSessions({ maxSessions: config.groupShareMaxShareSessions })
    this.shareGroups = new ShareGroups({
      ask: (groupId, command) => groups.share(groupId, command),
      keeper: keeperOver(this.coordinator, this.sharePartitions, options),
      metadata: coordinatorMetadata(image, () => controller.imageOffset),
      onWarning: (message) => logger.warn(message),
    })
  }

  close(): void {
    this.sharePartitions.close()
    this.coordinator.close()
  }
}

function storeOver(coordinator: ShareCoordinator): ShareStateStore {
  return {
    async read(key, leaderEpoch) {
      const reply = await coordinator.ask({ kind: 'read', key, leaderEpoch })
      const outcome = outcomeOf(reply)
      if (reply.kind !== 'state') return { ...outcome, stateEpoch: 0, startOffset: 0n, batches: [] }
      const { stateEpoch, startOffset, batches } = reply.state
      return { ...outcome, stateEpoch, startOffset, batches }
    },
    async write(key, state) {
      return outcomeOf(await coordinator.ask({ kind: 'write', key, ...state }))
    },
  }
}

function keeperOver(
  coordinator: ShareCoordinator,
  sharePartitions: SharePartitions,
  options: ShareOptions,
): StateKeeper {
  const { ensureStateTopic, partition } = options
  // What is in memory is of the state before: whoever fetches next loads it anew.
  const changed = (key: SharePartitionKey, reply: ShareReply): ShareReply => {
    if (reply.kind === 'done')
      sharePartitions.get(key)?.end({ errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER, errorMessage: null })
    return reply
  }
  return {
    async initialize(key, stateEpoch, startOffset = UNINITIALIZED_START_OFFSET) {
      await ensureStateTopic()
      const reply = await coordinator.ask({ kind: 'initialize', key, stateEpoch, startOffset })
      return outcomeOf(changed(key, reply))
    },
    async delete(key) {
      await ensureStateTopic()
      return outcomeOf(changed(key, await coordinator.ask({ kind: 'delete', key })))
    },
    async summary(key) {
      await ensureStateTopic()
      const reply = await coordinator.ask({ kind: 'summary', key })
      if (reply.kind !== 'state')
        return { ...outcomeOf(reply), startOffset: -1n, deliveryCompleteCount: -1, leaderEpoch: 0 }
      const { startOffset, deliveryCompleteCount, leaderEpoch } = reply.state
      return { ...outcomeOf(reply), startOffset, deliveryCompleteCount, leaderEpoch }
    },
    latestOffset: (topic, index) => partition(topic, index)?.highWatermark,
  }
}

function outcomeOf(reply: ShareReply): { errorCode: ErrorCode; errorMessage: string | null } {
  if (reply.kind !== 'refused') return { errorCode: errorCodes.NONE, errorMessage: null }
  return { errorCode: reply.errorCode, errorMessage: reply.errorMessage }
}

/** Each read anew: a group's settings may change while it runs. */
function groupSettings(
  controller: Controller,
  settings: BrokerSettings,
  groupId: string,
): ShareGroupSettings {
  const own = controller.image.settings(RESOURCE_TYPES.GROUP, groupId)
  const text = (name: string): string => {
    const definition = groupConfigKeyByName.get(name)
    if (definition === undefined) throw new Error(`no group key is called ${name}`)
    return effectiveGroupText(definition, own, settings.layers)
  }
  return {
    get deliveryCountLimit() {
      return Number(text('share.delivery.count.limit'))
    },
    get partitionMaxRecordLocks() {
      return Number(text('share.partition.max.record.locks'))
    },
    get recordLockDurationMs() {
      return Number(text('share.record.lock.duration.ms'))
    },
    get renewAcknowledgeEnable() {
      return text('share.renew.acknowledge.enable') === 'true'
    },
    get isolation() {
      return text('share.isolation.level') === 'read_committed' ? 'read_committed' : 'read_uncommitted'
    },
    get autoOffsetReset() {
      return parseOffsetReset(text('share.auto.offset.reset')) ?? { kind: 'latest' }
    },
  }
}
