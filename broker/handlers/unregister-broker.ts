// UnregisterBroker, version 0: a broker that will not come back is forgotten.

import type { Request, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

export function handleUnregisterBroker(
  { brokerId }: Request<'UnregisterBroker'>,
  { controller }: { controller: ControllerPort },
): Promise<Response<'UnregisterBroker'>> {
  return submitted(
    controller,
    { type: 'unregisterBroker' as const, brokerId },
    undefined,
    (outcome) => outcome,
    (outcome) => outcome,
  )
}
