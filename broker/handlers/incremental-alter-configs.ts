// IncrementalAlterConfigs, versions 0-1: single settings of topics, brokers, groups and client metrics are set, deleted,
// or, where they are lists, added to and taken from. Levels of loggers are set here, without the controller.

import type { ConfigOutcome, Outcome, SetConfigs } from '../controller/commands.ts'
import { RESOURCE_TYPES } from '../controller/facts.ts'
import { changesProblem, isNamedTwice } from '../controller/set-configs.ts'
import { type BrokerLoggers, changeLoggers } from './broker-loggers.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type IncrementalAlterConfigsRequest = Request<'IncrementalAlterConfigs'>
type IncrementalAlterConfigsResponse = Response<'IncrementalAlterConfigs'>
type Resource = SetConfigs['resources'][number]

export interface IncrementalAlterConfigsServices {
  controller: ControllerPort
  nodeId: number
  loggers: BrokerLoggers
}

export function handleIncrementalAlterConfigs(
  { resources, validateOnly }: IncrementalAlterConfigsRequest,
  _context: RequestContext,
  { controller, nodeId, loggers }: IncrementalAlterConfigsServices,
): Promise<IncrementalAlterConfigsResponse> {
  // Named twice, a logger's changes are refused with the rest.
  const own = resources.filter(
    (resource) =>
      resource.resourceType === RESOURCE_TYPES.BROKER_LOGGER && !isNamedTwice(resource, resources),
  )
  const others = resources.filter((resource) => !own.includes(resource))
  const levels = own.map((resource): ConfigOutcome => {
    const { resourceType, resourceName, configs } = resource
    const outcome =
      changesProblem(resource) ?? changeLoggers(resourceName, configs, validateOnly, nodeId, loggers)
    return { resourceType, resourceName, ...outcome }
  })
  return submitted(
    controller,
    { type: 'setConfigs' as const, resources: others, validateOnly },
    undefined,
    (outcomes) => inOrder(resources, own, levels, outcomes),
    (outcome) =>
      inOrder(
        resources,
        own,
        levels,
        others.map((resource) => outcomeOf(resource, outcome)),
      ),
  )
}

function outcomeOf({ resourceType, resourceName }: Resource, outcome: Outcome): ConfigOutcome {
  return { resourceType, resourceName, ...outcome }
}

/** The answers in the order of what was asked. */
function inOrder(
  resources: readonly Resource[],
  own: readonly Resource[],
  levels: readonly ConfigOutcome[],
  outcomes: readonly ConfigOutcome[],
): IncrementalAlterConfigsResponse {
  const [here, there] = [[...levels], [...outcomes]]
  return {
    responses: resources.flatMap((resource) => (own.includes(resource) ? here : there).shift() ?? []),
  }
}
