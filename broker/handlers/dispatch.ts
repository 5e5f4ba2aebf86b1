// From a frame to a reply: header, version, body, handler, reply. The only place that knows that a version
// may be unknown; a handler sees a decoded body and answers one.
//
// Rule kept: what cannot be answered in the protocol closes the connection with one log line, as Kafka does
// (unknown API or version, malformed body). ApiVersions alone is answered whatever its version.

import { type ConnectionInfo, type Reply, type RequestProcessor } from '../net/net.ts'
import type { ApiName } from '../protocol/apis/index.ts'
import { decodeRequest } from '../protocol/codec.ts'
import { decodeRequestHeader, encodeResponseFrame } from '../protocol/header.ts'
import { type Api, includesVersion } from '../protocol/message.ts'
import { unsupportedApiVersions } from './api-versions.ts'
import type { RequestQuotas } from './request-quota.ts'
import { InvalidRequestError, type Request, type RequestContext, type Response } from './context.ts'

/** Every API that is served, by name. An entry that is missing is an API that is not advertised. */
export type Handlers = {
  readonly [N in ApiName]?: (
    request: Request<N>,
    context: RequestContext,
  ) => Response<N> | null | Promise<Response<N> | null>
}

type Answer = { readonly throttleTimeMs?: number } | null
type AnyHandler = (request: unknown, context: RequestContext) => Answer | Promise<Answer>

const MAX_INT32 = 0x7fffffff

export function createRequestProcessor(handlers: Handlers, quotas: RequestQuotas): RequestProcessor {
  return (frame: Buffer, connection: ConnectionInfo): Reply | Promise<Reply> => {
    const { api, apiKey, apiVersion, correlationId, clientId, bodyStart } = decodeRequestHeader(frame)
    const handler = api === undefined ? undefined : (handlers[api.name as ApiName] as AnyHandler | undefined)
    if (api === undefined || handler === undefined)
      throw new InvalidRequestError(`API ${apiKey} is not served`)
    if (!includesVersion(api.servedVersions, apiVersion)) {
      if (api.name === 'ApiVersions')
        return encodeResponseFrame(api, 0, correlationId, unsupportedApiVersions())
      throw new InvalidRequestError(`${api.name} version ${apiVersion} is not served`)
    }
    const body = decodeRequest(api, apiVersion, frame, bodyStart)
    const context: RequestContext = { apiVersion, clientId, connection }
    const sizeInBytes = frame.length
    const beganMs = quotas.begin()
    const answer = handler(body, context)
    const tookMs = beganMs === undefined ? 0 : quotas.tookMs(beganMs)
    const finish = (said: Answer): Reply => {
      const handled = { sizeInBytes, tookMs, isAnswered: said !== null }
      const asked = beganMs === undefined ? 0 : quotas.record(api, context, handled)
      // Some handlers have quotas of their own to ask for.
      // What is done is answered, however long the silence: the field is an int32.
      const throttleTimeMs = Math.min(MAX_INT32, Math.max(asked, said?.throttleTimeMs ?? 0))
      if (throttleTimeMs === 0) return encode(api, apiVersion, correlationId, said)
      connection.mutedUntilMs = quotas.now() + throttleTimeMs
      return encode(api, apiVersion, correlationId, said === null ? null : { ...said, throttleTimeMs })
    }
    return answer instanceof Promise ? answer.then(finish) : finish(answer)
  }
}

function encode(api: Api, version: number, correlationId: number, body: unknown): Reply {
  return body === null ? null : encodeResponseFrame(api, version, correlationId, body as never)
}
