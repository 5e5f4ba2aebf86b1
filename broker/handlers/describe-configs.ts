// DescribeConfigs, versions 1-4: the settings of topics, brokers, groups and client metrics with where each comes from,
// and the levels of loggers. A resource of another type is refused. Codes and texts: Kafka's ConfigHelper.

import { RESOURCE_TYPES } from '../controller/facts.ts'
import type { MetadataImage } from '../controller/image.ts'
import { topicNameProblem } from '../controller/topic-name.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { BrokerConfig, BrokerLayers } from '../server/config/broker-config.ts'
import {
  describeBrokerConfigs,
  describeClientMetrics,
  describeDefaultBrokerConfigs,
  describeGroupConfigs,
  describeTopicConfigs,
  type DescribeOptions,
} from '../server/config/describe.ts'
import { type BrokerLoggers, describeLoggers } from './broker-loggers.ts'
import type { Request, RequestContext, Response } from './context.ts'

type DescribeConfigsRequest = Request<'DescribeConfigs'>
type Resource = DescribeConfigsRequest['resources'][number]
type Result = Response<'DescribeConfigs'>['results'][number]

export interface DescribeConfigsServices {
  image: MetadataImage
  nodeId: number
  /** The broker's settings as they stand, dynamic ones included. */
  layers(): BrokerLayers
  config(): Pick<BrokerConfig, 'topicDefaultTexts'>
  loggers: BrokerLoggers
}

export function handleDescribeConfigs(
  request: DescribeConfigsRequest,
  _context: RequestContext,
  services: DescribeConfigsServices,
): Response<'DescribeConfigs'> {
  const { includeSynonyms, includeDocumentation } = request
  return {
    results: request.resources.map((resource) => {
      const { resourceType, resourceName, configurationKeys } = resource
      // No keys are all keys, as null is.
      const keys = configurationKeys?.length === 0 ? null : configurationKeys
      const options = { keys, includeSynonyms, includeDocumentation }
      const described = describe(resource, options, services)
      return {
        errorCode: errorCodes.NONE,
        errorMessage: '',
        resourceType,
        resourceName,
        configs: [],
        ...described,
      }
    }),
  }
}

function describe(
  { resourceType, resourceName }: Resource,
  options: DescribeOptions,
  { image, nodeId, layers, config, loggers }: DescribeConfigsServices,
): Pick<Result, 'configs'> | Pick<Result, 'errorCode' | 'errorMessage'> {
  if (resourceType === RESOURCE_TYPES.TOPIC) {
    const problem = topicNameProblem(resourceName)
    if (problem !== undefined) {
      return { errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, errorMessage: problem }
    }
    if (image.topic(resourceName) === undefined) {
      return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: '' }
    }
    const settings = image.settings(resourceType, resourceName)
    return { configs: describeTopicConfigs(settings, layers(), config().topicDefaultTexts, options) }
  }
  if (resourceType === RESOURCE_TYPES.BROKER) {
    if (resourceName === '') {
      return { configs: describeDefaultBrokerConfigs(image.settings(resourceType, ''), options) }
    }
    return (
      otherBroker(resourceName, nodeId, ' or empty string') ?? {
        configs: describeBrokerConfigs(layers(), options),
      }
    )
  }
  if (resourceType === RESOURCE_TYPES.BROKER_LOGGER) {
    if (resourceName === '') return refused('Broker id must not be empty')
    return otherBroker(resourceName, nodeId, '') ?? { configs: describeLoggers(loggers, options.keys) }
  }
  const settings = image.settings(resourceType, resourceName)
  if (resourceType === RESOURCE_TYPES.CLIENT_METRICS) {
    if (resourceName === '') return refused('Client metrics subscription name must not be empty')
    return { configs: describeClientMetrics(settings, options) }
  }
  if (resourceType === RESOURCE_TYPES.GROUP) {
    if (resourceName === '') return refused('Group name must not be empty')
    return { configs: describeGroupConfigs(settings, layers(), options) }
  }
  return refused(`Unsupported resource type: ${resourceType}`)
}

type Refusal = Pick<Result, 'errorCode' | 'errorMessage'>

/** Only this broker knows its settings. */
function otherBroker(resourceName: string, nodeId: number, orElse: string): Refusal | undefined {
  if (!/^[+-]?\d+$/.test(resourceName)) {
    return refused(`Broker id must be an integer, but it is: ${resourceName}`)
  }
  return Number(resourceName) === nodeId
    ? undefined
    : refused(`Unexpected broker id, expected ${nodeId}${orElse}, but received ${resourceName}`)
}

function refused(errorMessage: string): Refusal {
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage }
}
