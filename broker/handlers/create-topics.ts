// CreateTopics, versions 2-7. From version 5 on the reply tells the configuration that the topic has.

import type { NewTopicOutcome } from '../controller/commands.ts'
import { errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import type { BrokerConfig, BrokerLayers } from '../server/config/broker-config.ts'
import { describeTopicConfigs } from '../server/config/describe.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type CreateTopicsRequest = Request<'CreateTopics'>
type CreateTopicsResponse = Response<'CreateTopics'>

/** First version whose reply describes the topic. */
const CONFIGS_SINCE = 5

export interface CreateTopicsServices {
  controller: ControllerPort
  /** The broker's settings as they stand. */
  layers(): BrokerLayers
  config(): Pick<BrokerConfig, 'topicDefaultTexts'>
}

export function handleCreateTopics(
  request: CreateTopicsRequest,
  context: RequestContext,
  services: CreateTopicsServices,
): Promise<CreateTopicsResponse> {
  const { topics, validateOnly, timeoutMs } = request
  return submitted(
    services.controller,
    { type: 'createTopics' as const, topics, validateOnly },
    timeoutMs,
    (outcomes): CreateTopicsResponse => ({
      topics: outcomes.map((outcome) => answer(outcome, context, services)),
    }),
    (outcome) => ({
      topics: topics.map(({ name }) => ({ name, topicId: ZERO_UUID, ...outcome, configs: [] })),
    }),
  )
}

function answer(
  { settings, ...outcome }: NewTopicOutcome,
  { apiVersion }: RequestContext,
  { layers, config }: CreateTopicsServices,
): CreateTopicsResponse['topics'][number] {
  const describes = apiVersion >= CONFIGS_SINCE && outcome.errorCode === errorCodes.NONE
  return {
    ...outcome,
    topicConfigErrorCode: errorCodes.NONE,
    configs: describes
      ? describeTopicConfigs(settings, layers(), config().topicDefaultTexts, ALL_KEYS).map(
          ({ name, value, readOnly, configSource, isSensitive }) => ({
            name,
            value,
            readOnly,
            configSource,
            isSensitive,
          }),
        )
      : [],
  }
}

const ALL_KEYS = { keys: null, includeSynonyms: false, includeDocumentation: false }
