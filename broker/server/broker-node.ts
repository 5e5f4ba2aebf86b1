// One broker, put together: the only place that constructs everything. Start and stop are lists of steps in
// the order in which each relies on those before it; stop runs what start has reached, backwards.

import { randomBytes, randomInt } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Controller } from '../controller/controller.ts'
import { newClusterLevels } from '../controller/features.ts'
import { SingleNodeQuorum } from '../controller/single-node-quorum.ts'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from '../controller/topic-name.ts'
import type { Features } from '../coordinator/features.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import { SessionCache } from '../handlers/fetch/session-cache.ts'
import type { LogDirectory } from '../handlers/log-directory.ts'
import { RequestQuotas } from '../handlers/request-quota.ts'
import type { TailCut } from '../log/log-config.ts'
import type { MetaProperties } from '../log/meta-properties.ts'
import { BufferPool } from '../net/buffer-pool.ts'
import { ConnectionCounts } from '../net/connection-counts.ts'
import type { Listener } from '../net/listener.ts'
import type { Partition } from '../partition/partition.ts'
import { Partitions } from '../partition/partition-manager.ts'
import { errorName } from '../protocol/errors.ts'
import { Quotas } from '../quota/quotas.ts'
import type { Storage } from '../storage/storage.ts'
import type { Clock } from '../time/clock.ts'
import type { Logger } from './broker-options.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { configRules } from './config/rules.ts'
import { newCoordinators } from './coordinators.ts'
import { identify } from './data-directory.ts'
import { cleanerConfigOf } from './cleaner-config.ts'
import { LeveledLogger } from './leveled-logger.ts'
import { logDirectoryOf } from './log-directory.ts'
import { InspectionThread } from './inspection/thread.ts'
import type { InternalTopics } from './internal-topics.ts'
import { openListener } from './open-listener.ts'
import { Registration } from './registration.ts'
import type { ShareGroupParts } from './share.ts'
import { openTopics, publishChange, type TopicLifeServices } from './topic-life.ts'

export interface BrokerNodeOptions {
  storage: Storage
  isVolatile: boolean
  settings: BrokerSettings
  clock: Clock
  logger: Logger
}

export class BrokerNode {
  readonly settings: BrokerSettings
  readonly clock: Clock
  readonly logger: LeveledLogger
  readonly stopping = new AbortController()
  identity!: MetaProperties
  controller!: Controller
  partitions!: Partitions
  groups!: GroupCoordinator
  transactions!: TransactionCoordinator
  share!: ShareGroupParts
  internalTopics!: InternalTopics
  readonly quotas: Quotas
  readonly requestQuotas: RequestQuotas
  logDirectory!: LogDirectory
  private readonly options: BrokerNodeOptions
  private registration!: Registration
  /** Changes of the metadata are carried out from here on. */
  private isOpen = false
  /** What is finalized, for coordinators and handlers. */
  readonly features: Features = { level: (name) => this.controller.image.featureLevel(name) }
  /** Large, short-lived memory of all connections. */
  readonly buffers = new BufferPool()
  readonly inspection = new InspectionThread((error) =>
    this.logger.warn(`large batches are inspected on the event loop: no thread for them, ${error.message}`),
  )
  /** Of the clients of all listeners. */
  readonly fetchSessions: SessionCache
  private listeners: Listener[] = []
  /** How to undo each step that was reached. */
  private readonly undo: (() => void | Promise<unknown>)[] = []
  private stopped: Promise<void> | undefined

  private constructor(options: BrokerNodeOptions) {
    this.options = options
    // Every fetch that waits listens; Node takes more than ten for a leak and says so on the host's standard error.
    setMaxListeners(0, this.stopping.signal)
    this.settings = options.settings
    this.clock = options.clock
    const { config } = options.settings
    this.quotas = new Quotas({
      client: { samples: config.quotaWindowNum, windowMs: config.quotaWindowSizeSeconds * 1000 },
      controller: {
        samples: config.controllerQuotaWindowNum,
        windowMs: config.controllerQuotaWindowSizeSeconds * 1000,
      },
    })
    this.requestQuotas = new RequestQuotas({
      quotas: this.quotas,
      clock: options.clock,
      threadMs: () => performance.now(),
    })
    this.logger = new LeveledLogger(options.logger)
    this.fetchSessions = new SessionCache({
      slots: this.settings.config.maxIncrementalFetchSessionCacheSlots,
      random: (bound) => randomInt(bound),
    })
  }

