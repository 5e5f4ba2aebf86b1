// DeleteTopics, versions 1-6: by name, from version 6 on also by id.

import { errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'
import type { MutationQuotaOf } from './request-quota.ts'

type DeleteTopicsResponse = Response<'DeleteTopics'>

/** First version with ids, and the first that knows TOPIC_DELETION_DISABLED. */
const IDS_SINCE = 6
const DELETION_DISABLED_SINCE = 3
/** First version that is refused what is beyond the client's quota (KIP-599); before, it is made to wait. */
const STRICT_SINCE = 5

export interface DeleteTopicsServices {
  controller: ControllerPort
  mutationQuota: MutationQuotaOf
}

export function handleDeleteTopics(
  request: Request<'DeleteTopics'>,
  context: RequestContext,
  { controller, mutationQuota }: DeleteTopicsServices,
): Promise<DeleteTopicsResponse> {
  const { apiVersion } = context
  const quota = mutationQuota(context, STRICT_SINCE)
  const topics =
    apiVersion >= IDS_SINCE
      ? request.topics
      : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
  return submitted(
    controller,
    { type: 'deleteTopics' as const, topics, quota: quota.take },
    request.timeoutMs,
    (outcomes): DeleteTopicsResponse => ({
      throttleTimeMs: quota.throttleTimeMs(),
      responses: outcomes.map((outcome) =>
        outcome.errorCode === errorCodes.TOPIC_DELETION_DISABLED && apiVersion < DELETION_DISABLED_SINCE
          ? { ...outcome, errorCode: errorCodes.INVALID_REQUEST }
          : outcome,
      ),
    }),
    (outcome) => ({ responses: topics.map(({ name, topicId }) => ({ name, topicId, ...outcome })) }),
  )
}
