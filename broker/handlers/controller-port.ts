// How handlers ask the controller, and what they answer when it cannot: not the controller, storage gone,
// out of time. Anything else that it throws is a bug and goes on to the connection.

import type { MetadataCommand, Outcome, ReplyOf } from '../controller/commands.ts'
import { QuorumError } from '../controller/quorum.ts'

export interface ControllerPort {
  submit<C extends MetadataCommand>(command: C, timeoutMs?: number): Promise<ReplyOf[C['type']]>
}

/** Submits; where the controller refuses as a whole, `refused` says what each entry is answered. */
export async function submitted<C extends MetadataCommand, T>(
  controller: ControllerPort,
  command: C,
  timeoutMs: number | undefined,
  answered: (reply: ReplyOf[C['type']]) => T,
  refused: (outcome: Outcome) => T,
): Promise<T> {
  try {
    return answered(await controller.submit(command, timeoutMs))
  } catch (error) {
    if (!(error instanceof QuorumError)) throw error
    return refused({ errorCode: error.errorCode, errorMessage: error.message })
  }
}
