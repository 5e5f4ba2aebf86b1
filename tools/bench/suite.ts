// What every suite is given and gives back.

import type { Outcome } from './figure.ts'

export interface SuiteContext {
  /** Shorter rounds and fewer of them: to see that all works, not to quote. */
  readonly quick: boolean
  /** An empty folder on the disk that is measured; removed after the suite. */
  readonly directory: string
  /** Where the repository is: for dist/ and for tools that are compiled on the way. */
  readonly root: string
  /** One line of progress. */
  readonly say: (line: string) => void
}

export type Suite = (context: SuiteContext) => Promise<Outcome[]>

/** Round lengths for in-process suites. */
export function roundsOf({ quick }: SuiteContext): { rounds: number; turnMs: number } {
  return quick ? { rounds: 3, turnMs: 60 } : { rounds: 9, turnMs: 250 }
}
