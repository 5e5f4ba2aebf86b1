// What can be said against a topology: facts about the world that may change (the member hears a status and goes
// on asking), and topologies that are wrong in themselves (the request is refused).

/** StreamsGroupHeartbeatResponse.Status: what a member hears beside its assignment. */
export const statusCodes = {
  STALE_TOPOLOGY: 0,
  MISSING_SOURCE_TOPICS: 1,
  INCORRECTLY_PARTITIONED_TOPICS: 2,
  MISSING_INTERNAL_TOPICS: 3,
  SHUTDOWN_APPLICATION: 4,
  ASSIGNMENT_DELAYED: 5,
} as const

export interface Status {
  statusCode: number
  statusDetail: string
}

/** The topics are not yet, or no longer, as the topology needs them. Kafka: TopicConfigurationException. */
export class TopicConfigurationError extends Error {
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }

  get status(): Status {
    return { statusCode: this.statusCode, statusDetail: this.message }
  }
}

/** No topics could make this topology run: STREAMS_INVALID_TOPOLOGY. */
export class InvalidTopologyError extends Error {}
