// Rows that come from another worker before this one has heard of their batch: they wait, on disk too, and are whole when
// the batch before has been forgotten meanwhile.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CallingThreadExecutor } from '../../../../processor/executor/calling-thread.ts'
import { Exchange } from '../../../../processor/executor/workers/exchange.ts'
import { takeAll } from '../../../../processor/rdd/dataset.ts'
import { SpillSpace } from '../../../../processor/rdd/spill-space.ts'
import { canTell, spillFilesOpen } from '../../spill-files.ts'

let localDir: string

beforeEach(() => {
  localDir = mkdtempSync(join(tmpdir(), 'logmill-exchange-'))
})

afterEach(() => {
  rmSync(localDir, { recursive: true })
})

/** Two workers, whose shuffles hold nothing in memory. */
function newWorkers() {
  const { port1, port2 } = new MessageChannel()
  const spills = [0, 1].map(() => new SpillSpace({ shuffleMemoryInBytes: 1, localDir })) as [
    SpillSpace,
    SpillSpace,
  ]
  return {
    spills,
    quick: new Exchange(0, [undefined, port1], spills[0]),
    slow: new Exchange(1, [port2, undefined], spills[1]),
    run: new CallingThreadExecutor({ spills: spills[1] }),
    close: () => port1.close(),
  }
}

test('what comes before its batch begins here outlives the batch before', async () => {
  const { spills, quick, slow, run, close } = newWorkers()
  try {
    spills[1].begin(1000)
    slow.begins(1)
    quick.begins(2)
    const given = quick.begin<string>('words')
    for (const word of ['a', 'b']) given.give(1, word)
    void given.shares()
    // Both messages are there, and the slow one ends the batch before.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    spills[1].keepOnly(new Set())
    spills[1].begin(2000)
    slow.begins(2)
    const taking = slow.begin<string>('words')
    taking.give(1, 'mine')
    const words: string[] = []
    await takeAll(taking, run, (word) => void words.push(word))
    expect(words).toEqual(['a', 'b', 'mine'])
    spills[1].keepOnly(new Set())
    expect(spillFilesOpen(localDir)).toBe(0)
  } finally {
    close()
  }
})

test('what a batch that failed had not read is gone when it runs again', async () => {
  const { spills, quick, slow, run, close } = newWorkers()
  try {
    spills[1].begin(1000)
    slow.begins(1)
    quick.begins(1)
    const given = quick.begin<string>('words')
    given.give(1, 'poison')
    void given.shares()
    const failing = takeAll(slow.begin<string>('words'), run, (word) => {
      throw new Error(word)
    })
    await expect(failing).rejects.toThrow('poison')
    if (canTell) expect(spillFilesOpen(localDir)).toBe(1)
    slow.begins(2)
    expect(spillFilesOpen(localDir)).toBe(0)
  } finally {
    close()
  }
})
