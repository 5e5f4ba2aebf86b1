// DescribeConfigs, versions 1-4: the settings of topics and brokers with where each comes from. A resource of
// another type is refused. Codes and texts: Kafka's ConfigHelper.

import { RESOURCE_TYPES } from '../controller/facts.ts'
import type { MetadataImage } from '../controller/image.ts'
import { topicNameProblem } from '../controller/topic-name.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { BrokerConfig, BrokerLayers } from '../server/config/broker-config.ts'
import {
  describeBrokerConfigs,
  describeDefaultBrokerConfigs,
  describeTopicConfigs,
  type DescribeOptions,
} from '../server/config/describe.ts'
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
  { image, nodeId, layers, config }: DescribeConfigsServices,
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
    if (resourceName === String(nodeId)) return { configs: describeBrokerConfigs(layers(), options) }
    const errorMessage = /^[+-]?\d+$/.test(resourceName)
      ? `Unexpected broker id, expected ${nodeId} or empty string, but received ${resourceName}`
      : `Broker id must be an integer, but it is: ${resourceName}`
    return { errorCode: errorCodes.INVALID_REQUEST, errorMessage }
  }
  return {
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage: `Unsupported resource type: ${resourceType}`,
  }
}
