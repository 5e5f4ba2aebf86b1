// What every storage must do, asked of each in the same words: real disk, memory, faulty twin.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Storage, StorageFile } from '../../broker/storage/storage.ts'
import { StorageError } from '../../broker/storage/storage.ts'
import { Random, seeds } from '../world/random.ts'

export function storageSuite(name: string, makeStorage: () => Storage): void {
  describe(`${name} storage`, () => {
    let storage: Storage

    beforeEach(() => {
      storage = makeStorage()
    })

    function contentOf(file: StorageFile): Buffer {
      const bytes = Buffer.alloc(file.sizeInBytes)
      expect(file.read(bytes, 0, bytes.length, 0)).toBe(bytes.length)
      return bytes
    }

    describe('files', () => {
      test('what is appended is read, chunks in order', () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('one '), Buffer.from(''), Buffer.from('two ')])
        file.append([Buffer.from('three')])
        expect(file.sizeInBytes).toBe(13)
        expect(contentOf(file).toString()).toBe('one two three')
      })

      test('a read gives what there is of the range, into the place asked for', () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('0123456789')])
        const target = Buffer.from('----------')
        expect(file.read(target, 2, 4, 3)).toBe(4)
        expect(target.toString()).toBe('--3456----')
        expect(file.read(target, 0, 5, 8)).toBe(2)
        expect(file.read(target, 0, 5, 10)).toBe(0)
        expect(file.read(target, 0, 5, 99)).toBe(0)
        expect(() => file.read(target, 6, 5, 0)).toThrow('read of 5 bytes into place 6 of 10')
      })

      test('off the event loop the same is read', async () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('0123456789')])
        const target = Buffer.from('----------')
        expect(await file.readOffThread(target, 1, 9, 6)).toBe(4)
        expect(target.toString()).toBe('-6789-----')
      })

      test('later changes to an appended buffer are not seen', () => {
        const file = storage.open('a', { create: true })
        const bytes = Buffer.from('before')
        file.append([bytes])
        bytes.write('after!')
        expect(contentOf(file).toString()).toBe('before')
      })

      test('bytes are overwritten in place, never beyond the end', () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('0123456789')])
        file.writeAt(Buffer.from('ab'), 4)
        expect(contentOf(file).toString()).toBe('0123ab6789')
        expect(() => file.writeAt(Buffer.from('ab'), 9)).toThrow('overwrite of 2 bytes at 9, size 10')
        expect(contentOf(file).toString()).toBe('0123ab6789')
      })

      test('a truncated file goes on from its new end', () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('0123456789')])
        file.truncate(4)
        file.append([Buffer.from('xy')])
        expect(contentOf(file).toString()).toBe('0123xy')
        expect(() => file.truncate(7)).toThrow('truncate to 7, size 6')
      })

      test('a file that is opened again holds what it held', () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('kept')])
        file.close()
        expect(contentOf(storage.open('a')).toString()).toBe('kept')
        expect(contentOf(storage.open('a', { create: true })).toString()).toBe('kept')
      })

      test('a missing file is not opened unless it is to be made', () => {
        expect(() => storage.open('a')).toThrow(StorageError)
        expect(storage.exists('a')).toBe(false)
        storage.makeDirectory('d')
        expect(() => storage.open('d', { create: true })).toThrow(StorageError)
        expect(() => storage.open('none/a', { create: true })).toThrow(StorageError)
      })

      test('a closed file refuses', () => {
        const file = storage.open('a', { create: true })
        file.close()
        file.close()
        expect(() => file.append([Buffer.from('x')])).toThrow(StorageError)
        expect(() => file.read(Buffer.alloc(1), 0, 1, 0)).toThrow(StorageError)
      })

      test('sync resolves, also when the file is closed meanwhile', async () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('x')])
        const synced = file.sync()
        file.close()
        await synced
      })

      test.each(seeds(1, 20))('any run of operations equals the same on one buffer, seed %i', (seed) => {
        const random = new Random(seed)
        const file = storage.open('a', { create: true })
        let model = Buffer.alloc(0)
        for (let step = 0; step < 60; step++) {
          const what = random.below(10)
          if (what < 6) {
            const chunks = Array.from({ length: random.between(1, 3) }, () =>
              random.bytes(random.chance(0.05) ? random.below(400_000) : random.below(3000)),
            )
            file.append(chunks)
            model = Buffer.concat([model, ...chunks])
          } else if (what < 7) {
            const size = random.below(model.length + 1)
            file.truncate(size)
            model = model.subarray(0, size)
          } else if (what < 8 && model.length > 0) {
            const at = random.below(model.length)
            const bytes = random.bytes(random.between(0, Math.min(1000, model.length - at)))
            file.writeAt(bytes, at)
            model = Buffer.concat([model.subarray(0, at), bytes, model.subarray(at + bytes.length)])
          } else {
            const at = random.below(model.length + 10)
            const target = Buffer.alloc(random.below(5000))
            const count = file.read(target, 0, target.length, at)
            expect(
              target.subarray(0, count).equals(model.subarray(at, at + target.length)),
              `step ${step}`,
            ).toBe(true)
          }
          expect(file.sizeInBytes).toBe(model.length)
        }
        expect(contentOf(file).equals(model)).toBe(true)
      })
    })

    describe('names', () => {
      test('folders are made with all above them, and listed in order', () => {
        storage.makeDirectory('d/e')
        storage.makeDirectory('d/e')
        storage.open('d/b', { create: true })
        storage.open('d/a', { create: true })
        expect(storage.list('d')).toEqual([
          { name: 'a', isDirectory: false },
          { name: 'b', isDirectory: false },
          { name: 'e', isDirectory: true },
        ])
        expect(storage.list('none')).toEqual([])
        expect([storage.exists('d'), storage.exists('d/a'), storage.exists('d/z')]).toEqual([
          true,
          true,
          false,
        ])
      })

      test('a renamed file replaces what was there; a handle stays with its file', () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('a')])
        storage.open('b', { create: true }).append([Buffer.from('b')])
        storage.rename('a', 'b')
        file.append([Buffer.from('!')])
        expect(storage.exists('a')).toBe(false)
        expect(storage.readFile('b')?.toString()).toBe('a!')
        expect(() => storage.rename('a', 'c')).toThrow(StorageError)
      })

      test('a folder is renamed with all in it', () => {
        storage.makeDirectory('d')
        storage.open('d/a', { create: true }).append([Buffer.from('x')])
        storage.rename('d', 'e')
        expect(storage.exists('d')).toBe(false)
        expect(storage.readFile('e/a')?.toString()).toBe('x')
      })

      test('a removed file is still read by who has it open', () => {
        const file = storage.open('a', { create: true })
        file.append([Buffer.from('x')])
        storage.removeFile('a')
        expect(storage.exists('a')).toBe(false)
        expect(contentOf(file).toString()).toBe('x')
        expect(() => storage.removeFile('a')).toThrow(StorageError)
      })

      test('a folder is removed with all in it, twice without complaint', () => {
        storage.makeDirectory('d/e')
        storage.open('d/e/a', { create: true })
        storage.removeDirectory('d')
        storage.removeDirectory('d')
        expect(storage.exists('d')).toBe(false)
        expect(() => storage.removeDirectory('')).toThrow(StorageError)
      })

      test.each(['/etc/passwd', '../a', 'a/../../b', 'a//b', './a', 'a\\b', 'a\0b', '', 'x'.repeat(256)])(
        'path %j is refused',
        (path) => {
          expect(() => storage.open(path, { create: true })).toThrow(StorageError)
        },
      )
    })

    describe('whole files', () => {
      test('are replaced, synced or not', async () => {
        expect(storage.readFile('a')).toBeUndefined()
        await storage.replaceFile('a', Buffer.from('one'))
        expect(storage.readFile('a')?.toString()).toBe('one')
        storage.replaceFileUnsynced('a', Buffer.from('two'))
        expect(storage.readFile('a')?.toString()).toBe('two')
        expect(storage.list('').filter((entry) => !entry.isDirectory)).toEqual([
          { name: 'a', isDirectory: false },
        ])
      })

      test('of replacements under way the last one asked for wins', async () => {
        await Promise.all(['1', '2', '3'].map((text) => storage.replaceFile('a', Buffer.from(text))))
        expect(storage.readFile('a')?.toString()).toBe('3')
      })

      test('a folder can be synced, a missing one not', async () => {
        storage.makeDirectory('d')
        await storage.syncDirectory('d')
        await storage.syncDirectory('')
        await expect(storage.syncDirectory('none')).rejects.toThrow(StorageError)
      })
    })

    test('the lock is given once, and again after close', () => {
      storage.lock()
      storage.close()
      storage.lock()
      storage.close()
    })
  })
}
