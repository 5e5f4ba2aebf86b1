// A transactional producer as clients are: one request at a time, retried on retriable errors, silent for
// good once it is fenced. A zombie is one of these that does not know yet that it has a successor.
//
// It speaks the protocol of transaction.version 2 if it can and the broker's level says so when a transaction
// begins; the others beside it, and itself before, add partitions by themselves.

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
  private readonly canSpeakTwo: boolean
  /** Of the transaction that is open. */
  private speaksTwo = false
  /** In this epoch. */
  private hasSpokenOne = false
  private intent: Intent | undefined
  private readonly partitions = new Set<string>()
  /** Next sequence by partition, of this id and epoch. */
  private readonly sequences = new Map<string, number>()
  /** Written, and the answer was lost: sent again before anything else. */
  private unheard: string | undefined
  private ending: Outcome = 'commit'

  constructor(world: World, transactionalId: string) {
    this.world = world
    this.transactionalId = transactionalId
    this.canSpeakTwo = world.random.chance(0.7)
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
        this.begin()
        break
      case 'open':
        if (this.unheard !== undefined) this.write(this.unheard)
        else if (this.partitions.size === 0 || random.chance(0.35)) this.grow()
        else if (random.chance(0.6)) this.write(random.pick([...this.partitions]))
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
      if (response.errorCode !== errorCodes.NONE) return this.failed(response.errorCode)
      this.becomes(response.producerId, response.producerEpoch)
      this.phase = 'ready'
    })
  }

  private begin(): void {
    const { world } = this
    const { random } = world
    if (random.chance(0.05)) {
      this.phase = 'restart'
      return
    }
    const speaksTwo = this.canSpeakTwo && world.level >= 2
    if (speaksTwo && this.hasSpokenOne) {
      // Its last markers may be on their way under this very epoch: clients go over with a new one.
      world.counters.goneOver++
      this.phase = 'restart'
      return
    }
    this.speaksTwo = speaksTwo
    this.partitions.clear()
    if (!speaksTwo) return this.add()
    this.intent = world.newIntent(this.transactionalId)
    // A producer may end what it has not written to yet.
    if (random.chance(0.05)) {
      world.counters.emptyAbort++
      return this.end('abort')
    }
    this.phase = 'open'
    this.grow()
  }

  /** One partition more. */
  private grow(): void {
    if (this.speaksTwo) this.write(this.world.random.pick(this.world.partitionNames))
    else this.add()
  }

  private add(): void {
    const { world, transactionalId, producerId, epoch } = this
    const name = world.random.pick(world.partitionNames)
    const send = () => world.add(transactionalId, producerId, epoch, name)
    world.remember({ transactionalId, producerId, epoch, harmless: true, send })
    const superseded = this.superseded
    const answer = send()
    if (world.random.chance(0.3)) this.writeHastily(name)
    this.await(answer, (errorCode) => {
      if (errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) return
      if (errorCode !== errorCodes.NONE) return this.failed(errorCode)
      this.mustOwn(superseded, 'added a partition')
      if (this.phase === 'ready') {
        this.intent = world.newIntent(this.transactionalId)
        this.phase = 'open'
        this.hasSpokenOne = true
      }
      this.partitions.add(name)
    })
  }

  /** A batch to a partition whose adding was not answered: if it is let in, the adding must not be lost. */
  private writeHastily(name: string): void {
    const { world, producerId, epoch, intent, transactionalId } = this
    const partition = world.partitions.byName.get(name)
    if (partition === undefined || intent === undefined || partition.hasOpenTransaction(producerId, epoch))
      return
    const errorCode = world.verifyNow(transactionalId, producerId, epoch, name, false)
    world.counters.hastyWrite++
    if (errorCode !== errorCodes.NONE) return
    const sequence = this.sequences.get(name) ?? 0
    partition.append({ producerId, epoch, sequence, startsAtZero: false, intent })
  }

  /** Produce: the partition joins, or asks whether it has, and appends in the turn of the answer. */
  private write(name: string): void {
    const { world, producerId, epoch, intent, transactionalId, speaksTwo } = this
    const partition = world.partitions.byName.get(name)
    if (partition === undefined || intent === undefined) {
      this.unheard = undefined
      this.partitions.delete(name)
      return
    }
    const sequence = this.sequences.get(name) ?? 0
    const superseded = this.superseded
    const needsAdding = speaksTwo && !partition.hasOpenTransaction(producerId, epoch)
    const adding = needsAdding
      ? world.addImplicitly(transactionalId, producerId, epoch, name)
      : Promise.resolve(errorCodes.NONE)
    this.await(adding, (refusedToAdd) => {
      const errorCode =
        refusedToAdd !== errorCodes.NONE
          ? refusedToAdd
          : partition.hasOpenTransaction(producerId, epoch)
            ? errorCodes.NONE
            : world.verifyNow(transactionalId, producerId, epoch, name, speaksTwo)
      if (errorCode === errorCodes.TRANSACTION_ABORTABLE) {
        this.mustOwn(superseded, `was told about ${name}`)
        throw new Error(`${name} was answered to be in ${intent.tag} of ${this.transactionalId}, and is not`)
      }
      if (errorCode !== errorCodes.NONE) {
        if (isPassing(errorCode)) partition.noteBatchPutOff(producerId, epoch, sequence)
        return this.refused(errorCode)
      }
      this.mustOwn(superseded, `was let in to ${name}`)
      if (needsAdding) world.counters.implicitAdd++
      this.partitions.add(name)
      const written = partition.append({ producerId, epoch, sequence, startsAtZero: speaksTwo, intent })
      if (written.errorCode !== errorCodes.NONE) {
        if (!superseded && written.errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER) {
          throw new Error(`I9: ${name} finds ${producerId}/${epoch}/${sequence} out of order`)
        }
        return this.refused(written.errorCode)
      }
      this.mustOwn(this.superseded, `wrote to ${name}`)
      if (written.isDuplicate) world.counters.duplicateBatch++
      this.unheard = world.random.chance(0.1) ? name : undefined
      if (this.unheard === undefined) this.sequences.set(name, sequence + 1)
    })
  }

  /** A batch was refused: what may pass is sent again, the rest is aborted. */
  private refused(errorCode: number): void {
    if (isPassing(errorCode)) return
    if (errorCode === errorCodes.INVALID_PRODUCER_ID_MAPPING) return this.failed(errorCode)
    this.unheard = undefined
    this.ending = 'abort'
    this.phase = 'ending'
  }

  private end(outcome: Outcome): void {
    const { world, intent, transactionalId, producerId, epoch, speaksTwo } = this
    this.ending = outcome
    this.phase = 'ending'
    const send = () => world.end(transactionalId, producerId, epoch, outcome, speaksTwo)
    // From version 2 on the epoch tells a late request from the next transaction's.
    world.remember({ transactionalId, producerId, epoch, harmless: speaksTwo, send })
    const superseded = this.superseded
    // A client that does not hear back in time sends the request again on another connection.
    if (world.random.chance(0.1)) world.track(send())
    this.await(send(), ({ errorCode, next }) => {
      if (errorCode !== errorCodes.NONE) {
        // Its time was up: the abort that has happened may still be asked for.
        if (speaksTwo && outcome === 'commit' && errorCode === errorCodes.INVALID_TXN_STATE) {
          world.counters.abortAfterTimeout++
          this.ending = 'abort'
          return
        }
        return this.failed(errorCode)
      }
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
      // Below version 2 a batch that nobody heard of would leave its sequence in doubt: the epoch is raised.
      const inDoubt = this.unheard !== undefined && !speaksTwo
      if (speaksTwo) this.becomes(next.producerId, next.epoch)
      this.unheard = undefined
      this.phase = inDoubt || (outcome === 'abort' && world.random.chance(0.3)) ? 'restart' : 'ready'
    })
  }

  private becomes(producerId: bigint, epoch: number): void {
    if (this.producerId !== producerId || this.epoch !== epoch) {
      this.sequences.clear()
      this.hasSpokenOne = false
    }
    this.producerId = producerId
    this.epoch = epoch
    this.unheard = undefined
  }

  private failed(errorCode: number): void {
    if (isPassing(errorCode)) return
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

function isPassing(errorCode: number): boolean {
  return isRetriable(errorCode) || errorCode === errorCodes.CONCURRENT_TRANSACTIONS
}
