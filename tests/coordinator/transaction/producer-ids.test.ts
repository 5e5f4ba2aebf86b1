import { expect, test } from 'vitest'
import { ProducerIdBlocks } from '../../../broker/coordinator/transaction/producer-ids.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'

test('ids follow each other through block after block, each given once, one block asked for at a time', async () => {
  let asked = 0
  const ids = new ProducerIdBlocks(() => {
    asked++
    // Another broker took the block in between.
    return Promise.resolve({ firstProducerId: BigInt(asked * 2_000), blockSize: 3 })
  })
  const given = await Promise.all(Array.from({ length: 7 }, () => ids.next()))
  expect(given).toEqual([2000n, 2001n, 2002n, 4000n, 4001n, 4002n, 6000n])
  expect(asked).toBe(3)
})

test('without a block the answer is retriable, and the next request asks again', async () => {
  let down = true
  const ids = new ProducerIdBlocks(() =>
    down
      ? Promise.reject(new Error('no controller'))
      : Promise.resolve({ firstProducerId: 0n, blockSize: 1000 }),
  )
  await expect(ids.next()).rejects.toMatchObject({
    errorCode: errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
    message: 'no block of producer ids: no controller',
  })
  down = false
  expect(await ids.next()).toBe(0n)
})

test.each([
  ['a block that was given before', { firstProducerId: 0n, blockSize: 2 }],
  ['a block without ids', { firstProducerId: 9n, blockSize: 0 }],
])('%s is a bug of the allocator, not an id', async (_, second) => {
  const blocks = [{ firstProducerId: 0n, blockSize: 2 }, second]
  const ids = new ProducerIdBlocks(() => Promise.resolve(blocks.shift() ?? second))
  expect([await ids.next(), await ids.next()]).toEqual([0n, 1n])
  await expect(ids.next()).rejects.toThrow('a block of')
})
