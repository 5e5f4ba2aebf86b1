// What a broker serves, from its own mouth: starts one in memory and asks for ApiVersions, so that the document
// cannot say what the handler table does not.

import { connect } from 'node:net'
import { apiVersions } from '../../broker/protocol/apis/api-versions.ts'
import { decodeResponse } from '../../broker/protocol/codec.ts'
import { FrameReader } from '../../broker/protocol/framing.ts'
import { decodeResponseHeader, encodeRequestFrame } from '../../broker/protocol/header.ts'
import { startBroker } from '../../broker/server/start-broker.ts'

const VERSION = 3

export interface ServedApi {
  apiKey: number
  minVersion: number
  maxVersion: number
}

export async function servedApis(): Promise<ServedApi[]> {
  await using broker = await startBroker()
  const frame = await ask(broker.host, broker.port)
  const { bodyStart } = decodeResponseHeader(apiVersions, VERSION, frame)
  return decodeResponse(apiVersions, VERSION, frame, bodyStart).apiKeys
}

function ask(host: string, port: number): Promise<Buffer> {
  const body = { clientSoftwareName: 'logmill-docs', clientSoftwareVersion: '1' }
  const header = { correlationId: 1, clientId: null }
  return new Promise((resolve, reject) => {
    const socket = connect(port, host)
    const frames = new FrameReader({
      onFrame: (frame) => {
        resolve(Buffer.from(frame))
        socket.destroy()
      },
    })
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => frames.push(chunk))
    socket.write(Buffer.concat(encodeRequestFrame(apiVersions, VERSION, header, body)))
  })
}
