// A planted bug: one line of the product becomes another while a test loads it, to show that the test would
// notice. The product holds none of them; a plant whose line is gone fails, so it cannot rot unseen.
//
//   const { World } = await planted<typeof import('../simulation/…/world.ts')>(import.meta.dirname, './…/world.ts', {
//     file: 'broker/coordinator/transaction/transaction-machine.ts',
//     line: 'if (known.producerEpoch !== command.producerEpoch)',
//     becomes: 'if (known.producerEpoch < command.producerEpoch)',
//   })
//
// The module is loaded anew for each plant, and so is all of ours between it and the file of the plant: the copy has
// classes of its own there, whatever the test imports by itself. Compare names and texts, never classes.

import { resolve } from 'node:path'
import { PLANTED, type Plant, plantedId } from './plant-plugin.ts'

export type { Plant } from './plant-plugin.ts'

/** `module` is seen from `folder`. Rejects where the line is gone, or the file is no part of the module. */
export async function planted<M>(folder: string, module: string, plant: Plant): Promise<M> {
  const id = plantedId(resolve(folder, module), plant)
  const marks = globalThis as { [PLANTED]?: string }
  delete marks[PLANTED]
  const loaded = (await import(/* @vite-ignore */ id)) as M
  if (marks[PLANTED] === undefined) throw new Error(`plant: ${module} does not load ${plant.file}`)
  return loaded
}

/** Runs worlds of rising seeds until one of them objects; what it says, or 'nothing'. */
export async function objection(seeds: number, run: (seed: number) => void | Promise<void>): Promise<string> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await run(seed)
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return 'nothing'
}
