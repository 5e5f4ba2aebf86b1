import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll } from 'vitest'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { openDirectory } from '../../broker/storage/real-storage.ts'
import { storageSuite } from '../suites/storage-suite.ts'
import { Random } from '../world/random.ts'

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'logmill-storage-'))
let made = 0
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

storageSuite('memory', () => new MemoryStorage())
storageSuite('faulty', () => new FaultyStorage(new Random(1)))
storageSuite('real', () => openDirectory(path.join(scratch, String(made++))))
