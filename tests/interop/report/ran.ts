// What a test runs of others: the helpers that make its commands say it here, `record.ts` listens while a test runs.
// Outside of the suite nobody listens.

export type Kind = 'client' | 'framework' | 'tool'

/** Something that others made, in the version that was really there. */
export interface Ran {
  kind: Kind
  name: string
  version: string
}

let listener: ((ran: Ran) => void) | undefined

export function ran(what: Ran): void {
  listener?.(what)
}

export function listen(to: (ran: Ran) => void): void {
  listener = to
}
