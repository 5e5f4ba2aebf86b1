// Compressed text files: their lines are those of the file before it was packed, and a damaged one is named.

import fs, {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { compressZstd } from '../../../broker/protocol/record-batch/zstd.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { BatchContext } from '../../../processor/batch-context.ts'
import { compressed, textLines } from '../../../processor/sink/file-format.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { canTell, spillFilesOpen } from '../spill-files.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'logmill-packed-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, bytes: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}
const context = () => new BatchContext({ parallelism: 3 })

test.each([
  ['gzip', 'lines.gz', (text: string) => gzipSync(text)],
  [
    'gzip of several members',
    'lines.gz',
    (text: string) => {
      const middle = Math.floor(text.length / 2)
      return Buffer.concat([gzipSync(text.slice(0, middle)), gzipSync(text.slice(middle))])
    },
  ],
  ['deflate', 'lines.deflate', (text: string) => deflateSync(text)],
  ['zstd', 'lines.zst', (text: string) => compressZstd(Buffer.from(text))],
  [
    'zstd of several frames',
    'lines.zst',
    (text: string) => {
      const bytes = Buffer.from(text)
      return Buffer.concat([compressZstd(bytes.subarray(0, 99_999)), compressZstd(bytes.subarray(99_999))])
    },
  ],
])('%s: larger than a block, lines over its borders, whatever ends them', async (_, name, pack) => {
  const lines = Array.from({ length: 60_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 13)}`)
  const path = write(name, pack(`${lines.join('\r\n')}\nlast`))
  write('plain.txt', 'plain\n')
  const text = context().textFile(path)
  expect(await text.collect()).toEqual([...lines, 'last'])
  // And again: it can be read as often as it is asked for.
  expect(await text.count()).toBe(60_001)
  expect(await context().textFile(folder).count()).toBe(60_002)
  const whole = await context().wholeTextFiles(folder).collectAsMap()
  expect(whole.get(path)).toBe(`${lines.join('\r\n')}\nlast`)
  expect(whole.get(join(folder, 'plain.txt'))).toBe('plain\n')
})

test('what is damaged, cut off or no such file at all is named, and what cannot be unpacked is refused', async () => {
  const whole = gzipSync('some lines\n'.repeat(1000))
  const damaged = Buffer.from(whole)
  damaged[whole.length - 6] = (damaged[whole.length - 6] as number) ^ 1
  for (const [name, bytes] of [
    ['damaged.gz', damaged],
    ['cut.gz', whole.subarray(0, whole.length - 20)],
    ['text.gz', Buffer.from('just text\n')],
    ['empty.gz', Buffer.alloc(0)],
    // What follows may be rows: Node would say nothing of it.
    ['two.deflate', Buffer.concat([deflateSync('a\n'), deflateSync('b\n')])],
    ['long.deflate', Buffer.concat([deflateSync('a\n'), Buffer.alloc(200_000)])],
    ['padded.gz', Buffer.concat([gzipSync('a\n'), Buffer.alloc(10), gzipSync('b\n')])],
    ['text.zst', Buffer.from('just text\n')],
    ['empty.zst', Buffer.alloc(0)],
    ['cut.zst', compressZstd(Buffer.from('some lines\n'.repeat(1000))).subarray(0, 20)],
    ['long.zst', Buffer.concat([compressZstd(Buffer.from('a\n')), Buffer.alloc(3)])],
  ] as const) {
    const path = write(name, bytes)
    await expect(context().textFile(path).collect(), name).rejects.toThrow(`${path} cannot be unpacked: `)
    await expect(context().wholeTextFiles(path).collect(), name).rejects.toThrow(
      `${path} cannot be unpacked: `,
    )
  }
  const unknown = write('x.bz2', 'x')
  for (const read of [() => context().textFile(unknown), () => context().wholeTextFiles(unknown)]) {
    expect(read).toThrow(/x\.bz2: files of \.bz2 cannot be unpacked here/)
  }
})

test('a file that unpacks to more than the disk has room for is named before the disk is full', async () => {
  const path = write('bomb.gz', gzipSync(`${'x'.repeat(1023)}\n`.repeat(64 * 1024)))
  let asked = 0
  // It fills up while the file is unpacked.
  vi.spyOn(fs, 'statfsSync').mockImplementation((() => {
    return { bsize: 1024 * 1024, blocks: 1000, bavail: 100 - 17 * asked++ }
  }) as unknown as typeof fs.statfsSync)
  try {
    await expect(context().textFile(path).count()).rejects.toThrow(
      /bomb\.gz cannot be unpacked after \d{8} bytes: cannot write .*logmill-rows-.*bytes are free in .*, of which rows leave 52428800 to others/,
    )
    expect(asked).toBeGreaterThan(2)
  } finally {
    vi.restoreAllMocks()
  }
})

test.each([
  ['gzip', '.gz', gunzipSync],
  ['deflate', '.deflate', inflateSync],
] as const)(
  'an RDD is saved packed by %s, and read as it was; a part without rows is such a file too',
  async (compression, end, unpack) => {
    const directory = join(folder, 'saved')
    const rows = Array.from({ length: 50_000 }, (_, index) => `row ${index}`)
    await context()
      .parallelize(rows, 2)
      .union(context().parallelize<string>([], 1))
      .saveAsTextFile(directory, { compression })
    const parts = readdirSync(directory).sort()
    expect(parts).toEqual(['_SUCCESS', ...[0, 1, 2].map((part) => `part-0000${part}${end}`)])
    expect(unpack(readFileSync(join(directory, `part-00002${end}`))).length).toBe(0)
    expect(await context().textFile(directory).collect()).toEqual(rows)
    const wrong = { compression: 'zip' } as unknown as { compression: 'gzip' }
    await expect(async () =>
      context().parallelize(['a']).saveAsTextFile(join(folder, 'x'), wrong),
    ).rejects.toThrow(/'zip' is neither 'gzip' nor 'deflate'/)
  },
)

// 100 lines and 20, as zstd-jni 1.5.7 writes them: two frames that do not say their size, cut into blocks by flushes.
const STREAMED =
  'KLUv/QRYbAQA5ANsaW5lIDAKbGluZSAxMjM0NTY3ODkxMTExMTExMTEyMjIyMjIyMjIyMzMzMzMzMzMzMzQ0NDQ0NDQ0NDQ5CjAgkJPSA1nyzSzL' +
  'fJllmS+zWfJlNku+mWXJN7Ms82WWZb7MZsmX2Szlm8pMMkv0fBCZPWVxzNc8M4YsSxkU5AYbYtxghow7GBiCBvQF3AIAVANsNTU1NTU1NTU1NTY2' +
  'NjY2NjY2NjY3Nzc3Nzc3Nzc3ODg4ODg4ODg4ODk5OTk5OTk5OTk5CjJQAQA555xzzjnnnHPOOeecc84555xzzjnnnHPOOeecc85pBQEAAPjQHxko' +
  'tS/9BFglAgDwbGluZSAxMDAKMTIzNDU2Nzg5MTAxMjM0NTY3ODkKEwCACCAHCANEADlAGCACyAUEQWaACCAHCANEADlAGCACyGVWjiplkmo='

test('a .zst file that another program has streamed', async () => {
  const path = write('streamed.zst', Buffer.from(STREAMED, 'base64'))
  const lines = Array.from({ length: 120 }, (_, index) => `line ${index}`)
  expect(await context().textFile(path).collect()).toEqual(lines)
})

test('rows are packed while the event loop has its turn', async () => {
  const part = compressed(textLines(String), 'gzip').newPart()
  for (let row = 0; row < 1000; row++) part.add(`row ${row}`)
  let hadTurn = false
  setImmediate(() => (hadTurn = true))
  expect(gunzipSync(await part.take()).length).toBeGreaterThan(6000)
  expect(hadTurn).toBe(true)
})

test('a stream of files reads packed ones, and writes its batches packed', async () => {
  const clock = new ManualClock(1_000_000)
  const incoming = join(folder, 'in')
  mkdirSync(incoming)
  const job = new StreamingContext({ appName: 'packed', batchDuration: 1000, clock, warn: () => {} })
  const lines = job.textFileStream(incoming)
  lines
    .map((line) => line.toUpperCase())
    .saveAsTextFiles(join(folder, 'out'), { suffix: 'txt', compression: 'gzip' })
  await job.start()
  const done = new Promise<void>((resolve) => job.addStreamingListener({ onBatchCompleted: () => resolve() }))
  const put = (name: string, bytes: string | Uint8Array) => {
    writeFileSync(join(incoming, name), bytes)
    utimesSync(join(incoming, name), 1000.5, 1000.5)
  }
  put('a.gz', gzipSync('a\nb\n'))
  put('b.txt', 'c\n')
  clock.tick(1000)
  await done
  expect(await context().textFile(join(folder, 'out-1001000.txt')).collect()).toEqual(['A', 'B', 'C'])
  put('broken.gz', gzipSync('d\n').subarray(0, 12))
  clock.tick(1000)
  await expect(job.awaitTermination()).rejects.toThrow(/broken\.gz cannot be unpacked/)
})

test('however many packed files a batch has, they take one descriptor in localDir, until nothing asks for them again', async () => {
  const clock = new ManualClock(1_000_000)
  const incoming = join(folder, 'in')
  const localDir = join(folder, 'local')
  mkdirSync(incoming)
  mkdirSync(localDir)
  const job = new StreamingContext({
    appName: 'many',
    batchDuration: 1000,
    clock,
    localDir,
    warn: () => {},
  })
  const open: number[] = []
  const seen: string[][] = []
  const lines = job.textFileStream(incoming, { minRemember: 1000 })
  lines.foreachRDD(async (rdd) => {
    seen.push((await rdd.collect()).sort())
    open.push(spillFilesOpen(localDir))
  })
  await job.start()
  const nextBatch = async () => {
    const done = new Promise<void>((resolve) =>
      job.addStreamingListener({ onBatchCompleted: () => resolve() }),
    )
    clock.tick(1000)
    await done
  }
  const names = Array.from({ length: 20 }, (_, index) => `${String(index).padStart(2, '0')}.gz`)
  for (const name of names) {
    writeFileSync(join(incoming, name), gzipSync(`${name}\n`))
    utimesSync(join(incoming, name), 1000.5, 1000.5)
  }
  await nextBatch()
  expect(seen[0]).toEqual(names)
  if (canTell) expect(open).toEqual([1])
  await nextBatch()
  expect(spillFilesOpen(localDir)).toBe(0)
  await job.stop()
})
