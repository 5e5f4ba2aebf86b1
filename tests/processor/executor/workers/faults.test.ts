// What goes wrong in a worker is told as if it had gone wrong in the calling thread, and no thread outlives its job.

import { expect, test, vi } from 'vitest'
import { BatchError } from '../../../../processor/scheduler/errors.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import type { StreamingContextOptions } from '../../../../processor/streaming-context-options.ts'
import { ModelLog } from '../../model-log.ts'
import type { Fault } from './faulty-jobs.ts'

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

interface Faulty {
  readonly log: ModelLog
  readonly context: StreamingContext
  readonly warnings: string[]
}

type FaultyOptions = Partial<Pick<StreamingContextOptions, 'onPoison' | 'executors' | 'writeLine'>>

function newJob(fault: Fault, options: FaultyOptions = {}): Faulty {
  const log = new ModelLog()
  log.createTopic('lines', 1)
  log.createTopic('out', 1)
  log.produce('lines', 0, ['a', 'b', 'c', 'bad', 'd', 'a'])
  const warnings: string[] = []
  const context = new StreamingContext({
    appName: 'faulty',
    trigger: 'asap',
    broker: { logViews: log, output: log },
    executors: 2,
    job: new URL('./faulty-jobs.ts', import.meta.url),
    jobParameters: { fault },
    writeLine: () => {},
    warn: (message) => warnings.push(message),
    ...options,
  })
  return { log, context, warnings }
}

/** Every worker's port to the driver is one more thing that keeps the process alive. */
const ports = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
const portsBefore = ports()
const threads = () => ports() - portsBefore

async function ended(context: StreamingContext): Promise<unknown> {
  await context.start()
  return await context.awaitTermination().then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('a function that throws in a worker fails the batch with its operator and its record', async () => {
  const { log, context } = newJob('throws')
  const error = await ended(context)
  expect(error).toBeInstanceOf(BatchError)
  expect(error).toMatchObject({ batchId: 1, operator: 'checked' })
  expect((error as Error).message).toMatch(/checked: this line is bad/)
  expect(log.values('out')).toEqual([])
  expect(threads()).toBe(0)
})

test('an error that foreachRDD lets fall fails the batch all the same: the workers have given it up', async () => {
  const error = await ended(newJob('swallowed').context)
  expect(error).toBeInstanceOf(BatchError)
  expect((error as Error).message).toMatch(/mapToPair-1: this line is bad/)
})

test('a value that would lose its class on the way to another worker is refused by name', async () => {
  const error = await ended(newJob('instances').context)
  expect((error as Error).message).toMatch(
    /weights: an instance of Weight cannot .*go from one worker to another/,
  )
})

test('a job that is not the same in every thread is refused, naming the operator', async () => {
  const { context } = newJob('differs', { executors: 1 })
  await expect(context.start()).rejects.toThrow(
    /worker 0 has built 'filter-1' .* where the driver has 'toTopic-1'/,
  )
  expect(threads()).toBe(0)
})

test('partitioners that differ from thread to thread are refused as they differ', async () => {
  await expect(newJob('more places').context.start()).rejects.toThrow(
    /worker [01] has built 'lengths' \(groupByKey of 2, 3 partitions by Object\) where .*, 2 partitions by Object/,
  )
  const error = await ended(newJob('other places').context)
  expect(error).toMatchObject({ batchId: 1, operator: 'lengths' })
  expect((error as Error).message).toMatch(
    /lengths: partition [01] of key '(a|b|c|bad|d)' is another worker's: a partitioner must give every thread/,
  )
  expect(threads()).toBe(0)
})

test('a job that starts itself in a worker is refused', async () => {
  await expect(newJob('starts', { executors: 1 }).context.start()).rejects.toThrow(
    /it is started by whoever made the context/,
  )
  expect(threads()).toBe(0)
})

test('a stop that does not wait ends a long batch, and all its threads', async () => {
  const { context } = newJob('endless', { executors: 1 })
  let started = () => {}
  const running = new Promise<void>((resolve) => (started = resolve))
  context.addStreamingListener({ onOutputOperationStarted: () => started() })
  await context.start()
  expect(threads()).toBe(1)
  await running
  await context.stop()
  await context.awaitTermination()
  expect(threads()).toBe(0)
})

test('a worker that is busy when another one meets a poison record brings nothing of that run into the next', async () => {
  const written: string[] = []
  const { log, context } = newJob('slow', { onPoison: 'skip', writeLine: (line) => void written.push(line) })
  const slow = Array.from({ length: 12 }, () => 'slow')
  const completed = new Promise<void>((resolve) =>
    context.addStreamingListener({ onBatchCompleted: () => resolve() }),
  )
  log.produce('lines', 0, [...slow.map(() => 'quick'), ...slow])
  await context.start()
  await Promise.race([completed, context.awaitTermination()])
  await context.stop()
  await context.awaitTermination()
  const rows = written.filter((line) => line.startsWith('(')).sort()
  expect(rows).toEqual(['(a,2)', '(b,1)', '(c,1)', '(d,1)', '(quick,12)', '(slow,12)'])
  expect(threads()).toBe(0)
})

test('executors need a module, a number of threads, and one batch at a time', () => {
  const base = { appName: 'none', trigger: 'asap' } as const
  expect(() => new StreamingContext({ ...base, executors: 2 })).toThrow(/executors need a job/)
  expect(() => newJob('none', { executors: 0 })).toThrow(/executors must be a whole number above 0/)
  const job = new URL('./faulty-jobs.ts', import.meta.url)
  expect(() => new StreamingContext({ ...base, job, executors: 2, concurrentJobs: 2 })).toThrow(
    /concurrentJobs must be 1/,
  )
})

test('a module without a default export is no job', async () => {
  const job = 'data:text/javascript,export const build = 1'
  const context = new StreamingContext({ appName: 'none', trigger: 'asap', job })
  await expect(context.start()).rejects.toThrow(/has no default export that builds a job/)
  await expect(context.awaitTermination()).rejects.toThrow(/no default export/)
})
