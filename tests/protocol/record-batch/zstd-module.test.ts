// The WebAssembly build of zstd, where more than one logmill lives in the process and the package is there once.

import { expect, test } from 'vitest'
import { type ZstdModule, zstdModule } from '../../../broker/protocol/record-batch/zstd-module.ts'

type Loader = typeof import('../../../broker/protocol/record-batch/zstd-module.ts')

function compressed(zstd: ZstdModule, bytes: Buffer): number {
  const [source, target, room] = [zstd._malloc(bytes.length), zstd._malloc(100), 100]
  zstd.HEAPU8.set(bytes, source)
  const size = zstd._ZSTD_compress(target, room, source, bytes.length, 3)
  expect(Buffer.from(zstd.HEAPU8.subarray(target, target + 4))).toEqual(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))
  zstd._free(source)
  zstd._free(target)
  return size
}

test('a second copy of the loader leaves the first one whole', async () => {
  const bytes = Buffer.alloc(1000, 'row ')
  const first = zstdModule()
  const size = compressed(first, bytes)
  const again = '../../../broker/protocol/record-batch/zstd-module.ts?again'
  const second = ((await import(again)) as Loader).zstdModule()
  expect(compressed(second, bytes)).toBe(size)
  expect(compressed(first, bytes)).toBe(size)
})
