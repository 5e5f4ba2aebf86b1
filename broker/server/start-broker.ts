// Starting a broker, for programs and tests: `await using broker = await startBroker()`. The same call is
// behind the `logmill` command, so what is tested is what runs.

import { openDirectory } from '../storage/real-storage.ts'
import { MemoryStorage } from '../storage/memory-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { systemClock } from '../time/system-clock.ts'
import type { LogViews, OutputPort } from '../../processor/ports.ts'
import { BrokerNode } from './broker-node.ts'
import { type BrokerOptions, isLoopback, quietLogger, settingsOf } from './broker-options.ts'
import { BrokerSettings } from './broker-settings.ts'
import { InvalidConfigError } from './config/config-def.ts'
import { parseBrokerConfig } from './config/broker-config.ts'
import { InProcessOutput } from './in-process-output.ts'
import { BrokerLogViews } from './log-views.ts'
import { isInternalTopic } from '../controller/topic-name.ts'

export interface Broker extends AsyncDisposable {
  /** `host:port`, what every Kafka client takes. */
  readonly bootstrapServers: string
  readonly host: string
  readonly port: number
  readonly clusterId: string
  /** Environment for a child process that reads its Kafka address from there. */
  readonly env: Readonly<Record<`KAFKA_${string}`, string>>
  /** Ports of a processor in the same process: StreamingContext takes the broker and finds them here. */
  readonly logViews: LogViews
  readonly output: OutputPort
  /** Closes connections and files; idempotent. With a data directory everything is durable when it resolves. */
  stop(): Promise<void>
}

/**
 * Resolves when clients can connect. Rejects with InvalidConfigError (all wrong settings in one message),
 * StorageError (the directory is in use, or is another cluster's) or Node's error of the listener
 * (EADDRINUSE); nothing is left open then.
 */
export function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  return startBrokerOn(undefined, options)
}

/** As startBroker, with the data on a storage of the caller's: for tests of what a failing disk does. */
export async function startBrokerOn(given: Storage | undefined, options: BrokerOptions): Promise<Broker> {
  const { clock = systemClock, logger = quietLogger, insecure = false, signal } = options
  signal?.throwIfAborted()
  const parsed = parseBrokerConfig(settingsOf(options))
  for (const warning of parsed.warnings) logger.warn(warning)
  const exposed = parsed.config.listeners.find(({ host }) => !isLoopback(host))
  if (exposed !== undefined && !insecure) {
    throw new InvalidConfigError(
      'listeners',
      `listeners: ${exposed.host || 'every interface'} is reachable from other machines and there is no authentication yet; say --insecure (or { insecure: true }) to do it all the same`,
    )
  }
  const isVolatile = given === undefined && options.dataDir === undefined && !hasDataDirectory(options)
  if (parsed.config.durability !== 'fsync' && !isVolatile) {
    logger.warn(
      `logmill.durability=${parsed.config.durability}: an acknowledged record may be lost in a power cut`,
    )
  }
  const storage = given ?? (isVolatile ? new MemoryStorage() : openDirectory(parsed.config.dataDirectory))
  const settings = new BrokerSettings(parsed)
  const node = await BrokerNode.start({ storage, isVolatile, settings, clock, logger })
  try {
    await createTopics(node, options.topics ?? {})
  } catch (error) {
    await node.stop()
    throw error
  }
  if (signal?.aborted) {
    await node.stop()
    signal.throwIfAborted()
  }
  const onAbort = (): void => void stop()
  const stop = (): Promise<void> => {
    signal?.removeEventListener('abort', onAbort)
    return node.stop()
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  return publicBroker(node, stop)
}

function publicBroker(node: BrokerNode, stop: () => Promise<void>): Broker {
  const { host, port } = node.address
  const reachable = reachableHost(host)
  const bootstrapServers = `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
  const partition = (topic: string, index: number) => node.partition(topic, index)
  return {
    bootstrapServers,
    host,
    port,
    clusterId: node.clusterId,
    env: { KAFKA_BOOTSTRAP_SERVERS: bootstrapServers },
    logViews: new BrokerLogViews({
      topics: () =>
        [...node.controller.image.topics()].map(({ name, partitions }) => ({
          name,
          isInternal: isInternalTopic(name),
          partitionCount: partitions.length,
        })),
      partitionCount: (topic) => node.controller.image.topic(topic)?.partitions.length ?? 0,
      partition,
    }),
    output: new InProcessOutput({
      transactions: node.transactions,
      groups: node.groups,
      clock: node.clock,
      stopping: node.stopping.signal,
      features: node.features,
      partition,
      ensureTopic: (topic) => node.ensureTopic(topic),
      coordinatorsReady: () => node.coordinatorsReady(),
    }),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Every interface is no address that a client can connect to. */
function reachableHost(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** A directory that was named by Kafka's own key counts as one. */
function hasDataDirectory({ config = {}, settings = [] }: BrokerOptions): boolean {
  return ['log.dirs', 'log.dir'].some(
    (key) => key in config || settings.some((setting) => setting.key === key),
  )
}

async function createTopics(node: BrokerNode, topics: NonNullable<BrokerOptions['topics']>): Promise<void> {
  const missing = Object.entries(topics).filter(([name]) => node.controller.image.topic(name) === undefined)
  if (missing.length === 0) return
  const outcomes = await node.controller.submit({
    type: 'createTopics',
    validateOnly: false,
    topics: missing.map(([name, { partitions = -1, config = {} }]) => ({
      name,
      numPartitions: partitions,
      replicationFactor: -1,
      assignments: [],
      configs: Object.entries(config).map(([key, value]) => ({ name: key, value: String(value) })),
    })),
  })
  const failed = outcomes.find(({ errorCode }) => errorCode !== 0)
  if (failed !== undefined)
    throw new InvalidConfigError(
      'topics',
      `topic '${failed.name}': ${failed.errorMessage ?? failed.errorCode}`,
    )
}
