// Which epoch wrote what, held against a list with one epoch per offset.

import { expect, test } from 'vitest'
import { LeaderEpochs } from '../../broker/partition/leader-epochs.ts'
import { Random, seeds } from '../world/random.ts'

test.each(seeds(1, 50))('epochs answer as a list of offsets does, seed %i', (seed) => {
  const random = new Random(seed)
  const epochs = new LeaderEpochs()
  let writtenBy: number[] = []
  let start = 0
  let leaderEpoch = 0
  for (let step = 0; step < 60; step++) {
    const kind = random.below(10)
    if (kind < 2) leaderEpoch += random.between(1, 3)
    else if (kind === 2) {
      const cut = random.between(start, writtenBy.length)
      writtenBy = writtenBy.slice(0, cut)
      epochs.truncateFromEnd(BigInt(cut))
    } else if (kind === 3) {
      start = random.between(start, writtenBy.length)
      epochs.truncateFromStart(BigInt(start))
    } else {
      epochs.assign(leaderEpoch, BigInt(writtenBy.length))
      writtenBy.push(leaderEpoch)
    }
    const say = `seed ${seed} step ${step}`
    for (let offset = start; offset < writtenBy.length; offset++) {
      expect(epochs.epochOf(BigInt(offset)), say).toBe(writtenBy[offset])
    }
    for (const epoch of new Set(writtenBy.slice(start))) {
      const end = writtenBy.findIndex((writer, offset) => offset >= start && writer > epoch)
      const endOffset = BigInt(end < 0 || epoch === leaderEpoch ? writtenBy.length : end)
      expect(epochs.endOffsetOf(epoch, leaderEpoch, BigInt(writtenBy.length)), say).toEqual({
        epoch,
        endOffset,
      })
    }
    expect(epochs.endOffsetOf(leaderEpoch + 1, leaderEpoch, 99n), say).toBeUndefined()
  }
})
