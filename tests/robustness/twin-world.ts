// The whole broker and the word count on a disk that loses its power: the faulty twin keeps each 512-byte sector
// that was not synced or not, in any order, undoes names that were not synced, and tears the end of a file. Load,
// checker and job are those of the kill tests; only the disk is not real, and all is in this process.

import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { type Storage, StorageError } from '../../broker/storage/storage.ts'
import { type Broker, startBrokerOn } from '../../broker/server/start-broker.ts'
import type { StreamingContext } from '../../processor/streaming-context.ts'
import { Checker } from '../kill/checker.ts'
import {
  type Ack,
  INPUT_TOPIC,
  OUTPUT_PARTITIONS,
  OUTPUT_TOPIC,
  PARTITIONS,
  VISITS_TOPIC,
} from '../kill/load.ts'
import { Producer } from '../kill/producer.ts'
import { wordCount } from '../kill/word-count.ts'
import { SimulatedStore } from '../simulation/exactly-once/store.ts'
import { Random } from '../world/random.ts'
import { WireClient } from '../world/wire-client.ts'

const RECORDS_PER_SECOND = 20_000
const PRODUCERS = 2

export interface TwinOptions {
  seed: number
  crashes: number
  durability: 'fsync' | 'os'
  /** Before each crash the disk refuses a write or a sync, of the log or of the checkpoint. */
  refuses?: boolean
}

export class TwinWorld {
  readonly checker: Checker
  readonly warnings: string[] = []
  /** What jobs ended by that were refused a write. */
  readonly jobErrors: string[] = []
  /** Writes of the checkpoint that were refused. */
  checkpointRefusals = 0
  private readonly options: TwinOptions
  private readonly random: Random
  private readonly storage: FaultyStorage
  private readonly checkpoint = new SimulatedStore()
  private acks: Ack[] = []
  private broker!: Broker
  private job: StreamingContext | undefined
  private jobError: Error | undefined
  /** The how manieth write of the checkpoint from now on is refused. */
  private writesLeft = 0
  private port = 0
  private isPumping = true

  constructor(options: TwinOptions) {
    this.options = options
    this.random = new Random(options.seed)
    this.checker = new Checker(options.seed)
    this.storage = new FaultyStorage(this.random)
    this.storage.holdSyncs = true
  }

  async run(): Promise<void> {
    const pumping = this.pump()
    await this.start()
    const producers = this.producers()
    const load = Promise.all(producers.map((producer) => producer.run()))
    // Awaited at the end; a failure before that must not be nobody's.
    load.catch(() => undefined)
    for (let crash = 0; crash < this.options.crashes; crash++) {
      if (this.options.refuses === true) this.refuseWrites()
      await this.turns(this.random.between(50, 1500))
      if (this.options.refuses === true) this.noteJobError()
      await this.cutPower()
      await this.start()
      await this.checker.check(this.broker.bootstrapServers, this.acks.splice(0), true)
      this.jobIsWell()
    }
    for (const producer of producers) producer.end()
    await load
    this.checker.take(this.acks.splice(0))
    await this.untilCountedAll()
    await this.checker.checkWhole(this.broker.bootstrapServers, true)
    await this.job?.stop()
    await this.broker.stop()
    this.isPumping = false
    await pumping
  }

  /** One life and one cut; how many acknowledged records are gone then. */
  async loseOnce(): Promise<number> {
    const pumping = this.pump()
    // Without the job: what it is to read must be durable, so it has it synced.
    await this.startBroker()
    const producers = this.producers()
    const load = Promise.all(producers.map((producer) => producer.run()))
    load.catch(() => undefined)
    while (this.acks.length < 100) await this.turns(1)
    // The producers go first: nothing is sent a second time.
    for (const producer of producers) producer.abandon()
    await load
    await this.cutPower()
    this.checker.take(this.acks.splice(0))
    await this.startBroker()
    await using client = await WireClient.connect(this.broker.bootstrapServers)
    await this.checker.readInput(client)
    await client.close()
    await this.broker.stop()
    this.isPumping = false
    await pumping
    return this.checker.input.missing()
  }

