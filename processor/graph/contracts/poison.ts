// Poison: a record at whose row a user's function throws. It is known by its place in the log, and a function is
// the same every time, so a batch that leaves the record out can be run again as often as it must.

/** Where a record lies, and which input of the job read it. */
export interface RecordPlace {
  /** Name of the input operator. */
  readonly inputId: string
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
}

/**
 * What becomes of a poison record: it ends the job; it is left out of its batch, and of every window; or it is left
 * out and written into a topic, in the batch's own transaction.
 */
export type PoisonPolicy = 'fatal' | 'skip' | { readonly deadLetterTopic: string }

export function placeText({ topic, partition, offset }: RecordPlace): string {
  return `${topic}-${partition} offset ${offset}`
}
