// The planting itself: it reaches the line, and fails where it would prove nothing.

import { expect, test } from 'vitest'
import { javaHash } from '../../broker/coordinator/java-hash.ts'
import { objection, planted } from './plant.ts'

const file = 'broker/coordinator/java-hash.ts'
const line = 'Math.imul(hash, 31)'
type JavaHash = typeof import('../../broker/coordinator/java-hash.ts')
type Group = typeof import('../../broker/coordinator/group/group-coordinator.ts')

test('a planted line counts in the copy alone', async () => {
  const copy = await planted<JavaHash>(import.meta.dirname, '../../broker/coordinator/java-hash.ts', {
    file,
    line,
    becomes: 'Math.imul(hash, 1)',
  })
  expect(copy.javaHash('ab')).toBe(97 + 98)
  expect(javaHash('ab')).toBe(97 * 31 + 98)
})

test('it reaches what the module imports, however far down', async () => {
  const plant = { file, line: '% partitionCount', becomes: '% 1' }
  const module = '../../broker/coordinator/group/group-coordinator.ts'
  const { GroupCoordinator } = await planted<Group>(import.meta.dirname, module, plant)
  const coordinator = new GroupCoordinator({ partitionCount: 50, metadata: { version: 0n } } as never)
  expect(coordinator.partitionFor('g')).toBe(0)
})

test('a line that is gone, or not the only one, fails', async () => {
  const plant = (line: string) =>
    planted(import.meta.dirname, '../../broker/coordinator/java-hash.ts', { file, line, becomes: '' })
  await expect(plant('a line that nobody wrote')).rejects.toThrow('0 times')
  await expect(plant('hash')).rejects.toThrow(/\d+ times/)
})

test('a file that the module does not load fails', async () => {
  const plant = { file, line, becomes: '0' }
  await expect(planted(import.meta.dirname, './random.ts', plant)).rejects.toThrow('does not load')
})

test('the first objection is told, and that there was none', async () => {
  const run = (seed: number): void => {
    if (seed === 3) throw new Error('seed 3 minds')
  }
  expect(await objection(5, run)).toBe('seed 3 minds')
  expect(await objection(2, run)).toBe('nothing')
})
