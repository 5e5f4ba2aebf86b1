// The brokers of a cluster: who there is, who leads which partition, who coordinates whom, and a connection to
// each. Whatever is asked is asked again while it may pass, until a deadline.

import {
  type findCoordinator as FindCoordinator,
  findCoordinator,
} from '../broker/protocol/apis/find-coordinator.ts'
import { metadata } from '../broker/protocol/apis/metadata.ts'
import { errorCodes } from '../broker/protocol/errors.ts'
import type { ResponseOf } from '../broker/protocol/message.ts'
import { BrokerConnection, type ConnectionOptions } from './connection.ts'
import { ConnectionLostError, KafkaError, mayPass } from './errors.ts'
import type { Address } from './open-socket.ts'

export interface ClusterOptions extends ConnectionOptions {
  readonly bootstrap: readonly Address[]
  /** How long something is tried before it fails; Kafka's default.api.timeout.ms. */
  readonly deadlineMs: number
  /** Between attempts; Kafka's retry.backoff.ms. */
  readonly retryBackoffMs: number
}

export type Metadata = ResponseOf<typeof metadata>
export type CoordinatorKind = 'group' | 'transaction'

const KEY_TYPES = { group: 0, transaction: 1 } as const
/** Coordinators are busy for moments only. */
const BUSY_BACKOFF_MS = 10

export class Cluster {
  readonly options: ClusterOptions
  private readonly connections = new Map<string, Promise<BrokerConnection>>()
  /** Others have taken their places; replies are still waited for. */
  private retiring: BrokerConnection[] = []
  private nodes = new Map<number, Address>()
  private readonly coordinators = new Map<string, Address>()
  private closed = false

  constructor(options: ClusterOptions) {
    this.options = options
  }

  /** Of these topics, or all. Errors of single topics are left in it. */
  metadata(topics: readonly string[] | null, allowAutoTopicCreation = false): Promise<Metadata> {
    return this.untilDone(async () => {
      const connection = await this.any()
      const answer = await connection.request(metadata, connection.versionOf(metadata, 12), {
        topics: topics && topics.map((name) => ({ name })),
        allowAutoTopicCreation,
        includeTopicAuthorizedOperations: false,
        includeClusterAuthorizedOperations: false,
      })
      this.nodes = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
      return answer
    })
  }

  /** A broker of the last metadata. */
  toNode(nodeId: number): Promise<BrokerConnection> {
    const address = this.nodes.get(nodeId)
    if (address === undefined) throw new KafkaError(errorCodes.LEADER_NOT_AVAILABLE, `broker ${nodeId}`)
    return this.to(address)
  }

  async coordinator(kind: CoordinatorKind, key: string): Promise<BrokerConnection> {
    const known = this.coordinators.get(`${kind} ${key}`)
    if (known !== undefined) return this.to(known)
    const connection = await this.any()
    const version = connection.versionOf(findCoordinator)
    const keyType = KEY_TYPES[kind]
    const answer = await connection.request(
      findCoordinator,
      version,
      version >= 4 ? { keyType, coordinatorKeys: [key] } : { keyType, key },
    )
    const { errorCode, errorMessage, host, port } = foundIn(answer, version)
    if (errorCode !== errorCodes.NONE) {
      throw new KafkaError(errorCode, `the coordinator of ${kind} '${key}'`, errorMessage)
    }
    this.coordinators.set(`${kind} ${key}`, { host, port })
    return this.to({ host, port })
  }

  /** The next time the coordinator is looked for anew. */
  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.coordinators.delete(`${kind} ${key}`)
  }

  /** Tries again while `retries` says so; then throws what came last. */
  async untilDone<T>(act: () => Promise<T>, retries: (error: unknown) => boolean = mayPass): Promise<T> {
    const { clock, deadlineMs } = this.options
    const giveUpMs = clock.monotonicMs() + deadlineMs
    for (;;) {
      try {
        if (this.closed) throw new Error('the client is closed')
        return await act()
      } catch (error) {
        if (!retries(error) || this.closed || clock.monotonicMs() >= giveUpMs) throw error
        await this.pause(error)
      }
    }
  }

  /** Idempotent. What waits for a reply is rejected. */
  close(): void {
    this.closed = true
    for (const opening of this.connections.values()) {
      opening.then(
        (connection) => connection.close(),
        () => undefined,
      )
    }
    this.connections.clear()
    for (const connection of this.retiring) connection.close()
    this.retiring = []
  }

  /** Any broker: one that is connected, or the first that answers. */
  private async any(): Promise<BrokerConnection> {
    const addresses = [...this.nodes.values(), ...this.options.bootstrap]
    const connected = addresses.filter((address) => this.connections.has(nameOf(address)))
    let failure: unknown = new Error('no broker is known')
    for (const address of [...connected, ...addresses]) {
      try {
        return await this.to(address)
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throw error
        failure = error
      }
    }
    throw failure
  }

  private async to(address: Address): Promise<BrokerConnection> {
    if (this.closed) throw new Error('the client is closed')
    const name = nameOf(address)
    const known = this.connections.get(name)
    if (known !== undefined) {
      const connection = await known
      if (connection.isOpen) return connection
      if (this.connections.get(name) === known) {
        this.connections.delete(name)
        this.retiring = [...this.retiring, connection].filter(({ isClosed }) => !isClosed)
      }
      return this.to(address)
    }
    const opening = BrokerConnection.open(address, this.options)
    this.connections.set(name, opening)
    // Only what is open is kept.
    opening.catch(() => {
      if (this.connections.get(name) === opening) this.connections.delete(name)
    })
    return opening
  }

  private pause(error: unknown): Promise<void> {
    const isBusy = error instanceof KafkaError && error.errorCode === errorCodes.CONCURRENT_TRANSACTIONS
    const { clock, retryBackoffMs } = this.options
    return new Promise((resolve) => clock.setTimer(isBusy ? BUSY_BACKOFF_MS : retryBackoffMs, resolve))
  }
}

function foundIn(answer: ResponseOf<typeof FindCoordinator>, version: number) {
  if (version < 4) return answer
  const [found] = answer.coordinators
  if (found === undefined) throw new Error('FindCoordinator: no coordinator in the reply')
  return found
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
}
