// ElectLeaders, versions 0-2: the preferred replica leads again, or, from version 1 on, whoever is alive where
// nobody in sync is. Null topics ask for every partition.

import { ELECTION_TYPES } from '../controller/elections.ts'
import type { ElectedPartition, Outcome } from '../controller/commands.ts'
import type { MetadataImage } from '../controller/image.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type ElectLeadersRequest = Request<'ElectLeaders'>
type ElectLeadersResponse = Response<'ElectLeaders'>

/** First version that says which election, and that can refuse as a whole. */
const TYPES_SINCE = 1

export interface ElectLeadersServices {
  controller: ControllerPort
  image: MetadataImage
}

export async function handleElectLeaders(
  request: ElectLeadersRequest,
  { apiVersion }: RequestContext,
  { controller, image }: ElectLeadersServices,
): Promise<ElectLeadersResponse> {
  const { topicPartitions, timeoutMs } = request
  const electionType = apiVersion < TYPES_SINCE ? ELECTION_TYPES.PREFERRED : request.electionType
  if (electionType !== ELECTION_TYPES.PREFERRED && electionType !== ELECTION_TYPES.UNCLEAN) {
    const errorMessage = `Unknown election type ${electionType}`
    return refused(request, apiVersion, { errorCode: errorCodes.INVALID_REQUEST, errorMessage })
  }
  const partitions =
    topicPartitions?.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    ) ?? null
  return submitted(
    controller,
    { type: 'electLeaders' as const, electionType, partitions },
    timeoutMs,
    (elected): ElectLeadersResponse => {
      const topics = topicPartitions?.map(({ topic }) => topic) ?? [...image.topics()].map(({ name }) => name)
      // Asked for all, nobody wants to hear of those that are well.
      const told =
        topicPartitions === null
          ? elected.filter(({ errorCode }) => errorCode !== errorCodes.ELECTION_NOT_NEEDED)
          : elected
      return { errorCode: errorCodes.NONE, replicaElectionResults: byTopic(topics, told) }
    },
    (outcome) => refused(request, apiVersion, outcome),
  )
}

function byTopic(
  topics: readonly string[],
  elected: readonly ElectedPartition[],
): ElectLeadersResponse['replicaElectionResults'] {
  const results = new Map<string, ElectedPartition[]>()
  for (const topic of topics) results.set(topic, [])
  for (const one of elected) results.get(one.topic)?.push(one)
  return [...results].map(([topic, partitions]) => ({
    topic,
    partitionResult: partitions.map(({ partition, errorCode, errorMessage }) => ({
      partitionId: partition,
      errorCode,
      errorMessage,
    })),
  }))
}

function refused(
  { topicPartitions }: ElectLeadersRequest,
  apiVersion: number,
  outcome: Outcome,
): ElectLeadersResponse {
  return {
    errorCode: apiVersion < TYPES_SINCE ? errorCodes.NONE : outcome.errorCode,
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, ...outcome })),
    })),
  }
}
