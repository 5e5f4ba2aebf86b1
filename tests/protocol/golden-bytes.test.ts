// Bytes written by hand, field by field, from the Kafka protocol guide (kafka.apache.org/protocol: "Protocol
// Primitive Types", "Common Request and Response Structure", the BNF of each message), from KIP-482 (compact
// types, tagged fields) and from the varint example of the Protocol Buffers encoding guide (300 is ac 02).
// They hold the codec to something that it did not write itself.

import { describe, expect, test } from 'vitest'
import { apiVersions } from '../../broker/protocol/apis/api-versions.ts'
import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { heartbeat } from '../../broker/protocol/apis/heartbeat.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import {
  decodeMessage,
  encodeMessage,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../broker/protocol/codec.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
  responseHeaderSize,
} from '../../broker/protocol/header.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  topicRecord,
} from '../../broker/protocol/records/metadata.ts'
import { offsetCommitKey, offsetCommitValue } from '../../broker/protocol/records/group.ts'
import { producerSnapshot } from '../../broker/protocol/records/snapshot.ts'
import { decodeVersioned, encodeVersioned } from '../../broker/protocol/records/versioned.ts'
import { MalformedRequestError } from '../../broker/protocol/reader.ts'

/** Hexadecimal text with spaces and quoted ASCII: `0003 'abc'`. */
function bytes(text: string): Buffer {
  const hex = text.replace(/'([^']*)'/g, (_, ascii: string) => Buffer.from(ascii).toString('hex'))
  return Buffer.from(hex.replace(/\s/g, ''), 'hex')
}

function hex(chunks: readonly Uint8Array[] | Uint8Array): string {
  return (chunks instanceof Uint8Array ? Buffer.from(chunks) : Buffer.concat(chunks)).toString('hex')
}

describe('frames with their headers', () => {
  test('ApiVersions v3: header v2 (int16 client id, tagged section), compact strings in the body', () => {
    //                    size     key  ver  corr     client      tags
    const frame = bytes(`00000019 0012 0003 00000007 0003 'abc' 00
                         07 'logmil' 03 '10' 00`)
    const header = { correlationId: 7, clientId: 'abc' }
    const body = { clientSoftwareName: 'logmil', clientSoftwareVersion: '10' }
    expect(hex(encodeRequestFrame(apiVersions, 3, header, body))).toBe(frame.toString('hex'))

    const read = decodeRequestHeader(frame, 4)
    expect(read).toEqual({ ...header, apiKey: 18, apiVersion: 3, api: apiVersions, bodyStart: 18 })
    expect(decodeRequest(apiVersions, 3, frame, read.bodyStart)).toEqual(body)
  })

  test('Heartbeat v0: header v1, no tagged section anywhere', () => {
    const frame = bytes(`00000018 000c 0000 00000001 ffff
                         0003 'grp' 00000005 0003 'm-1'`)
    const request = { groupId: 'grp', generationId: 5, memberId: 'm-1' }
    expect(hex(encodeRequestFrame(heartbeat, 0, { correlationId: 1, clientId: null }, request))).toBe(
      frame.toString('hex'),
    )
    expect(hex(encodeResponseFrame(heartbeat, 0, 1, { errorCode: 25 }))).toBe(
      hex(bytes('00000006 00000001 0019')),
    )
  })

  test('Heartbeat v4: response header v1; ApiVersions keeps response header v0 for ever', () => {
    expect(hex(encodeResponseFrame(heartbeat, 4, 9, { throttleTimeMs: 1, errorCode: 0 }))).toBe(
      hex(bytes('0000000c 00000009 00 00000001 0000 00')),
    )
    expect(hex(encodeResponseFrame(apiVersions, 3, 9, { errorCode: 0, apiKeys: [] }))).toBe(
      hex(bytes('0000000c 00000009 0000 01 00000000 00')),
    )
    expect([responseHeaderSize(heartbeat, 4), responseHeaderSize(apiVersions, 3)]).toEqual([5, 4])
    expect(decodeResponseHeader(heartbeat, 4, bytes('00000009 00'))).toEqual({
      correlationId: 9,
      bodyStart: 5,
    })
  })

  test('an unknown API still tells key, version and correlation id', () => {
    expect(decodeRequestHeader(bytes('7001 0009 00000003 ffff'))).toEqual({
      apiKey: 0x7001,
      apiVersion: 9,
      correlationId: 3,
      clientId: null,
      api: undefined,
      bodyStart: -1,
    })
  })

  test('a version of ApiVersions that nobody knows yet has a header that can be read', () => {
    const header = decodeRequestHeader(bytes(`0012 0063 00000003 0001 'c' 00`))
    expect([header.apiVersion, header.correlationId, header.clientId]).toEqual([99, 3, 'c'])
  })

  test('a header that ends early is refused', () => {
    for (let length = 0; length < 12; length++) {
      expect(() => decodeRequestHeader(bytes(`0012 0003 00000003 0001 'c' 00`), 0, length)).toThrow(
        MalformedRequestError,
      )
    }
  })
})

