// Which batches of a produce are looked at before its turn, and where. No request may hold the event loop for more than
// 10 ms, and a kilobyte of compressed bytes may stand for a megabyte of records.
//
//   what a request may cost in one turn       ROOM_BYTES of decompressed records
//     within it                               looked at in this turn, as ever
//     many batches, each within it            looked at here, with other requests in between
//     one batch beyond it                     looked at in another thread (BatchInspection.elsewhere)
//
// What a compressed batch comes to is believed of nobody: it is decompressed up to the room there is, and what was found
// is kept for the append. The order of what waits is kept by produce-turns.ts.

import type { PartitionConfig } from '../../partition/partition-api.ts'
import { type Inspection, inspectBatch } from '../../partition/prepare-batch.ts'
import { codecOfTopic } from '../../partition/recompress.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { BATCH_OVERHEAD, codecOf } from '../../protocol/record-batch/header.ts'

export interface BatchInspection {
  /** What `inspectBatch` finds, off the event loop. The bytes must stay as they are until it resolves. */
  elsewhere(records: Buffer, config: PartitionConfig, nowMs: number): Promise<Inspection>
  /** Resolves when others have had their turn of the event loop. */
  nextTurn(): Promise<void>
}

export interface IncomingBatch {
  records: Buffer
  config: PartitionConfig
}

/** Gunzipping so much and walking it record by record takes 4 to 8 ms. */
const ROOM_BYTES = 1024 * 1024
/** Records that are not compressed are only walked, and their checksum is native code. */
const PLAIN_SHARE = 1 / 2
/** To compress takes so many times as long as to decompress. */
const COMPRESSING_FACTOR = 8
/** So large a part of the room may compressed bytes themselves take: some codecs are walked before. */
const COMPRESSED_SHARE = 1 / 4

/** What was found of batches ahead of their append. */
export class InspectedBatches {
  private readonly found = new Map<Buffer, { config: PartitionConfig; inspection: Inspection }>()

  set({ records, config }: IncomingBatch, inspection: Inspection): void {
    this.found.set(records, { config, inspection })
  }

  /** undefined: nothing was, or it was under another configuration. */
  get(records: Buffer, config: PartitionConfig): Inspection | undefined {
    const found = this.found.get(records)
    return found?.config === config ? found.inspection : undefined
  }
}

/** undefined where all batches are plain and small. */
export function inspectAhead(
  batches: readonly IncomingBatch[],
  inspection: BatchInspection,
  nowMs: number,
): InspectedBatches | undefined | Promise<InspectedBatches> {
  let found: InspectedBatches | undefined
  let roomBytes = ROOM_BYTES
  for (const [i, batch] of batches.entries()) {
    const look = lookWithin(batch, roomBytes, nowMs)
    if (look === undefined) {
      return inspectRest(batches.slice(i), found ?? new InspectedBatches(), inspection, nowMs)
    }
    roomBytes -= look.costBytes
    if (look.inspection === undefined) continue
    found ??= new InspectedBatches()
    found.set(batch, look.inspection)
  }
  return found
}

/** Those that do not fit into the first turn, all of them: in their append nothing is left to look at. */
async function inspectRest(
  batches: readonly IncomingBatch[],
  found: InspectedBatches,
  inspection: BatchInspection,
  nowMs: number,
): Promise<InspectedBatches> {
  const elsewhere: Promise<void>[] = []
  let roomBytes = 0
  for (const batch of batches) {
    let look = roomBytes === 0 ? undefined : lookWithin(batch, roomBytes, nowMs)
    if (look === undefined) {
      await inspection.nextTurn()
      roomBytes = ROOM_BYTES
      look = lookWithin(batch, roomBytes, nowMs)
    }
    if (look === undefined) {
      roomBytes = 0
      const { records, config } = batch
      const finding = inspection.elsewhere(records, config, nowMs)
      elsewhere.push(finding.then((told) => found.set(batch, told)))
    } else {
      roomBytes -= look.costBytes
      const options = { nowMs, fromClient: true }
      found.set(batch, look.inspection ?? inspectBatch(batch.records, batch.config, options))
    }
  }
  await Promise.all(elsewhere)
  return found
}

/** Looks at the batch, or says what that will cost; undefined: more than there is room for. */
function lookWithin(
  { records, config }: IncomingBatch,
  roomBytes: number,
  nowMs: number,
): { costBytes: number; inspection?: Inspection } | undefined {
  const codec = records.length < BATCH_OVERHEAD ? 'none' : codecOf(records, 0)
  const target = codecOfTopic(config.compressionType)
  const factor = target === undefined || target === codec || target === 'none' ? 1 : COMPRESSING_FACTOR
  // Refused by its size alone, or by its attributes.
  if (records.length > config.maxMessageBytes || codec === undefined) return { costBytes: 0 }
  if (codec === 'none') {
    const costBytes = records.length * (factor === 1 ? PLAIN_SHARE : factor)
    return costBytes > roomBytes ? undefined : { costBytes }
  }
  if (records.length > roomBytes * COMPRESSED_SHARE) return undefined
  const maxDecompressedBytes = Math.floor(roomBytes / factor)
  const inspection = inspectBatch(records, config, { nowMs, fromClient: true, maxDecompressedBytes })
  if (!('errorCode' in inspection)) {
    return { costBytes: (inspection.facts.decompressedBytes ?? 0) * factor, inspection }
  }
  // Bytes within max.message.bytes: it is what they decompress to.
  if (inspection.errorCode === errorCodes.MESSAGE_TOO_LARGE) return undefined
  return { costBytes: roomBytes, inspection }
}
