// Where a worker thread begins: it loads the job's module, builds its graph and does what the driver asks for.

import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerStart } from './calls.ts'
import { serve } from './worker-side.ts'

if (parentPort === null) throw new Error('this module is the beginning of a worker thread')
serve(parentPort, (workerData as { start: WorkerStart }).start)