describe('bodies', () => {
  test('Metadata: a null array of topics is -1, and 0 in compact form', () => {
    expect(hex(encodeRequest(metadata, 1, { topics: null }))).toBe('ffffffff')
    expect(hex(encodeRequest(metadata, 9, { topics: null }))).toBe('0001000000')
    expect(decodeRequest(metadata, 1, bytes('00000000'))).toMatchObject({ topics: [] })
  })

  test('Produce v3 and v9: records behind an int32, and behind a varint of one more', () => {
    const records = Buffer.alloc(299, 0xee)
    const topicData = [{ name: 't', partitionData: [{ index: 2, records }] }]
    const v3 = bytes(
      `ffff ffff 000003e8 00000001 0001 't' 00000001 00000002 0000012b ${records.toString('hex')}`,
    )
    expect(hex(encodeRequest(produce, 3, { acks: -1, timeoutMs: 1000, topicData }))).toBe(v3.toString('hex'))
    const v9 = bytes(`00 ffff 000003e8 02 02 't' 02 00000002 ac02 ${records.toString('hex')} 00 00 00`)
    expect(hex(encodeRequest(produce, 9, { acks: -1, timeoutMs: 1000, topicData }))).toBe(v9.toString('hex'))

    const decoded = decodeRequest(produce, 9, v9).topicData[0]?.partitionData[0]?.records
    expect(decoded?.equals(records)).toBe(true)
    expect(decoded?.buffer, 'a slice of the frame').toBe(v9.buffer)
  })

  test('Fetch v12 response: one tagged field in a partition, the others at their defaults', () => {
    const body = {
      errorCode: 0,
      sessionId: 0,
      responses: [
        {
          topic: 't',
          partitions: [
            {
              partitionIndex: 0,
              errorCode: 6,
              highWatermark: -1n,
              currentLeader: { leaderId: 3, leaderEpoch: 4 },
              abortedTransactions: null,
              records: null,
            },
          ],
        },
      ],
    }
    const wire = bytes(`00000000 0000 00000000 02 02 't' 02
      00000000 0006 ffffffffffffffff ffffffffffffffff ffffffffffffffff 00 ffffffff 00
      01 01 09 00000003 00000004 00
      00 00`)
    expect(hex(encodeResponse(fetch, 12, body))).toBe(wire.toString('hex'))
    expect(decodeResponse(fetch, 12, wire).responses[0]?.partitions[0]).toMatchObject({
      currentLeader: { leaderId: 3, leaderEpoch: 4 },
      divergingEpoch: { epoch: -1, endOffset: -1n },
    })
  })
})

describe('records of the internal topics', () => {
  test('a committed offset: int16 kind and key, int16 version and value', () => {
    const key = { group: 'g', topic: 't', partition: 1 }
    const value = { offset: 42n, leaderEpoch: 7, metadata: '', commitTimestamp: 1n }
    const keyBytes = bytes(`0001 0001 'g' 0001 't' 00000001`)
    const valueBytes = bytes('0003 000000000000002a 00000007 0000 0000000000000001')
    expect(hex(encodeVersioned(offsetCommitKey, 1, key))).toBe(keyBytes.toString('hex'))
    expect(hex(encodeVersioned(offsetCommitValue, 3, value))).toBe(valueBytes.toString('hex'))
    expect(decodeVersioned(offsetCommitValue, valueBytes)).toEqual({
      version: 3,
      value: { ...value, expireTimestamp: -1n },
    })
    expect(() => decodeVersioned(offsetCommitValue, bytes('0005 00'))).toThrow(MalformedRequestError)
  })

  test('a producer snapshot: an unsigned checksum, entries of 46 bytes', () => {
    const value = {
      crc: 0xfffffffe,
      producerEntries: [
        {
          producerId: 1n,
          epoch: 2,
          lastSequence: 3,
          lastOffset: 4n,
          offsetDelta: 5,
          timestamp: 6n,
          coordinatorEpoch: -1,
          currentTxnFirstOffset: -1n,
        },
      ],
    }
    const wire = bytes(`fffffffe 00000001 0000000000000001 0002 00000003 0000000000000004 00000005
      0000000000000006 ffffffff ffffffffffffffff`)
    expect(wire.length).toBe(8 + 46)
    expect(hex(encodeMessage(producerSnapshot, 1, value))).toBe(wire.toString('hex'))
    expect(decodeMessage(producerSnapshot, 1, wire)).toEqual(value)
    expect(() => decodeMessage(producerSnapshot, 1, wire, 0, 53)).toThrow(MalformedRequestError)
  })

  test('a metadata record: frame version 1, type, version, all unsigned varints', () => {
    const value = { name: 't', topicId: '0123456789abcdef0123456789abcdef' }
    const wire = bytes(`01 02 00 02 't' ${value.topicId} 00`)
    expect(hex(encodeMetadataRecord(topicRecord, 0, value))).toBe(wire.toString('hex'))
    expect(decodeMetadataRecord(wire)).toEqual({ name: 'TopicRecord', version: 0, value })
    expect(() => decodeMetadataRecord(Buffer.concat([wire, Buffer.of(0)]))).toThrow('after the last field')
    // What a later version adds as a tagged field is skipped: broker 1, a cordoned directory in tag 3.
    expect(
      decodeMetadataRecord(bytes(`01 11 03 00000001 0000000000000002 01 03 11 02 ${value.topicId}`)),
    ).toMatchObject({
      name: 'BrokerRegistrationChangeRecord',
      value: { brokerId: 1, brokerEpoch: 2n, fenced: 0, logDirs: [] },
    })
    expect(() => decodeMetadataRecord(bytes('01 7e 00'))).toThrow('unknown type 126')
    expect(() => decodeMetadataRecord(bytes('01 02 09'))).toThrow('no version 9')
    expect(() => decodeMetadataRecord(bytes('00 02 00'))).toThrow('frame version 0')
  })
})
