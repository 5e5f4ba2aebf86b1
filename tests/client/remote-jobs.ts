// A job whose rows come from a Kafka elsewhere, from files and from a receiver, with worker threads: one module,
// loaded by the driver and by every worker.

import { join } from 'node:path'
import { connectKafka, Receiver, type StreamingContext, textValues } from '../../streaming.ts'

class Nothing extends Receiver<string> {
  onStart(): void {
    void this.store('received')
  }
  onStop(): void {}
}

export interface RemoteJob {
  readonly bootstrapServers: string
  readonly directory: string
}

export default function build(ssc: StreamingContext, { bootstrapServers, directory }: RemoteJob): void {
  const kafka = connectKafka({ bootstrapServers, pollMs: 5 })
  const close = () => kafka.close()
  ssc.awaitTermination().then(close, close)
  const far = ssc.createDirectStream('far', textValues, { startingOffsets: 'earliest', broker: kafka })
  const files = ssc.textFileStream(join(directory, 'in'))
  const received = ssc.receiverStream(new Nothing(), { name: 'received', blockInterval: 5 })
  ssc
    .union([far, files, received])
    .map((line) => line.toUpperCase())
    .toTopic('out', (value) => ({ key: value, value }))
}
