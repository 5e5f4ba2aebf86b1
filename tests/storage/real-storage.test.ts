// What only a real disk has: permissions, links, other processes.

import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDirectory } from '../../broker/storage/real-storage.ts'
import { StorageError } from '../../broker/storage/storage.ts'
import { programPath } from '../world/programs.ts'

let scratch: string
let root: string

beforeEach(() => {
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'logmill-real-'))
  root = path.join(scratch, 'data')
})
afterEach(() => fs.rmSync(scratch, { recursive: true, force: true }))

describe('permissions and links', () => {
  test('folders are the owner’s alone, files too', () => {
    const storage = openDirectory(root)
    storage.makeDirectory('orders-0')
    storage.open('orders-0/a', { create: true }).close()
    const mode = (file: string) => fs.statSync(path.join(root, file)).mode & 0o777
    expect([mode(''), mode('orders-0'), mode('orders-0/a')]).toEqual([0o700, 0o700, 0o600])
  })

  test('a link is not followed: not as a file, not as a folder', () => {
    const storage = openDirectory(root)
    fs.writeFileSync(path.join(scratch, 'secret'), 'secret')
    fs.symlinkSync(path.join(scratch, 'secret'), path.join(root, 'link'))
    fs.symlinkSync(scratch, path.join(root, 'folder'))
    expect(() => storage.open('link')).toThrow(StorageError)
    expect(() => storage.open('link', { create: true })).toThrow(StorageError)
    expect(() => storage.readFile('link')).toThrow(StorageError)
    expect(() => storage.makeDirectory('folder')).toThrow(StorageError)
    expect(() => storage.open('folder/secret')).toThrow(StorageError)
    expect(() => storage.list('folder')).toThrow(StorageError)
  })
})

describe('the lock', () => {
  test('is refused to the same process, naming it', () => {
    const first = openDirectory(root)
    const second = openDirectory(root)
    first.lock()
    expect(() => second.lock()).toThrow(`in use by process ${process.pid}`)
    first.close()
    second.lock()
    expect(() => first.lock()).toThrow(`in use by process ${process.pid}`)
    second.close()
  })

  test('is refused to another process, naming the holder', () => {
    const storage = openDirectory(root)
    storage.lock()
    expect(lockInOtherProcess()).toContain(`in use by process ${process.pid}`)
    storage.close()
    expect(lockInOtherProcess()).toBe('locked')
  })

  test('of a killed process is taken over', async () => {
    const holder = spawnHolder()
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    expect(() => openDirectory(root).lock()).toThrow(`in use by process ${holder.pid}`)
    const ended = new Promise((resolve) => holder.once('exit', resolve))
    holder.kill('SIGKILL')
    await ended
    const storage = openDirectory(root)
    storage.lock()
    storage.close()
  })

  test('of a process whose number another one has now is taken over', () => {
    const first = openDirectory(root)
    first.lock()
    const claim = path.join(root, '.logmill-lock.1')
    const stale = { ...JSON.parse(fs.readFileSync(claim, 'utf8')), pid: process.ppid }
    fs.writeFileSync(claim, JSON.stringify(stale))
    openDirectory(root).lock()
  })

  test('an unreadable claim is what a power cut left, and holds nobody up', () => {
    fs.mkdirSync(root, { recursive: true })
    fs.writeFileSync(path.join(root, '.logmill-lock.7'), '')
    const storage = openDirectory(root)
    storage.lock()
    expect(fs.readdirSync(root).filter((name) => name.startsWith('.logmill-lock'))).toEqual([
      '.logmill-lock.8',
    ])
    storage.close()
  })

  test('of many that find a dead holder exactly one gets it', async () => {
    const holder = spawnHolder()
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    const ended = new Promise((resolve) => holder.once('exit', resolve))
    holder.kill('SIGKILL')
    await ended
    const rivals = Array.from({ length: 4 }, spawnHolder)
    const answers = await Promise.all(
      rivals.map(
        (rival) =>
          new Promise<string>((resolve) => rival.stdout.once('data', (text) => resolve(String(text).trim()))),
      ),
    )
    const gone = rivals.map((rival) => new Promise((resolve) => rival.once('exit', resolve)))
    for (const rival of rivals) rival.kill('SIGKILL')
    await Promise.all(gone)
    expect(answers.filter((answer) => answer === 'locked').length).toBe(1)
    expect(answers.filter((answer) => answer.includes('in use by process')).length).toBe(3)
  })

  const program = (andStay: boolean) => `
    const { openDirectory } = await import(${JSON.stringify(programPath('broker/storage/real-storage.ts'))})
    try { openDirectory(${JSON.stringify(root)}).lock(); console.log('locked') } catch (error) { console.log(error.message) }
    ${andStay ? 'process.stdin.resume()' : ''}
  `
  const nodeArguments = (andStay: boolean) => ['--input-type=module', '--eval', program(andStay)]

  function lockInOtherProcess(): string {
    return execFileSync(process.execPath, nodeArguments(false), { encoding: 'utf8' }).trim()
  }

  function spawnHolder() {
    return spawn(process.execPath, nodeArguments(true), { stdio: ['pipe', 'pipe', 'inherit'] })
  }
})
