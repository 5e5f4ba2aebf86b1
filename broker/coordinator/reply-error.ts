// A refusal of a shard's log in a coordinator's words. Kafka: CoordinatorOperationExceptionHelper.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'

export function replyErrorCode(errorCode: number): ErrorCode {
  switch (errorCode) {
    case errorCodes.UNKNOWN_TOPIC_OR_PARTITION:
    case errorCodes.NOT_ENOUGH_REPLICAS:
    case errorCodes.REQUEST_TIMED_OUT:
      return errorCodes.COORDINATOR_NOT_AVAILABLE
    case errorCodes.NOT_LEADER_OR_FOLLOWER:
    case errorCodes.KAFKA_STORAGE_ERROR:
      return errorCodes.NOT_COORDINATOR
    case errorCodes.MESSAGE_TOO_LARGE:
    case errorCodes.RECORD_LIST_TOO_LARGE:
    case errorCodes.INVALID_FETCH_SIZE:
      return errorCodes.UNKNOWN_SERVER_ERROR
    default:
      return errorCode as ErrorCode
  }
}