  /** Resolves when clients can connect. A step that fails undoes those before it and rejects. */
  static async start(options: BrokerNodeOptions): Promise<BrokerNode> {
    const node = new BrokerNode(options)
    try {
      await node.open()
      return node
    } catch (error) {
      await node.stop()
      throw error
    }
  }

  get nodeId(): number {
    return this.settings.config.nodeId
  }

  get clusterId(): string {
    return this.identity.clusterId
  }

  /** Where clients connect: the first listener as it was bound. */
  get address(): { host: string; port: number } {
    const [listener] = this.listeners
    const [configured] = this.settings.config.listeners
    if (listener === undefined || configured === undefined) throw new Error('the broker is not listening')
    return { host: configured.host, port: listener.port }
  }

  partition(topic: string, index: number): Partition | undefined {
    return this.partitions.get(topic, index)
  }

  /** Partitions of a topic, creating it by the rules of auto-creation. Throws with Kafka's error name. */
  async ensureTopic(topic: string): Promise<number> {
    const existing = this.controller.image.topic(topic)
    if (existing !== undefined) return existing.partitions.length
    const [outcome] = await this.controller.submit({
      type: 'createTopics',
      validateOnly: false,
      topics: [{ name: topic, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }],
    })
    const created = this.controller.image.topic(topic)
    if (created !== undefined) return created.partitions.length
    throw new Error(`topic '${topic}': ${errorName(outcome?.errorCode ?? -1)} ${outcome?.errorMessage ?? ''}`)
  }

  /** Both coordinators have their topics and have loaded them. */
  async coordinatorsReady(): Promise<void> {
    await Promise.all([
      this.internalTopics.ensure(OFFSETS_TOPIC),
      this.internalTopics.ensure(TRANSACTIONS_TOPIC),
    ])
  }

  /** Idempotent; resolves when nothing of the broker is left open. */
  stop(): Promise<void> {
    this.stopped ??= this.close()
    return this.stopped
  }

  private async close(): Promise<void> {
    this.stopping.abort()
    for (const step of this.undo.reverse()) {
      try {
        await step()
      } catch (error) {
        this.logger.error(`while stopping: ${String(error)}`)
      }
    }
  }

  private async open(): Promise<void> {
    const { storage } = this.options
    this.undo.push(() => storage.close())
    storage.lock()
    this.identity = await identify(storage, this.nodeId)
    await this.openController()
    // Registering begins a new leader epoch for every partition; they are opened in it, never before it.
    this.registration = await Registration.begin(this.controller, this.settings.config, this.identity)
    await this.registration.setFence(false)
    await this.openPartitions()
    this.openCoordinators()
    this.isOpen = true
    await openTopics(this.controller.image, this.lifeServices())
    for (const name of await this.partitions.setAsideStrays()) {
      this.logger.warn(`${name} is of a topic that does not exist: it is kept for you to look at, unused`)
    }
    await this.internalTopics.loadExisting()
    this.undo.push(() => this.registration.setFence(true))
    await this.listen()
  }

