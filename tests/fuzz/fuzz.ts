// Frames for a broker without a socket before it, and what must hold for each of them:
//
// - it is answered, or refused with one of the reasons that the protocol knows, or waits;
// - decoding it makes no buffers beyond twice its size, and no more elements than it has bytes;
// - nothing of its memory is kept: it is overwritten as soon as it is answered;
// - the broker says nothing of the level "error", and who waits is answered when it stops.

import { createRequestProcessor } from '../../broker/handlers/dispatch.ts'
import type { ConnectionInfo, RequestProcessor } from '../../broker/net/net.ts'
import { apis } from '../../broker/protocol/apis/index.ts'
import { encodeRequestFrame } from '../../broker/protocol/header.ts'
import type { Api } from '../../broker/protocol/message.ts'
import { BrokerNode } from '../../broker/server/broker-node.ts'
import { BrokerSettings } from '../../broker/server/broker-settings.ts'
import { parseBrokerConfig } from '../../broker/server/config/broker-config.ts'
import { createHandlers } from '../../broker/server/handler-table.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { mutated, plausibleBody } from '../robustness/mutate.ts'
import type { Random } from '../world/random.ts'
import { decodingTakes } from './allocation.ts'
import { withExtremes } from './extremes.ts'

/** Why a request may be refused without an answer. Anything else is a mistake of ours that a client has found. */
export const REFUSALS = [
  /is not served$/,
  /^a frame of -?\d+ bytes; at most \d+ are taken$/,
  /^produce with acks=0 to .* failed: [A-Z_]+$/,
  /^(request header|\w+Request version \d+), byte \d+ of \d+: /,
]

/** Frames between two brokers: what they make (topics, groups, members) is gone then. */
const FRAMES_PER_BROKER = 2_000
/** Frames made of one valid body. */
const FRAMES_PER_BODY = 12

const settings = {
  'offsets.topic.num.partitions': '2',
  'transaction.state.log.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '0',
  listeners: 'PLAINTEXT://127.0.0.1:0',
}

export class FuzzBroker implements AsyncDisposable {
  readonly topicId: string
  /** Names of APIs. */
  readonly serves: ReadonlySet<string>
  private readonly node: BrokerNode
  private readonly answers: RequestProcessor
  private readonly errors: string[]
  private readonly clock: ManualClock
  private readonly unanswered = new Set<Promise<unknown>>()
  private readonly connection: ConnectionInfo = {
    id: 1,
    localHost: '127.0.0.1',
    localPort: 9092,
    remoteHost: '127.0.0.1',
    remotePort: 40_000,
    clientSoftwareName: '',
    clientSoftwareVersion: '',
    mutedUntilMs: 0,
  }

  private constructor(node: BrokerNode, clock: ManualClock, errors: string[]) {
    this.node = node
    this.clock = clock
    this.errors = errors
    const handlers = createHandlers(node, 'PLAINTEXT')
    this.serves = new Set(Object.keys(handlers))
    this.answers = createRequestProcessor(handlers, node.requestQuotas)
    this.topicId = node.controller.image.topic('orders')?.topicId ?? ''
  }

  static async start(): Promise<FuzzBroker> {
    const clock = new ManualClock()
    const errors: string[] = []
    const quiet = (): void => {}
    const node = await BrokerNode.start({
      storage: new MemoryStorage(),
      isVolatile: true,
      settings: new BrokerSettings(
        parseBrokerConfig(Object.entries(settings).map(([key, value]) => ({ key, value, origin: 'fuzz' }))),
      ),
      clock,
      logger: { debug: quiet, info: quiet, warn: quiet, error: (line) => errors.push(line) },
    })
    await node.ensureTopic('orders')
    await node.coordinatorsReady()
    return new FuzzBroker(node, clock, errors)
  }

