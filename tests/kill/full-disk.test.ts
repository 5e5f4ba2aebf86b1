// The disk refuses to write, again and again: no room is left on the file system that log, checkpoint and files are
// on. The broker says so and takes records when there is room again; the job goes on then, or has ended by an error
// that names the disk, and the next start has everything once.
//
//   LOGMILL_POWER_CYCLES=50 npm run test:kill         the whole thing (3 by default; root only)
//   LOGMILL_KILL_SEED=…                               the same moments again

import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BatchContext } from '../../streaming.ts'
import { Random } from '../world/random.ts'
import { CutFileSystem, whyNoCuts } from './cut-file-system.ts'
import { Life, live } from './life.ts'

const times = Number(process.env.LOGMILL_POWER_CYCLES ?? 3)
const seed = Number(process.env.LOGMILL_KILL_SEED ?? Math.floor(Math.random() * 2 ** 31))
const MOST_LEFT_BYTES = 1024 * 1024

const obstacle = whyNoCuts()
const skipped = obstacle === undefined ? '' : ` (${obstacle.reason})`

test.skipIf(obstacle !== undefined)(
  `a disk that is full ${times} times loses and doubles nothing${skipped}`,
  { timeout: 300_000 + times * 20_000 },
  async () => {
    const disk = new CutFileSystem()
    process.once('exit', () => disk.remove())
    const random = new Random(seed)
    const dataDir = join(disk.mountPoint, 'data')
    const life = new Life({ seed, hasJob: true, recordsPerSecond: 8000, dataDir, losesPower: true })
    let fulls = 0
    const reasons: string[] = []
    try {
      await live(
        life,
        () => `seed ${seed}, full ${fulls} times`,
        async () => {
          let victim = await life.begin()
          for (; fulls < times; fulls++) {
            await victim.untilSaid('jobStarted')
            await after(random.below(600))
            disk.fill(random.below(MOST_LEFT_BYTES))
            await victim.running.waitFor('refusal', ({ stderr }) => /ENOSPC/.test(stderr) || undefined)
            await after(random.below(500))
            if (random.chance(0.3)) await victim.kill()
            disk.makeRoom()
            if (victim.isAlive) {
              // Without a restart: what there was no room for is taken now.
              await life.untilMoreIsAcknowledged()
              await life.untilMoreIsCounted(victim)
              await (random.chance(0.5) ? victim.kill() : victim.stop())
            }
            for (const reason of victim.said<string>('jobFailed')) {
              expect(reason).toMatch(/ENOSPC|[Nn]o space left|no room/)
              reasons.push(reason.split('\n')[0] as string)
            }
            victim = await life.restart()
            await life.check(victim)
          }
          await life.finish(victim)
        },
      )
    } finally {
      disk.remove()
    }
    const { input, outputs } = life.checker
    console.log(
      `seed ${seed}: full ${times} times, ${input.ackedCount} records, ${outputs.totals.recordCount} of output,`,
      `the job ended ${reasons.length} times:`,
      reasons,
    )
    expect(outputs.totals.recordCount).toBeGreaterThan(0)
  },
)

test.skipIf(obstacle !== undefined)(
  `a folder that there is no room for is refused as that${skipped}`,
  async () => {
    const disk = new CutFileSystem()
    process.once('exit', () => disk.remove())
    try {
      disk.fill(0)
      const rows = new BatchContext().parallelize(['a'])
      // One folder to make, and two.
      for (const path of ['rows', 'of/rows'])
        await expect(rows.saveAsTextFile(join(disk.mountPoint, path))).rejects.toThrow(/ENOSPC/)
    } finally {
      disk.remove()
    }
  },
)
