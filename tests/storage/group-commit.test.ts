// Group commit over a disk whose syncs are held until the test lets them finish.

import { beforeEach, expect, test } from 'vitest'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { GroupCommit } from '../../broker/storage/group-commit.ts'
import { type StorageFile, StorageError } from '../../broker/storage/storage.ts'
import { Random } from '../world/random.ts'

let storage: FaultyStorage
let commit: GroupCommit
let failures: string[]
let acked: string[]
let turns: (() => void)[]

beforeEach(() => {
  storage = new FaultyStorage(new Random(1))
  storage.holdSyncs = true
  failures = []
  acked = []
  turns = []
  commit = new GroupCommit({
    concurrency: 2,
    onFailure: (error) => failures.push(error.message),
    defer: (act) => turns.push(act),
    later: (act) => turns.push(act),
  })
})

function openFile(name: string): StorageFile {
  return storage.open(name, { create: true })
}

function append(file: StorageFile, name: string): void {
  file.append([Buffer.from(name)])
  commit.request(file, (size) => acked.push(`${name}@${size}`))
}

function endTurn(): void {
  for (const act of turns.splice(0)) act()
}

async function finishSyncs(count?: number): Promise<void> {
  storage.finishSyncs(count)
  await new Promise((resolve) => setImmediate(resolve))
}

test('appends of one turn share one sync and are told in order', async () => {
  const file = openFile('a')
  append(file, 'x')
  append(file, 'y')
  expect(storage.syncsHeld).toBe(0)
  endTurn()
  expect(storage.syncsHeld).toBe(1)
  expect(acked).toEqual([])
  await finishSyncs()
  expect(acked).toEqual(['x@2', 'y@2'])
})

test('what is appended while a sync is under way waits for the next one', async () => {
  const file = openFile('a')
  append(file, 'x')
  endTurn()
  append(file, 'y')
  append(file, 'z')
  endTurn()
  expect(storage.syncsHeld).toBe(1)
  await finishSyncs()
  expect(acked).toEqual(['x@1'])
  expect(storage.syncsHeld).toBe(1)
  await finishSyncs()
  expect(acked).toEqual(['x@1', 'y@3', 'z@3'])
})

test('no more files are synced at a time than allowed, and none is forgotten', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) append(openFile(name), name)
  endTurn()
  expect(storage.syncsHeld).toBe(2)
  await finishSyncs(1)
  expect(storage.syncsHeld).toBe(2)
  await finishSyncs()
  await finishSyncs()
  expect(acked).toEqual(['a@1', 'b@1', 'c@1', 'd@1', 'e@1'])
})

test('a failed sync is told once, and nothing is acknowledged any more', async () => {
  const file = openFile('a')
  const other = openFile('b')
  storage.failNext('sync', 'EIO')
  append(file, 'x')
  append(other, 'y')
  endTurn()
  append(file, 'z')
  await finishSyncs()
  append(other, 'w')
  endTurn()
  await finishSyncs()
  expect(failures).toEqual(['a: sync failed: EIO'])
  expect(acked).toEqual([])
  expect(commit.failure?.path).toBe('a')
  expect(storage.syncsHeld).toBe(0)
  await commit.idle()
})

test('a sync that could not begin is tried again, together with what has come since', async () => {
  const bytes = openFile('a')
  let refusals = 2
  const file = {
    path: 'a',
    get sizeInBytes() {
      return bytes.sizeInBytes
    },
    sync: () =>
      refusals-- > 0
        ? Promise.reject(new StorageError('a', 'too many open files', { isTemporary: true }))
        : bytes.sync(),
  }
  for (const name of ['x', 'y', 'z']) {
    bytes.append([Buffer.from(name)])
    commit.request(file, (size) => acked.push(`${name}@${size}`))
    endTurn()
    await finishSyncs()
    if (name !== 'z') expect(acked).toEqual([])
  }
  endTurn()
  await finishSyncs()
  expect([acked, failures]).toEqual([['x@3', 'y@3', 'z@3'], []])
  await commit.idle()
})

test('idle resolves when all has been told', async () => {
  let idle = false
  await commit.idle()
  append(openFile('a'), 'x')
  void commit.idle().then(() => {
    idle = true
  })
  endTurn()
  expect(idle).toBe(false)
  await finishSyncs()
  expect([idle, acked]).toEqual([true, ['x@1']])
})
