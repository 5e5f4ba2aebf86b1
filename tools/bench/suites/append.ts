// Partition.append against writevSync of the same bytes: what the broker's own work costs on top of handing
// the bytes to the operating system. 'fsync' keeps 256 appends in flight and waits for the high watermark;
// its reference syncs once for as many writes.

import fs from 'node:fs'
import path from 'node:path'
import type { Durability } from '../../../broker/partition/partition-api.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { bars } from '../bars.ts'
import { buildBatches, type BatchShape } from '../batches.ts'
import type { Figure, Outcome } from '../figure.ts'
import { alternate, type Contestant, type Measured } from '../rounds.ts'
import { roundsOf, type SuiteContext } from '../suite.ts'
import { openWorkspace, type Workspace } from '../workspace.ts'

const SHAPES: readonly { name: string; shape: BatchShape }[] = [
  { name: '100 B records, batches of 1 MB', shape: { valueBytes: 100, records: 10_000 } },
  { name: '1 KB records, batches of 1 MB', shape: { valueBytes: 1024, records: 10_000 } },
  { name: '100 B records, batches of 10 KB', shape: { valueBytes: 100, records: 100 } },
]
const IN_FLIGHT = 256
const MB = 1e6
/** Written per turn at most, so that the kernel's write-back does not become what is measured. */
const LARGEST_TURN_BYTES = 160 * MB

export async function append(context: SuiteContext): Promise<Outcome[]> {
  const figures: Figure[] = []
  for (const { name, shape } of SHAPES) figures.push(...(await appendShape(context, name, shape)))
  return figures
}

async function appendShape(context: SuiteContext, name: string, shape: BatchShape): Promise<Figure[]> {
  const batches = buildBatches(shape, shape.records >= 10_000 ? 16 : 512, Date.now())
  const batchBytes = (batches[0] as Buffer).length
  const { rounds, turnMs } = roundsOf(context)
  const plain = new PlainFile(path.join(context.directory, 'plain'))
  const logs = new Map<Durability, Workspace>()
  let turn = 0
  let written = 0
  const take = (): Buffer => {
    const batch = batches[written++ % batches.length] as Buffer
    // An append has stamped it; producers send 0.
    batch.writeBigInt64BE(0n, 0)
    return batch
  }
  const full = (): boolean => written * batchBytes > LARGEST_TURN_BYTES
  const appendOne = (workspace: Workspace): number => {
    const batch = take()
    const { errorCode, errorMessage } = workspace.partition.append(batch, {
      nowMs: Date.now(),
      fromClient: true,
    })
    if (errorCode !== errorCodes.NONE) throw new Error(`append failed: ${errorCode} ${errorMessage}`)
    return batch.length
  }
  const acknowledged = (durability: Durability): Contestant => {
    return () => {
      let bytes = 0
      for (let i = 0; i < 16; i++) bytes += appendOne(logs.get(durability) as Workspace)
      return bytes
    }
  }
  const contestants: Record<'plain' | 'os' | 'memory' | 'plainSync' | 'fsync', Contestant> = {
    plain: () => {
      let bytes = 0
      for (let i = 0; i < 16; i++) bytes += plain.write(take())
      return bytes
    },
    os: acknowledged('os'),
    memory: acknowledged('memory'),
    plainSync: async () => {
      let bytes = 0
      for (let i = 0; i < IN_FLIGHT && !full(); i++) bytes += plain.write(take())
      await plain.sync()
      return bytes
    },
    fsync: async () => {
      const { partition } = logs.get('fsync') as Workspace
      let bytes = 0
      for (let i = 0; i < IN_FLIGHT && !full(); i++) bytes += appendOne(logs.get('fsync') as Workspace)
      const errorCode = await partition.whenCommitted(partition.endOffset - 1n)
      if (errorCode !== errorCodes.NONE) throw new Error(`commit failed: ${errorCode}`)
      return bytes
    },
  }
  let measured: Record<keyof typeof contestants, Measured>
  try {
    measured = await alternate(contestants, {
      rounds,
      turnMs: Math.min(turnMs, 60),
      prepare: async (key) => {
        written = 0
        plain.empty()
        for (const [durability, workspace] of logs) {
          await workspace.discard()
          logs.delete(durability)
        }
        if (key === 'os' || key === 'memory' || key === 'fsync') {
          logs.set(key, await openWorkspace(path.join(context.directory, `log-${turn++}`), key))
        }
      },
    })
  } finally {
    for (const workspace of logs.values()) await workspace.discard()
    plain.close()
  }
  const figure = (key: keyof typeof measured, reference: keyof typeof measured, label: string): Figure => ({
    suite: 'append',
    name: `${name}, ${label}`,
    unit: 'MB/s',
    better: 'more',
    value: measured[key].best / MB,
    reference: { name: REFERENCES[reference] ?? reference, value: measured[reference].best / MB },
    noise: measured[key].noise,
  })
  return [
    figure('os', 'plain', 'durability=os'),
    figure('memory', 'plain', 'memory'),
    figure('fsync', 'plainSync', 'durability=fsync, 256 in flight'),
    { ...figure('fsync', 'os', 'durability=fsync against os'), bar: bars.fsyncAgainstOs },
  ]
}

const REFERENCES: Record<string, string> = {
  plain: 'writevSync',
  plainSync: 'writevSync, one fdatasync for 256',
  os: 'durability=os',
}

class PlainFile {
  private readonly fd: number
  private position = 0

  constructor(file: string) {
    this.fd = fs.openSync(file, 'w')
  }

  write(batch: Buffer): number {
    const written = fs.writevSync(this.fd, [batch], this.position)
    if (written !== batch.length) throw new Error(`wrote ${written} of ${batch.length} bytes`)
    this.position += written
    return written
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.fd, (error) => (error ? reject(error) : resolve()))
    })
  }

  empty(): void {
    fs.ftruncateSync(this.fd, 0)
    this.position = 0
  }

  close(): void {
    fs.closeSync(this.fd)
  }
}
