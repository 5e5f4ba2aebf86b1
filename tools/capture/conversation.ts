// One client connection as the frames that pass: which API and version each one is. A response says neither,
// only the correlation id of its request, so that the requests are remembered.

import { decodeRequestHeader, decodeResponseHeader } from '../../broker/protocol/header.ts'
import { FrameReader } from '../../broker/protocol/framing.ts'
import type { Api } from '../../broker/protocol/message.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'

export type Direction = 'request' | 'response'

/** A frame without its size. */
export interface Frame {
  /** Undefined for an API that the codec does not know: `apiKey` is all there is to say. */
  api: Api | undefined
  apiKey: number
  /** Of the body; what a broker answers to an unknown version of ApiVersions is version 0 (KIP-511). */
  version: number
  direction: Direction
  bytes: Buffer
}

interface Asked {
  api: Api | undefined
  apiKey: number
  version: number
}

export class Conversation {
  private readonly onFrame: (frame: Frame) => void
  private readonly asked = new Map<number, Asked>()
  private readonly requests = new FrameReader({ onFrame: (bytes) => this.request(bytes) })
  private readonly responses = new FrameReader({ onFrame: (bytes) => this.response(bytes) })

  /** `onFrame` gets copies. */
  constructor(onFrame: (frame: Frame) => void) {
    this.onFrame = onFrame
  }

  fromClient(chunk: Buffer): void {
    this.requests.push(chunk)
  }

  fromBroker(chunk: Buffer): void {
    this.responses.push(chunk)
  }

  private request(bytes: Buffer): void {
    const { api, apiKey, apiVersion: version, correlationId } = decodeRequestHeader(bytes)
    this.asked.set(correlationId, { api, apiKey, version })
    this.onFrame({ api, apiKey, version, direction: 'request', bytes: Buffer.from(bytes) })
  }

  private response(bytes: Buffer): void {
    const correlationId = bytes.readInt32BE(0)
    const asked = this.asked.get(correlationId)
    if (asked === undefined) throw new Error(`a response to ${correlationId}, which nobody asked`)
    this.asked.delete(correlationId)
    const version = bodyVersion(asked, bytes)
    this.onFrame({ ...asked, version, direction: 'response', bytes: Buffer.from(bytes) })
  }
}

function bodyVersion({ api, version }: Asked, bytes: Buffer): number {
  if (api?.name !== 'ApiVersions') return version
  const { bodyStart } = decodeResponseHeader(api, version, bytes)
  return bytes.readInt16BE(bodyStart) === errorCodes.UNSUPPORTED_VERSION ? 0 : version
}
