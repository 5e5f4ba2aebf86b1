// The faulty disk must lose what it may, and nothing else; and it must really lose it, or the tests that
// lean on it prove nothing.

import { describe, expect, test } from 'vitest'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { Random, seeds } from '../world/random.ts'

function storageWith(seed: number): FaultyStorage {
  return new FaultyStorage(new Random(seed))
}

/** How many of 200 power cuts had an outcome. */
async function countCrashes(outcome: (seed: number) => Promise<boolean>): Promise<number> {
  const outcomes = await Promise.all(seeds(1, 200).map(outcome))
  return outcomes.filter(Boolean).length
}

async function withSynced(seed: number, content: Buffer): Promise<FaultyStorage> {
  const storage = storageWith(seed)
  const file = storage.open('a', { create: true })
  file.append([content])
  await file.sync()
  await storage.syncDirectory('')
  return storage
}

describe('a power cut', () => {
  test('takes nothing that was synced under a synced name', async () => {
    const content = new Random(7).bytes(3000)
    const kept = await countCrashes(async (seed) => {
      const storage = await withSynced(seed, content)
      const file = storage.open('a')
      file.append([new Random(seed).bytes(3000)])
      storage.crash()
      return storage.readFile('a')?.subarray(0, 3000).equals(content) === true
    })
    expect(kept).toBe(200)
  })

  test('loses, tears, punches holes into and reorders what was not synced', async () => {
    const first = Buffer.alloc(2048, 1)
    const second = Buffer.alloc(2048, 2)
    const seen = { whole: 0, nothing: 0, short: 0, hole: 0, reordered: 0, stale: 0 }
    for (const seed of seeds(1, 200)) {
      const storage = await withSynced(seed, Buffer.alloc(0))
      const file = storage.open('a')
      file.append([first])
      file.append([second])
      storage.crash()
      const found = storage.readFile('a') as Buffer
      if (found.equals(Buffer.concat([first, second]))) seen.whole++
      if (found.length === 0) seen.nothing++
      if (found.length > 0 && found.length < 4096) seen.short++
      if (found.includes(Buffer.alloc(512))) seen.hole++
      if (found.includes(Buffer.alloc(512, 2)) && !found.subarray(0, 2048).equals(first)) seen.reordered++
      if (found.some((byte) => byte > 2)) seen.stale++
    }
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(5)
  })

  test('may take a name whose folder was not synced, whatever the file was', async () => {
    const lost = await countCrashes(async (seed) => {
      const storage = storageWith(seed)
      const file = storage.open('a', { create: true })
      file.append([Buffer.from('x')])
      await file.sync()
      storage.crash()
      return !storage.exists('a')
    })
    expect(lost).toBeGreaterThan(50)
    expect(lost).toBeLessThan(150)
  })

  test('may undo a rename, and never halves it', async () => {
    const undone = await countCrashes(async (seed) => {
      const storage = await withSynced(seed, Buffer.from('old'))
      const aside = storage.open('a.tmp', { create: true })
      aside.append([Buffer.from('new')])
      await aside.sync()
      storage.rename('a.tmp', 'a')
      storage.crash()
      const text = storage.readFile('a')?.toString()
      expect(['old', 'new']).toContain(text)
      expect(text === 'new' && storage.exists('a.tmp')).toBe(false)
      return text === 'old'
    })
    expect(undone).toBeGreaterThan(50)
  })

  test('leaves what replaceFile replaced either old or new, and new once it has resolved', async () => {
    for (const seed of seeds(1, 50)) {
      const storage = await withSynced(seed, Buffer.from('old'))
      await storage.replaceFile('a', Buffer.from('new'))
      storage.replaceFileUnsynced('b', Buffer.from('b'))
      storage.crash()
      expect(storage.readFile('a')?.toString()).toBe('new')
    }
  })

  test('ends handles, held syncs and the lock', async () => {
    const storage = storageWith(1)
    storage.lock()
    storage.holdSyncs = true
    const file = storage.open('a', { create: true })
    const synced = file.sync()
    storage.crash()
    await expect(synced).rejects.toThrow('power was cut')
    expect(() => file.read(Buffer.alloc(1), 0, 1, 0)).toThrow('power was cut')
    storage.lock()
  })

  test('is the same for the same seed', () => {
    const found = [1, 1].map((seed) => {
      const storage = storageWith(seed)
      storage.open('a', { create: true }).append([new Random(2).bytes(9000)])
      storage.crash()
      return storage.readFile('a')?.toString('hex')
    })
    expect(found[0]).toBe(found[1])
  })
})

describe('failures to order', () => {
  test('an append that fails leaves the file as it was', () => {
    const storage = storageWith(1)
    const file = storage.open('a', { create: true })
    file.append([Buffer.from('x')])
    storage.failNext('append', 'ENOSPC', { nth: 2 })
    file.append([Buffer.from('y')])
    expect(() => file.append([Buffer.from('z')])).toThrow('ENOSPC')
    expect(storage.readFile('a')?.toString()).toBe('xy')
    file.append([Buffer.from('z')])
    expect(storage.readFile('a')?.toString()).toBe('xyz')
  })

  test('a sticky failure stays until it is cleared', () => {
    const storage = storageWith(1)
    storage.failNext('open', 'EIO', { sticky: true })
    expect(() => storage.open('a', { create: true })).toThrow('EIO')
    expect(() => storage.open('a', { create: true })).toThrow('EIO')
    storage.clearFaults()
    storage.open('a', { create: true })
  })

  test('a failed sync breaks the file; the bytes read back, and no later sync saves them', async () => {
    const storage = await withSynced(1, Buffer.from('safe'))
    const file = storage.open('a')
    file.append([Buffer.from('lost')])
    storage.failNext('sync')
    await expect(file.sync()).rejects.toThrow('EIO')
    await expect(file.sync()).rejects.toThrow('EIO')
    expect(() => file.append([Buffer.from('more')])).toThrow('EIO')
    expect(storage.readFile('a')?.toString()).toBe('safelost')
    await storage.open('a').sync()
    storage.crash()
    expect(storage.readFile('a')?.equals(Buffer.from('safe\0\0\0\0'))).toBe(true)
  })

  test('a sync covers what was written before it began, not what came meanwhile', async () => {
    const lost = await countCrashes(async (seed) => {
      const storage = await withSynced(seed, Buffer.alloc(0))
      storage.holdSyncs = true
      const file = storage.open('a')
      file.append([Buffer.from('before')])
      const synced = file.sync()
      file.append([Buffer.from('meanwhile')])
      storage.finishSyncs()
      await synced
      storage.crash()
      const text = storage.readFile('a')?.toString() as string
      expect(text.startsWith('before')).toBe(true)
      return text !== 'beforemeanwhile'
    })
    expect(lost).toBeGreaterThan(20)
  })
})