  private async openController(): Promise<void> {
    const { storage, isVolatile } = this.options
    const { clock, settings, nodeId, logger } = this
    const quorum = await SingleNodeQuorum.open({
      storage,
      clock,
      nodeId,
      isVolatile,
      nextTurn: () => nextTurn(),
      onTailCut: (cut) => logger.warn(cutText(cut)),
      onDamagedSnapshot: (error) => logger.warn(`${error.message}: it is passed over`),
    })
    this.undo.push(() => quorum.close())
    this.controller = new Controller({
      quorum,
      clock,
      settings: () => ({
        numPartitions: settings.config.numPartitions,
        defaultReplicationFactor: settings.config.defaultReplicationFactor,
        deleteTopicEnable: settings.config.deleteTopicEnable,
        partitionsPerRequest: settings.config.partitionsPerRequestMax,
        minInsyncReplicas: Number(settings.layers.static.get('min.insync.replicas') ?? 1),
      }),
      features: newClusterLevels,
      rules: configRules(() => settings.layers),
      randomBytes,
      // Before partitions are opened there is nothing to change: they are opened from the image.
      publish: (change) => (this.isOpen ? publishChange(change, this.lifeServices()) : undefined),
      snapshotLimits: () => ({
        maxBytes: settings.config.metadataLogMaxRecordBytesBetweenSnapshots,
        maxIntervalMs: settings.config.metadataLogMaxSnapshotIntervalMs,
      }),
      onSnapshotFailed: (error) => logger.warn(`no snapshot of the metadata: ${error.message}`),
      onFailed: (error) => logger.error(`the controller has failed: ${error.message}`),
    })
    this.undo.push(() => this.controller.close())
    await this.controller.load()
    settings.changed(this.controller.image)
    this.quotas.changed(this.controller.image.clientQuotas())
  }

  private async openPartitions(): Promise<void> {
    const { storage, isVolatile } = this.options
    const { clock, logger } = this
    const { settings } = this
    const { config } = settings
    this.partitions = await Partitions.open({
      storage,
      clock,
      isVolatile,
      brokerEpoch: () => this.registration.brokerEpoch,
      get producerIdExpirationMs() {
        return settings.config.producerIdExpirationMs
      },
      retentionCheckIntervalMs: config.logRetentionCheckIntervalMs,
      checkpointIntervalMs: config.logFlushOffsetCheckpointIntervalMs,
      cleanerConfig: () => cleanerConfigOf(this.settings.config),
      random: () => randomBytes(4).readUInt32BE() / 2 ** 32,
      onCleaned: (partition, { cleanOffset, bytesBefore, bytesAfter }) =>
        logger.debug(
          `${partition.name} is compacted below offset ${cleanOffset}: ${bytesBefore} bytes are ${bytesAfter} now`,
        ),
      onUncleanable: (partition, reason) =>
        logger.error(`${partition.name} cannot be compacted, and is left as it is: ${reason.message}`),
      onOffline: (partition, reason) => logger.error(`${partition.name} is offline: ${reason.message}`),
      onRefusing: (partition, reason) =>
        logger.error(`${partition.name} refuses records until there is room again: ${reason.message}`),
      onTailCut: (cut) => logger.warn(cutText(cut)),
    })
    this.undo.push(() => this.partitions.close())
    this.logDirectory = logDirectoryOf(storage, this.partitions)
  }

  private openCoordinators(): void {
    const { clock, logger, controller, settings, features, partitions } = this
    const nextProducerIds = () => this.registration.nextProducerIds()
    const coordinators = newCoordinators({
      clock,
      logger,
      controller,
      settings,
      features,
      partitions,
      nextProducerIds,
    })
    this.groups = coordinators.groups
    this.transactions = coordinators.transactions
    this.share = coordinators.share
    this.internalTopics = coordinators.internalTopics
    this.undo.push(
      () => this.groups.close(),
      () => this.transactions.close(),
      () => this.share.close(),
    )
  }

  private async listen(): Promise<void> {
    const { config } = this.settings
    this.undo.push(() => this.inspection.close())
    const counts = new ConnectionCounts()
    for (const configured of config.listeners) {
      const listener = await openListener(this, configured, counts)
      this.listeners.push(listener)
      this.undo.push(() => listener.close())
    }
  }

  private lifeServices(): TopicLifeServices {
    const { nodeId, settings, partitions, groups, share, quotas, logger } = this
    return { nodeId, settings, partitions, groups, share: share.coordinator, quotas, logger }
  }
}

function cutText({ file, position, bytesCut, reason }: TailCut): string {
  return `${file}: ${bytesCut} bytes from ${position} on are cut off, they were never acknowledged (${reason})`
}
