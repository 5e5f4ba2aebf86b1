// A web server's access log, joined with data that does not stream: who owns a path. Each batch is joined with
// the table as it is when the batch runs, so it can be replaced while the job goes on.

import kafkajs from 'kafkajs'
import { startBroker } from '../index.ts'
import { StreamingContext, textValues } from '../streaming.ts'

const LOG = [
  '10.0.0.1 - - [28/Nov/2026:09:00:01 +0000] "GET /cart HTTP/1.1" 200 512',
  '10.0.0.2 - - [28/Nov/2026:09:00:01 +0000] "GET /search HTTP/1.1" 500 87',
  '10.0.0.1 - - [28/Nov/2026:09:00:02 +0000] "POST /cart HTTP/1.1" 201 64',
  '10.0.0.3 - - [28/Nov/2026:09:00:02 +0000] "GET /search HTTP/1.1" 200 9041',
  '10.0.0.3 - - [28/Nov/2026:09:00:03 +0000] "GET /favicon.ico HTTP/1.1" 404 0',
  'not a line of a log',
]
const LINE = /^\S+ \S+ \S+ \[[^\]]+\] "\S+ (\/[^/ ]*)\S* [^"]*" (\d{3}) \d+$/

/** Which team answers for which first part of a path. */
const owners: readonly (readonly [string, string])[] = [
  ['/cart', 'checkout'],
  ['/search', 'discovery'],
]

interface Hits {
  requests: number
  errors: number
}

await using broker = await startBroker({ topics: { 'access-log': { partitions: 1 }, 'team-hits': {} } })
const context = new StreamingContext({ appName: 'access-log', broker, trigger: 'asap' })

const hits = context
  .createDirectStream('access-log', textValues, { startingOffsets: 'earliest' })
  .flatMap((line) => {
    const match = LINE.exec(line)
    return match === null ? [] : [{ path: match[1] as string, status: Number(match[2]) }]
  })
  .mapToPair(({ path, status }): [string, Hits] => [path, { requests: 1, errors: status >= 500 ? 1 : 0 }])
  .reduceByKey((a, b) => ({ requests: a.requests + b.requests, errors: a.errors + b.errors }))

const hitsOfTeams = hits.transformToPair((rdd) =>
  rdd
    .leftOuterJoin(context.parallelize(owners))
    .mapToPair(([, [counts, team = 'nobody']]): [string, Hits] => [team, counts])
    .reduceByKey((a, b) => ({ requests: a.requests + b.requests, errors: a.errors + b.errors })),
)
hitsOfTeams.toTopic('team-hits', ([team, counts]) => ({ key: team, value: JSON.stringify(counts) }))
hitsOfTeams.foreachRDD(async (rdd) => {
  for await (const [team, { requests, errors }] of rdd) {
    console.log(`${team}: ${requests} requests, ${errors} errors`)
  }
})
await context.start()

const producer = new kafkajs.Kafka({ brokers: [broker.bootstrapServers] }).producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
await producer.send({ topic: 'access-log', messages: LOG.map((value) => ({ value })) })
await producer.disconnect()
await context.stop({ graceful: true })
