// A program: producers (producer.ts) that outlive the broker, and a file that the broker never sees, in which
// stands what was acknowledged. Ends when its standard input ends, after everything sent has been acknowledged.
//
//   loader.ts BOOTSTRAP SEED ACK_FILE PRODUCERS RECORDS_PER_SECOND
//
// Any answer that an idempotent producer must never get ends it with exit code 1 and the reason.

import { openSync, writeSync } from 'node:fs'
import { formatAck } from './load.ts'
import { Fatal, Producer } from './producer.ts'

const [bootstrap = '', seed = '', ackFile = '', count = '', rate = ''] = process.argv.slice(2)
const ackFd = openSync(ackFile, 'a')
const producers = Array.from(
  { length: Number(count) },
  (_, producer) =>
    new Producer({
      bootstrap,
      seed: Number(seed),
      producer,
      recordsPerSecond: Number(rate) / Number(count),
      onAck: (ack) => writeSync(ackFd, formatAck(ack)),
    }),
)
process.stdin.resume()
process.stdin.on('end', () => {
  for (const producer of producers) producer.end()
})
try {
  await Promise.all(producers.map((producer) => producer.run()))
} catch (error) {
  console.error(`loader: ${error instanceof Fatal ? error.message : (error as Error).stack}`)
  process.exit(1)
}
