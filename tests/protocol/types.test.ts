// What the compiler knows of a message: decoded values are whole, bodies to encode may leave out what has a
// default, null is there only where a version has it. These are checked by tsc; running them proves nothing.

import { expectTypeOf, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import type { ApiName } from '../../broker/protocol/apis/index.ts'
import type { fetch } from '../../broker/protocol/apis/fetch.ts'
import type { heartbeat } from '../../broker/protocol/apis/heartbeat.ts'
import type { metadata } from '../../broker/protocol/apis/metadata.ts'
import type { RequestInput, RequestOf, ResponseInput, ResponseOf } from '../../broker/protocol/message.ts'
import type { MetadataRecord } from '../../broker/protocol/records/metadata.ts'

test('types are inferred from the schema', () => {
  expectTypeOf<RequestOf<typeof heartbeat>>().toEqualTypeOf<{
    groupId: string
    generationId: number
    memberId: string
    groupInstanceId: string | null
  }>()
  expectTypeOf<ResponseOf<typeof heartbeat>>().toEqualTypeOf<{ throttleTimeMs: number; errorCode: number }>()
  expectTypeOf<ResponseInput<typeof heartbeat>>().toEqualTypeOf<{
    throttleTimeMs?: number
    errorCode: number
  }>()
  expectTypeOf<RequestOf<typeof metadata>['topics']>().toEqualTypeOf<
    { topicId: string; name: string | null }[] | null
  >()
  expectTypeOf<RequestInput<typeof metadata>['topics']>().toEqualTypeOf<
    readonly { topicId?: string; name: string | null }[] | null
  >()
})

test('offsets are bigint, records are bytes or null', () => {
  type Partition = ResponseOf<typeof fetch>['responses'][number]['partitions'][number]
  expectTypeOf<Partition['highWatermark']>().toEqualTypeOf<bigint>()
  expectTypeOf<Partition['records']>().toEqualTypeOf<Buffer | null>()
})

test('a table of handlers that lacks one does not compile', () => {
  type Handlers = {
    [A in (typeof apis)[number] as A['name']]: (request: RequestOf<A>) => ResponseInput<A>
  }
  expectTypeOf<keyof Handlers>().toEqualTypeOf<ApiName>()
  expectTypeOf<Parameters<Handlers['Heartbeat']>[0]['groupId']>().toEqualTypeOf<string>()
  expectTypeOf<'Nonsense'>().not.toExtend<ApiName>()
})

test("a metadata record's name tells its value", () => {
  type Topic = Extract<MetadataRecord, { name: 'TopicRecord' }>['value']
  expectTypeOf<Topic>().toEqualTypeOf<{ name: string; topicId: string }>()
})
