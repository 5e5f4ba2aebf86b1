// IncrementalAlterConfigs, versions 0-1: single settings of topics and brokers are set, deleted, or, where
// they are lists, added to and taken from.

import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type IncrementalAlterConfigsResponse = Response<'IncrementalAlterConfigs'>

export interface IncrementalAlterConfigsServices {
  controller: ControllerPort
}

export function handleIncrementalAlterConfigs(
  request: Request<'IncrementalAlterConfigs'>,
  _context: RequestContext,
  { controller }: IncrementalAlterConfigsServices,
): Promise<IncrementalAlterConfigsResponse> {
  const { resources, validateOnly } = request
  return submitted(
    controller,
    { type: 'setConfigs' as const, resources, validateOnly },
    undefined,
    (responses): IncrementalAlterConfigsResponse => ({ responses }),
    (outcome) => ({
      responses: resources.map(({ resourceType, resourceName }) => ({
        resourceType,
        resourceName,
        ...outcome,
      })),
    }),
  )
}
