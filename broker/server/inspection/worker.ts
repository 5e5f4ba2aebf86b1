// The thread of thread.ts: inspects one batch after the other, as they come.

import { parentPort } from 'node:worker_threads'
import { inspectBatch } from '../../partition/prepare-batch.ts'
import type { Asked, Told } from './thread.ts'

parentPort?.on('message', ({ id, bytes, config, nowMs }: Asked) => {
  const records = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const inspection = inspectBatch(records, config, { nowMs, fromClient: true })
  const told: Told =
    'errorCode' in inspection
      ? { id, refused: inspection }
      : {
          id,
          facts: inspection.facts,
          // Whoever asks has the same bytes.
          ...(inspection.stored === records ? {} : { stored: inspection.stored }),
        }
  parentPort?.postMessage(told)
})
