// User activity in sessions: pages that a user opens are one session until a second passes without one. The state
// is called once per page, and once more when its time is over, which is when the session is written.

import kafkajs from 'kafkajs'
import { startBroker } from '../index.ts'
import { type State, StateSpec, StreamingContext, textPairs } from '../streaming.ts'

interface Session {
  readonly pages: readonly string[]
}

await using broker = await startBroker({ topics: { clicks: { partitions: 2 }, sessions: {} } })
const context = new StreamingContext({ appName: 'sessions', broker, batchDuration: '250ms' })

const spec = StateSpec.function(
  (
    user: string,
    page: string | undefined,
    session: State<Session>,
  ): readonly [string, Session] | undefined => {
    const { pages } = session.getOption() ?? { pages: [] }
    if (session.isTimingOut()) return [user, { pages }]
    session.update({ pages: [...pages, page ?? ''] })
    return undefined
  },
).timeout('1s')

const ended = context
  .createDirectStream('clicks', textPairs, { startingOffsets: 'earliest' })
  .mapToPair(([user, page]): [string, string] => [user ?? 'nobody', page ?? ''])
  .mapWithState(spec, { name: 'open-sessions' })

ended.toTopic('sessions', ([user, session]) => ({ key: user, value: JSON.stringify(session) }))
ended.foreachRDD(async (rdd) => {
  for await (const [user, { pages }] of rdd) console.log(`${user}: ${pages.join(' > ')}`)
})
await context.start()

const producer = new kafkajs.Kafka({ brokers: [broker.bootstrapServers] }).producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
for (const [key, value] of [
  ['ada', '/'],
  ['grace', '/docs'],
  ['ada', '/cart'],
  ['ada', '/paid'],
] as const) {
  await producer.send({ topic: 'clicks', messages: [{ key, value }] })
}
await producer.disconnect()

await context.awaitTerminationOrTimeout('2500ms')
await context.stop({ graceful: true })
