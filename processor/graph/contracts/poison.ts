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

/** By input, topic and partition, and in these as they lie. */
export function comparePlaces(a: RecordPlace, b: RecordPlace): number {
  const [x, y] = [`${a.inputId}\0${a.topic}`, `${b.inputId}\0${b.topic}`]
  if (x !== y) return x < y ? -1 : 1
  if (a.partition !== b.partition) return a.partition - b.partition
  return a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0
}
