// AlterConfigs, versions 0-2: a resource's settings are replaced as a whole. IncrementalAlterConfigs took its
// place; the stock tools of old clients still send it.

import { CONFIG_OPERATIONS } from '../controller/commands.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type AlterConfigsResponse = Response<'AlterConfigs'>

export interface AlterConfigsServices {
  controller: ControllerPort
}

export function handleAlterConfigs(
  request: Request<'AlterConfigs'>,
  _context: RequestContext,
  { controller }: AlterConfigsServices,
): Promise<AlterConfigsResponse> {
  const { validateOnly } = request
  const resources = request.resources.map(({ resourceType, resourceName, configs }) => ({
    resourceType,
    resourceName,
    replaceAll: true,
    configs: configs.map(({ name, value }) => ({ name, value, configOperation: CONFIG_OPERATIONS.SET })),
  }))
  return submitted(
    controller,
    { type: 'setConfigs' as const, resources, validateOnly },
    undefined,
    (responses): AlterConfigsResponse => ({ responses }),
    (outcome) => ({
      responses: resources.map(({ resourceType, resourceName }) => ({
        resourceType,
        resourceName,
        ...outcome,
      })),
    }),
  )
}
