import { expect, test } from 'vitest'
import { javaHash, partitionForHash } from '../../broker/coordinator/java-hash.ts'

// Values of java.lang.String.hashCode.
test.each([
  ['', 0],
  ['a', 97],
  ['hello', 99162322],
  ['The quick brown fox jumps over the lazy dog', -609428141],
  ['polygenelubricants', -2147483648],
])('javaHash(%j) is %i', (text, hash) => {
  expect(javaHash(text)).toBe(hash)
})

test('a hash without a positive counterpart goes to partition 0, a negative one to its absolute value', () => {
  expect(partitionForHash('polygenelubricants', 50)).toBe(0)
  expect(partitionForHash('The quick brown fox jumps over the lazy dog', 50)).toBe(609428141 % 50)
  expect(() => partitionForHash('a', 0)).toThrow('0 partitions')
})
