// What a batch does about records at which a user's function throws. Pure: takes the failure of one run, says what
// the next run leaves out, or that there is no next run.
//
//    run ─ fails at a record ─► the record is left out, the batch aborted ─► run again ─► …
//     └─── fails, no record known, rows were held ─► run again, each row from its record ─► …
//
// The rerun finds the same records in the same order, after a crash too: until the batch is decided nothing of this
// is kept. From its decision on the checkpoint knows them, so that windows leave them out and nobody is told twice.

import { placeText, type PoisonPolicy, type RecordPlace } from '../graph/contracts/poison.ts'
import { OperatorError } from '../graph/errors.ts'

export interface PoisonRecord extends RecordPlace {
  /** The operator whose function threw. */
  readonly operator: string
  readonly error: unknown
}

export type NextRun =
  | {
      readonly type: 'leaveOut'
      readonly record: PoisonRecord
      readonly policy: Exclude<PoisonPolicy, 'fatal'>
    }
  | { readonly type: 'uncached' }
  | { readonly type: 'none'; readonly error: unknown }

export class PoisonRecords {
  /** In the order in which they were found. */
  readonly found: PoisonRecord[] = []
  uncached = false
  private readonly policyOf: (inputId: string) => PoisonPolicy
  private readonly canSkip: boolean
  private readonly max: number
  private readonly sinks: ReadonlySet<string>

  /** `sinks`: outputs that are functions of the user's as a whole; what fails there is no record's fault. */
  constructor(
    policies: ReadonlyMap<string, PoisonPolicy>,
    max: number,
    sinks: ReadonlySet<string> = new Set(),
  ) {
    this.policyOf = (inputId) => policies.get(inputId) ?? 'fatal'
    this.canSkip = [...policies.values()].some((policy) => policy !== 'fatal')
    this.max = max
    this.sinks = sinks
  }

  /** The batch's run has failed, and was aborted. */
  after(error: unknown): NextRun {
    const none = { type: 'none', error } as const
    const failure = operatorErrorIn(error)
    if (!this.canSkip || failure === undefined || failure.blamesNoRecord) return none
    const { record: place, operator } = failure
    if (place === undefined) {
      if (this.uncached || this.sinks.has(operator)) return none
      this.uncached = true
      return { type: 'uncached' }
    }
    const policy = this.policyOf(place.inputId)
    if (policy === 'fatal') return none
    // A source that reads what it was told to leave out would fail for ever.
    if (this.found.some((record) => isSamePlace(record, place))) return none
    if (this.found.length >= this.max) {
      const told = `${this.max} poison records were left out of this batch, and there is one more`
      return { type: 'none', error: new Error(`${told}: ${failure.message}`, { cause: error }) }
    }
    if (policy !== 'skip' && policy.deadLetterTopic === place.topic) {
      const told = `${placeText(place)} is itself a dead letter`
      return { type: 'none', error: new Error(`${told}: ${failure.message}`, { cause: error }) }
    }
    const record = { ...place, operator, error: failure.cause }
    this.found.push(record)
    return { type: 'leaveOut', record, policy }
  }
}

/** The operator that failed, also where a function further out has wrapped the error into its own. */
export function operatorErrorIn(error: unknown): OperatorError | undefined {
  let outermost: OperatorError | undefined
  for (let each = error, depth = 0; each instanceof Error && depth < 20; each = reasonOf(each), depth++) {
    if (!(each instanceof OperatorError)) continue
    if (each.record !== undefined) return each
    outermost ??= each
  }
  return outermost
}

/** Of a run whose abort failed as well, the run's own error is the reason. */
function reasonOf(error: Error): unknown {
  return error instanceof AggregateError ? (error.errors as unknown[])[0] : error.cause
}

function isSamePlace(a: RecordPlace, b: RecordPlace): boolean {
  return (
    a.inputId === b.inputId &&
    a.topic === b.topic &&
    a.topicId === b.topicId &&
    a.partition === b.partition &&
    a.offset === b.offset
  )
}
