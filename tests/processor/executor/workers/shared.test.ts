// Broadcast values and accumulators mean in workers what they mean in one thread.

import { expect, test } from 'vitest'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { ModelLog } from '../../model-log.ts'
import { seen } from './shared-jobs.ts'

test('what workers add to accumulators is there when their rows are, and adds up over batches', async () => {
  const log = new ModelLog()
  log.createTopic('lines', 2)
  const context = new StreamingContext({
    appName: 'shared',
    trigger: 'asap',
    broker: { logViews: log, output: log },
    executors: 2,
    job: new URL('./shared-jobs.ts', import.meta.url),
  })
  let completed = () => {}
  context.addStreamingListener({ onBatchCompleted: () => completed() })
  for (const lines of [
    ['a', 'b', 'b', 'x'],
    ['y', 'a'],
  ]) {
    const done = new Promise<void>((resolve) => (completed = resolve))
    log.produce('lines', 0, lines)
    if (context.getState() === 'INITIALIZED') await context.start()
    await Promise.race([done, context.awaitTermination()])
  }
  await context.stop({ graceful: true })
  expect(seen).toEqual([
    [21, 1],
    [22, 2],
  ])
})
