// A transactional producer as clients are: one request at a time, retried on retriable errors, silent for
// good once it is fenced. A zombie is one of these that does not know yet that it has a successor.

import { errorCodes, isRetriable } from '../../../broker/protocol/errors.ts'
import type { Intent, Outcome } from './partitions.ts'
import type { World } from './world.ts'

type Phase = 'start' | 'restart' | 'ready' | 'open' | 'ending' | 'fenced'

export class SimProducer {
  readonly transactionalId: string
  phase: Phase = 'start'
  busy = false
  producerId = -1n
  epoch = -1
  private readonly world: World
  private intent: Intent | undefined
  private readonly partitions = new Set<string>()
  private ending: Outcome = 'commit'

  constructor(world: World, transactionalId: string) {
    this.world = world
    this.transactionalId = transactionalId
  }

  /** Does the next thing a client would do; false when it can do nothing now. */
  act(): boolean {
    if (this.busy || this.phase === 'fenced') return false
    const { random } = this.world
    switch (this.phase) {
      case 'start':
        this.init(-1n, -1)
        break
      case 'restart':
        this.init(this.producerId, this.epoch)
        break
      case 'ready':
        if (random.chance(0.05)) this.phase = 'restart'
        else this.add()
        break
      case 'open':
        if (random.chance(0.35)) this.add()
        else if (random.chance(0.6)) this.write()
        else this.end(random.chance(0.7) ? 'commit' : 'abort')
        break
      case 'ending':
        this.end(this.ending)
        break
    }
    return true
  }

  get superseded(): boolean {
    return this.world.isSuperseded(this.transactionalId, this.producerId, this.epoch)
  }

  private init(producerId: bigint, epoch: number): void {
    const { world, transactionalId } = this
    const send = () => world.init(transactionalId, producerId, epoch)
    world.remember({ transactionalId, producerId, epoch, harmless: false, send })
    this.await(send(), (response) => {
      if (response.errorCode === errorCodes.NONE) {
        this.producerId = response.producerId
        this.epoch = response.producerEpoch
        this.phase = 'ready'
        return
      }
      this.failed(response.errorCode)
    })
  }

  private add(): void {
    const { world, transactionalId, producerId, epoch } = this
    const name = world.random.pick(world.partitionNames)
    const send = () => world.add(transactionalId, producerId, epoch, name)
    world.remember({ transactionalId, producerId, epoch, harmless: true, send })
    const superseded = this.superseded
    this.await(send(), (errorCode) => {
      if (errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) return
      if (errorCode !== errorCodes.NONE) return this.failed(errorCode)
      this.mustOwn(superseded, 'added a partition')
      if (this.phase === 'ready') {
        this.intent = world.newIntent(this.transactionalId)
        this.partitions.clear()
        this.phase = 'open'
      }
      this.partitions.add(name)
    })
  }

  /** Produce: the partition verifies with the coordinator, then appends if no marker came between. */
  private write(): void {
    const { world, producerId, epoch, intent } = this
    const name = world.random.pick([...this.partitions])
    const partition = world.partitions.byName.get(name)
    if (partition === undefined || intent === undefined) return
    const guard = partition.guard(producerId)
    const superseded = this.superseded
    this.await(world.verify(this.transactionalId, producerId, epoch, name), (errorCode) => {
      if (errorCode === errorCodes.TRANSACTION_ABORTABLE) {
        this.mustOwn(superseded, `was told about ${name}`)
        throw new Error(`${name} was answered to be in ${intent.tag} of ${this.transactionalId}, and is not`)
      }
      if (errorCode !== errorCodes.NONE) return
      this.mustOwn(superseded, `was verified for ${name}`)
      if (partition.append(producerId, epoch, intent, guard))
        this.mustOwn(this.superseded, `wrote to ${name}`)
    })
  }

  private end(outcome: Outcome): void {
    const { world, intent, transactionalId, producerId, epoch } = this
    this.ending = outcome
    this.phase = 'ending'
    const send = () => world.end(transactionalId, producerId, epoch, outcome)
    world.remember({ transactionalId, producerId, epoch, harmless: false, send })
    const superseded = this.superseded
    // A client that does not hear back in time sends the request again on another connection.
    if (world.random.chance(0.1)) world.track(send())
    this.await(send(), (errorCode) => {
      if (errorCode !== errorCodes.NONE) return this.failed(errorCode)
      this.mustOwn(superseded, `had EndTxn(${outcome}) accepted`)
      if (intent !== undefined) {
        if (intent.ended !== undefined && intent.ended !== outcome) {
          throw new Error(
            `EndTxn(${outcome}) of ${intent.tag} is answered NONE, its records ended by ${intent.ended}`,
          )
        }
        intent.acknowledged = outcome
      }
      this.intent = undefined
      this.phase = outcome === 'abort' && world.random.chance(0.3) ? 'restart' : 'ready'
    })
  }

  private failed(errorCode: number): void {
    if (isRetriable(errorCode) || errorCode === errorCodes.CONCURRENT_TRANSACTIONS) return
    this.world.counters.fenced++
    this.phase = 'fenced'
  }

  private mustOwn(superseded: boolean, what: string): void {
    if (superseded) {
      throw new Error(
        `I10: ${this.transactionalId} ${this.producerId}/${this.epoch} ${what} after it was fenced`,
      )
    }
  }

  private await<T>(answer: Promise<T>, then: (value: T) => void): void {
    this.busy = true
    this.world.track(
      answer.then((value) => {
        this.busy = false
        then(value)
      }),
    )
  }
}
