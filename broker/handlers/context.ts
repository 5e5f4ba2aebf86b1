// What every handler is told about the request beside its body, and the few words that handlers share.

import type { ConnectionInfo } from '../net/net.ts'
import type { Partition } from '../partition/partition.ts'
import type { ApiName, apis } from '../protocol/apis/index.ts'
import type { RequestOf, ResponseInput } from '../protocol/message.ts'

type ApiNamed<N extends ApiName> = Extract<(typeof apis)[number], { name: N }>

/** The body that a handler of this API is given: every field present. */
export type Request<N extends ApiName> = RequestOf<ApiNamed<N>>
/** The body that it answers: fields with a default may be left out. */
export type Response<N extends ApiName> = ResponseInput<ApiNamed<N>>

export interface RequestContext {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly connection: ConnectionInfo
}

/** How handlers that move data find a partition. Names and ids are the controller's, logs are the partition layer's. */
export interface PartitionDirectory {
  topicName(topicId: string): string | undefined
  topicId(topic: string): string | undefined
  /** The partition this broker leads, or undefined where there is none. */
  partition(topic: string, index: number): Partition | undefined
}

/** A request is malformed in a way that only its handler can see: the connection is closed with this text. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError'
}
