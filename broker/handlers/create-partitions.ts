// CreatePartitions, versions 0-3: raises the number of partitions of existing topics.

import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'
import type { MutationQuotaOf } from './request-quota.ts'

type CreatePartitionsResponse = Response<'CreatePartitions'>

/** First version that is refused what is beyond the client's quota (KIP-599); before, it is made to wait. */
const STRICT_SINCE = 3

export interface CreatePartitionsServices {
  controller: ControllerPort
  mutationQuota: MutationQuotaOf
}

export function handleCreatePartitions(
  request: Request<'CreatePartitions'>,
  context: RequestContext,
  { controller, mutationQuota }: CreatePartitionsServices,
): Promise<CreatePartitionsResponse> {
  const quota = mutationQuota(context, STRICT_SINCE)
  const { topics, validateOnly, timeoutMs } = request
  return submitted(
    controller,
    { type: 'createPartitions' as const, topics, validateOnly, quota: quota.take },
    timeoutMs,
    (results): CreatePartitionsResponse => ({ throttleTimeMs: quota.throttleTimeMs(), results }),
    (outcome) => ({ results: topics.map(({ name }) => ({ name, ...outcome })) }),
  )
}
