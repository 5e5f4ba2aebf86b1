// CreateTopics, versions 2-7. From version 5 on the reply tells the configuration that the topic has.

import type { NewTopicOutcome } from '../controller/commands.ts'
import { errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import type { BrokerConfig, BrokerLayers } from '../server/config/broker-config.ts'
import { describeTopicConfigs } from '../server/config/describe.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'
import type { MutationQuotaOf } from './request-quota.ts'

type CreateTopicsRequest = Request<'CreateTopics'>
type CreateTopicsResponse = Response<'CreateTopics'>

/** First version whose reply describes the topic. */
const CONFIGS_SINCE = 5
/** First version that is refused what is beyond the client's quota (KIP-599); before, it is made to wait. */
const STRICT_SINCE = 6

export interface CreateTopicsServices {
  controller: ControllerPort
  mutationQuota: MutationQuotaOf
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
  const quota = services.mutationQuota(context, STRICT_SINCE)
  return submitted(
    services.controller,
    { type: 'createTopics' as const, topics, validateOnly, quota: quota.take },
    timeoutMs,
    (outcomes): CreateTopicsResponse => ({
      throttleTimeMs: quota.throttleTimeMs(),
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