  private producers(): Producer[] {
    return Array.from(
      { length: PRODUCERS },
      (_, producer) =>
        new Producer({
          bootstrap: this.broker.bootstrapServers,
          seed: this.options.seed,
          producer,
          recordsPerSecond: RECORDS_PER_SECOND / PRODUCERS,
          onAck: (ack) => this.acks.push(ack),
        }),
    )
  }

  private async startBroker(): Promise<void> {
    const life = this.storage.crashes
    // What a dead broker says while it is cleared away is of no interest.
    const say = (text: string): void => {
      if (this.storage.crashes === life) this.warnings.push(text)
    }
    this.broker = await startBrokerOn(this.lifeOfStorage(), {
      port: this.port,
      logger: { debug: say, info: say, warn: say, error: say },
      config: {
        'log.roll.ms': 40,
        'log.index.interval.bytes': 1024,
        'log.flush.offset.checkpoint.interval.ms': 50,
        'offsets.topic.num.partitions': 2,
        'transaction.state.log.num.partitions': 2,
        'logmill.durability': this.options.durability,
      },
      topics: {
        [INPUT_TOPIC]: { partitions: PARTITIONS },
        [OUTPUT_TOPIC]: { partitions: OUTPUT_PARTITIONS },
        [VISITS_TOPIC]: { partitions: OUTPUT_PARTITIONS },
      },
    })
    this.port = this.broker.port
  }

  private async start(): Promise<void> {
    await this.startBroker()
    const life = this.storage.crashes
    const store = this.checkpoint.handle(async () => {
      if (this.storage.crashes !== life) throw new Error('power was cut')
      if (--this.writesLeft !== 0) return
      this.checkpointRefusals++
      throw new Error(`ENOSPC: no space left on device, write`)
    })
    this.job = wordCount(this.broker, { directory: store.location, store, warn: () => undefined })
    this.jobError = undefined
    const ended = (error: Error): void => {
      if (this.storage.crashes === life) this.jobError = error
    }
    await this.job.start()
    this.job.awaitTermination().catch(ended)
  }

  private async cutPower(): Promise<void> {
    this.storage.crash()
    this.checkpoint.crash(this.random)
    await this.job?.stop().catch(() => undefined)
    await this.broker.stop()
  }

  private refuseWrites(): void {
    const { random, storage } = this
    if (random.chance(0.5)) {
      this.writesLeft = random.between(1, 60)
    } else {
      const code = random.pick(['EIO', 'ENOSPC'] as const)
      storage.failNext(random.pick(['append', 'sync'] as const), code, { nth: random.between(1, 200) })
    }
  }

  private noteJobError(): void {
    this.writesLeft = 0
    if (this.jobError === undefined) return
    this.jobErrors.push(String(this.jobError))
    this.jobError = undefined
  }

  private jobIsWell(): void {
    if (this.jobError !== undefined) throw this.jobError
  }

  private async untilCountedAll(): Promise<void> {
    await using client = await WireClient.connect(this.broker.bootstrapServers)
    await this.checker.readInput(client)
    const { input, outputs } = this.checker
    while (!outputs.hasAll(input)) {
      this.jobIsWell()
      await outputs.read(client)
    }
  }

  /** Syncs take their time, and do not end in one go. */
  private async pump(): Promise<void> {
    while (this.isPumping) {
      this.storage.finishSyncs(this.random.chance(0.5) ? undefined : 1)
      // Now and then the disk is slow, and much is written that is not synced.
      await this.turns(this.random.chance(0.15) ? this.random.between(10, 80) : this.random.between(1, 3))
    }
  }

  private async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
  }

  /** The disk as one broker sees it: when the power is gone so is the disk, whatever that broker still tries. */
  private lifeOfStorage(): Storage {
    const { storage } = this
    const life = storage.crashes
    return new Proxy<Storage>(storage, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...args: unknown[]): unknown => {
          if (storage.crashes === life) return Reflect.apply(member, target, args) as unknown
          if (name === 'close') return undefined
          throw new StorageError('', 'power was cut')
        }
      },
    })
  }
}
