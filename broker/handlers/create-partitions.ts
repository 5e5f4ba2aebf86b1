// CreatePartitions, versions 0-3: raises the number of partitions of existing topics.

import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type CreatePartitionsResponse = Response<'CreatePartitions'>

export interface CreatePartitionsServices {
  controller: ControllerPort
}

export function handleCreatePartitions(
  request: Request<'CreatePartitions'>,
  _context: RequestContext,
  { controller }: CreatePartitionsServices,
): Promise<CreatePartitionsResponse> {
  const { topics, validateOnly, timeoutMs } = request
  return submitted(
    controller,
    { type: 'createPartitions' as const, topics, validateOnly },
    timeoutMs,
    (results): CreatePartitionsResponse => ({ results }),
    (outcome) => ({ results: topics.map(({ name }) => ({ name, ...outcome })) }),
  )
}
