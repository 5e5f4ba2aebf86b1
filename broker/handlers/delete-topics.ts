// DeleteTopics, versions 1-6: by name, from version 6 on also by id.

import { errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type DeleteTopicsResponse = Response<'DeleteTopics'>

/** First version with ids, and the first that knows TOPIC_DELETION_DISABLED. */
const IDS_SINCE = 6
const DELETION_DISABLED_SINCE = 3

export interface DeleteTopicsServices {
  controller: ControllerPort
}

export function handleDeleteTopics(
  request: Request<'DeleteTopics'>,
  { apiVersion }: RequestContext,
  { controller }: DeleteTopicsServices,
): Promise<DeleteTopicsResponse> {
  const topics =
    apiVersion >= IDS_SINCE
      ? request.topics
      : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
  return submitted(
    controller,
    { type: 'deleteTopics' as const, topics },
    request.timeoutMs,
    (outcomes): DeleteTopicsResponse => ({
      responses: outcomes.map((outcome) =>
        outcome.errorCode === errorCodes.TOPIC_DELETION_DISABLED && apiVersion < DELETION_DISABLED_SINCE
          ? { ...outcome, errorCode: errorCodes.INVALID_REQUEST }
          : outcome,
      ),
    }),
    (outcome) => ({ responses: topics.map(({ name, topicId }) => ({ name, topicId, ...outcome })) }),
  )
}
