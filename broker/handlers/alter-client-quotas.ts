// AlterClientQuotas, versions 0-1: sets and removes quotas; they count from the moment of the answer.

import type { Request, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

export function handleAlterClientQuotas(
  { entries, validateOnly }: Request<'AlterClientQuotas'>,
  { controller }: { controller: ControllerPort },
): Promise<Response<'AlterClientQuotas'>> {
  return submitted(
    controller,
    { type: 'alterClientQuotas' as const, entries, validateOnly },
    undefined,
    (outcomes): Response<'AlterClientQuotas'> => ({ entries: outcomes }),
    (outcome) => ({ entries: entries.map(({ entity }) => ({ entity, ...outcome })) }),
  )
}
