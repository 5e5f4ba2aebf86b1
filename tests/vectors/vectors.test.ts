// Frames that real clients sent and that Apache Kafka answered, captured by capture.ts: each decodes, header and
// body, and encodes to the very bytes again, through the compiled codec and the plain one.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { compile } from '../../broker/protocol/compile.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../broker/protocol/header.ts'
import { interpret } from '../../broker/protocol/interpret.ts'
import { type Api, includesVersion, isFlexible } from '../../broker/protocol/message.ts'
import { Reader } from '../../broker/protocol/reader.ts'
import { Writer } from '../../broker/protocol/writer.ts'
import type { CapturedFrame, CaptureFile } from '../../tools/capture/collection.ts'
import { clients } from '../interop/clients.ts'

const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as CaptureFile)

/** What the interop suite runs; a client whose file is gone would otherwise go unnoticed. */
const expectedClients = [...clients.map(({ name }) => name), 'Kafka command line tools']

const sizeBytes = 4

function apiOf({ api: name }: CapturedFrame): Api {
  const api = apis.find((candidate) => candidate.name === name)
  if (api === undefined) throw new Error(`no API ${name}`)
  return api
}

/** The frame again from what its header and body say. */
function written(frame: CapturedFrame, bytes: Buffer, body: unknown): string {
  const api = apiOf(frame)
  const { version } = frame
  const chunks =
    frame.direction === 'request'
      ? encodeRequestFrame(api, version, decodeRequestHeader(bytes), body as never)
      : encodeResponseFrame(api, version, bytes.readInt32BE(0), body as never)
  return Buffer.concat(chunks).subarray(sizeBytes).toString('hex')
}

function bodyStartOf(frame: CapturedFrame, bytes: Buffer): number {
  const api = apiOf(frame)
  if (frame.direction === 'response') return decodeResponseHeader(api, frame.version, bytes).bodyStart
  const header = decodeRequestHeader(bytes)
  expect([header.api?.name, header.apiVersion]).toEqual([frame.api, frame.version])
  return header.bodyStart
}

function check(frame: CapturedFrame): void {
  const what = `${frame.api} version ${frame.version} ${frame.direction}, ${frame.scene}`
  const api = apiOf(frame)
  const bytes = Buffer.from(frame.hex, 'hex')
  const bodyStart = bodyStartOf(frame, bytes)
  if (!includesVersion(api.versions, frame.version)) {
    // Clients try a later ApiVersions first; its header is all that must be read (KIP-511).
    expect([frame.api, frame.direction], what).toEqual(['ApiVersions', 'request'])
    return
  }
  const { body: type } = api[frame.direction]
  const values = [compile, interpret].map((make) => {
    const codec = make(type, frame.version, isFlexible(api, frame.version))
    const reader = new Reader(bytes, bodyStart, bytes.length)
    const value = codec.read(reader)
    expect(reader.remaining(), `${what}: bytes left by ${make.name}`).toBe(0)
    const writer = new Writer()
    codec.write(writer, value)
    const again = Buffer.concat(writer.finish())
    expect(again.toString('hex'), `${what}: written by ${make.name}`).toBe(
      bytes.subarray(bodyStart).toString('hex'),
    )
    return value
  })
  expect(values[0], `${what}: compiled and interpreted`).toEqual(values[1])
  expect(written(frame, bytes, values[0]), `${what}: whole`).toBe(frame.hex)
}

test('every client of the interop suite has its file', () => {
  expect(files.map(({ client }) => client).sort()).toEqual([...expectedClients].sort())
})

describe.each(files)('$client $version', ({ frames }) => {
  test('requests, and answers that Kafka gave', () => {
    const of = (direction: string): number => frames.filter((frame) => frame.direction === direction).length
    expect(of('request')).toBeGreaterThan(10)
    expect(of('response')).toBeGreaterThan(10)
    expect(
      frames.filter(({ direction, broker }) => direction === 'response' && broker !== undefined),
    ).toEqual([])
  })

  test('decodes and encodes every frame to the byte', () => {
    for (const frame of frames) check(frame)
  })

  test('what is later than the codec knows is answered, and the client goes on with less', () => {
    const later = frames.filter((frame) => !includesVersion(apiOf(frame).versions, frame.version))
    for (const { api } of later) {
      const known = frames.filter(
        (frame) => frame.api === api && includesVersion(apiOf(frame).versions, frame.version),
      )
      expect(known.map(({ direction }) => direction)).toContain('request')
    }
  })
})
