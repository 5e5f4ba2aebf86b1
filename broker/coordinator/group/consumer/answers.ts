// The answers of consumer groups that carry nothing but an error.

import type { ConsumerHeartbeatResponse } from './messages.ts'

export function consumerHeartbeatRefused(
  errorCode: number,
  errorMessage: string | null,
): ConsumerHeartbeatResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  }
}
