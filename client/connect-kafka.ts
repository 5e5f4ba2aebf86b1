// The way to a Kafka that is elsewhere: what a StreamingContext takes as its broker, or a stream as the place of its
// topics. Any broker that speaks the protocol will do; what it does not serve is named when it is needed.

import { systemClock } from '../broker/time/system-clock.ts'
import type { Clock } from '../broker/time/clock.ts'
import type { OutputPort, RemoteLogViews } from '../processor/ports.ts'
import { Cluster } from './cluster.ts'
import type { Address } from './open-socket.ts'
import { RemoteLogs } from './remote-logs.ts'
import { type SecurityOptions, securityOf } from './security.ts'
import { WireOutput } from './wire-output.ts'

export interface KafkaOptions extends SecurityOptions {
  /** `host:port`, several separated by commas or as a list; any that answers tells of the others. */
  readonly bootstrapServers: string | readonly string[]
  /** Default 'logmill'. */
  readonly clientId?: string
  /** Until a broker's reply is there; default 30 s, as Kafka's clients have it. */
  readonly requestTimeoutMs?: number
  /** How long a step is tried again before it fails; default 60 s, as Kafka's clients have it. */
  readonly deadlineMs?: number
  /** Between attempts; default 100 ms, as Kafka's clients have it. */
  readonly retryBackoffMs?: number
  /** How often it is looked for new records between batches, for the as-soon-as-data trigger; default 100 ms. */
  readonly pollMs?: number
  /** Default: the machine's clock. */
  readonly clock?: Clock
}

export interface RemoteKafka extends AsyncDisposable {
  readonly logViews: RemoteLogViews
  readonly output: OutputPort
  /** Closes the connections; a job that uses them must have ended. */
  close(): Promise<void>
}

/** Connects with the first that is asked of it. Throws TypeError where an address is none, or security does not fit. */
export function connectKafka(options: KafkaOptions): RemoteKafka {
  const { clientId = 'logmill', requestTimeoutMs = 30_000, deadlineMs = 60_000, pollMs = 100 } = options
  const { retryBackoffMs = 100, clock = systemClock } = options
  const bootstrap = addressesOf(options.bootstrapServers)
  const security = securityOf(options)
  const newCluster = () =>
    new Cluster({ bootstrap, clientId, requestTimeoutMs, deadlineMs, retryBackoffMs, clock, security })
  // A Fetch that waits holds up what is behind it on its connection, so output has connections of its own.
  const reading = newCluster()
  const writing = newCluster()
  const logViews = new RemoteLogs(reading, pollMs)
  const close = (): Promise<void> => {
    logViews.close()
    reading.close()
    writing.close()
    return Promise.resolve()
  }
  return { logViews, output: new WireOutput(writing), close, [Symbol.asyncDispose]: close }
}

function addressesOf(servers: string | readonly string[]): Address[] {
  const list = typeof servers === 'string' ? servers.split(',') : servers
  const addresses = list.map((server) => {
    const parts = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(server.trim())
    const port = Number(parts?.[3])
    const host = parts?.[1] ?? parts?.[2]
    if (host === undefined || !(port > 0 && port < 65536)) {
      throw new TypeError(`bootstrapServers: '${server}' is no host:port`)
    }
    return { host, port }
  })
  if (addresses.length === 0) throw new TypeError('bootstrapServers: there is none')
  return addresses
}
