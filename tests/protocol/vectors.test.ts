// Bytes that Apache Kafka's own serializers wrote, both ways and through both codecs. The vectors are
// reference data beside the repository (../shared/kafka-wire-vectors): without them there is nothing to
// hold on to, and the test is skipped.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { compile } from '../../broker/protocol/compile.ts'
import { interpret } from '../../broker/protocol/interpret.ts'
import { includesVersion, isFlexible, type Message } from '../../broker/protocol/message.ts'
import { Reader } from '../../broker/protocol/reader.ts'
import { Writer } from '../../broker/protocol/writer.ts'
import { fromJson } from './json-values.ts'
import { messages } from './all-messages.ts'

const root = join(import.meta.dirname, '../../../shared/kafka-wire-vectors/messages')
const known = existsSync(root)

interface Vector {
  name: string
  version: number
  json_value: Record<string, unknown>
  hex: string
}

/** Kafka writes tagged fields that it does not know back; we skip them, and write what we know. */
const carriesUnknownTags = /unknown/

/** Names of a later release in the vectors: what they are called here, or null for a field to leave out. */
const laterNames: Record<string, Record<string, string | null>> = {
  ApiVersionsRequest: { clusterId: null, nodeId: null },
  TxnOffsetCommitRequest: { generationIdOrMemberEpoch: 'generationId' },
}

function asNamedHere(message: string, json: Record<string, unknown>): Record<string, unknown> {
  const names = laterNames[message] ?? {}
  return Object.fromEntries(
    Object.entries(json).flatMap(([name, value]) => {
      const here = names[name]
      return here === null ? [] : [[here ?? name, value]]
    }),
  )
}

function vectorsOf(name: string): Vector[] {
  const folder = join(root, name)
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap(
    (file) => (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { vectors: Vector[] }).vectors,
  )
}

const all: Message[] = [...apis.flatMap((api) => [api.request, api.response]), ...messages]

describe.skipIf(!known)('bytes from Kafka (skipped without ../shared/kafka-wire-vectors)', () => {
  const covered = all.filter((message) => vectorsOf(message.name).length > 0)

  test('there are vectors for most of our messages', () => {
    expect(covered.length).toBeGreaterThan(40)
  })

  test.each(covered.map((message) => ({ name: message.name, message })))('$name', ({ message }) => {
    for (const { name, version, json_value, hex } of vectorsOf(message.name)) {
      if (!includesVersion(message.versions, version)) continue // of a later release
      const what = `${message.name} version ${version}, ${name}`
      const bytes = Buffer.from(hex, 'hex')
      const value = fromJson(message.body, asNamedHere(message.name, json_value))
      const flexible = isFlexible(message, version)
      for (const make of [compile, interpret]) {
        const codec = make(message.body, version, flexible)
        const reader = new Reader(bytes, 0, bytes.length)
        expect(codec.read(reader), `${what}: decoded by ${make.name}`).toMatchObject(value)
        expect(reader.remaining(), what).toBe(0)
        if (carriesUnknownTags.test(name)) continue
        const writer = new Writer()
        codec.write(writer, value)
        expect(Buffer.concat(writer.finish()).toString('hex'), `${what}: encoded by ${make.name}`).toBe(hex)
      }
    }
  })
})