  /**
   * Throws with what was wrong about it. `frame` has its size before it. Returns how long it held the event loop, in
   * ms: processor time where that is less, so that other processes' turns are not in it.
   */
  async treat(frame: Buffer): Promise<number> {
    const body = frame.subarray(4)
    const { bufferBytes, elements = 0 } = decodingTakes(body)
    if (bufferBytes > 2 * frame.length) throw new Error(`decoding made ${bufferBytes} bytes of buffers`)
    if (elements > body.length) throw new Error(`decoding made ${elements} elements`)
    const startedMs = performance.now()
    const cpuBefore = process.cpuUsage()
    try {
      const answer = this.answers(body, this.connection)
      if (answer instanceof Promise) this.follow(answer, body)
      else body.fill(0xa5)
    } catch (error) {
      this.refused(error)
    }
    await new Promise((resolve) => setImmediate(resolve))
    const { user, system } = process.cpuUsage(cpuBefore)
    if (this.errors.length > 0) throw new Error(`the broker said: ${this.errors.join('; ')}`)
    return Math.min(performance.now() - startedMs, (user + system) / 1000)
  }

  /** Sessions, waits and timeouts of the next minute end. */
  async passMinute(): Promise<void> {
    await this.clock.advance(60_000)
  }

  /** Stops, and waits for the answer of all who have none. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop()
    await Promise.all(this.unanswered)
    if (this.errors.length > 0) throw new Error(`the broker said: ${this.errors.join('; ')}`)
  }

  private follow(answer: Promise<unknown>, body: Buffer): void {
    const settled: Promise<void> = answer
      .then(
        () => void body.fill(0xa5),
        (error: unknown) => this.refused(error),
      )
      .finally(() => this.unanswered.delete(settled))
      .catch((error: unknown) => void this.errors.push(String(error)))
    this.unanswered.add(settled)
  }

  private refused(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (!REFUSALS.some((pattern) => pattern.test(reason)))
      throw new Error(`refused with ${error instanceof Error ? error.stack : reason}`)
  }
}

/** What a broker advertises: each API in each of its versions. */
export async function servedApis(): Promise<{ api: Api; name: string; version: number }[]> {
  await using broker = await FuzzBroker.start()
  return (apis as readonly Api[])
    .filter(({ name }) => broker.serves.has(name))
    .flatMap((api) => {
      const [lowest, highest] = api.servedVersions
      const versions = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i)
      return versions.map((version) => ({ api, name: api.name, version }))
    })
}

export interface Fuzzed {
  frames: number
  longestStall: { ms: number; frame: string }
}

/** Gives `frames` frames of an API in a version to brokers. Throws with seed and frame of the first that is wrong. */
export async function fuzz(random: Random, api: Api, version: number, frames: number): Promise<Fuzzed> {
  const fuzzed: Fuzzed = { frames: 0, longestStall: { ms: 0, frame: '' } }
  while (fuzzed.frames < frames) {
    await using broker = await FuzzBroker.start()
    const upTo = Math.min(frames, fuzzed.frames + FRAMES_PER_BROKER)
    for (const frame of framesOf(random, api, version, broker.topicId)) {
      const sent = frame.toString('hex')
      try {
        const ms = await broker.treat(frame)
        if (ms > fuzzed.longestStall.ms) fuzzed.longestStall = { ms, frame: sent }
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        throw new Error(`seed ${random.seed}, ${api.name} v${version}, frame ${sent}: ${message}`, {
          cause: error,
        })
      }
      if (++fuzzed.frames >= upTo) break
      if (fuzzed.frames % 500 === 0) await broker.passMinute()
    }
  }
  return fuzzed
}

/** Without end: whole bodies, the same with a field at its edge, and either of them damaged. */
function* framesOf(random: Random, api: Api, version: number, topicId: string): Generator<Buffer> {
  const facts = { topicId, topics: ['orders'] }
  for (let i = 0; ; i++) {
    const header = { correlationId: i, clientId: random.pick([null, '', 'mutant']) }
    const body = plausibleBody(random, api, version, facts)
    const encode = (given: unknown): Buffer =>
      Buffer.concat(encodeRequestFrame(api, version, header, given as never))
    const whole = encode(body)
    yield Buffer.from(whole)
    const extremes = [...withExtremes(api, version, body)]
    for (let n = 0; n < FRAMES_PER_BODY; n++) {
      const isExtreme = extremes.length > 0 && random.chance(0.5)
      if (!isExtreme) yield mutated(random, whole)
      else {
        const extreme = encode(random.pick(extremes))
        yield random.chance(0.2) ? mutated(random, extreme) : extreme
      }
    }
  }
}
