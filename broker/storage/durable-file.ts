// The bytes of one file as two parties see them: readers see all that was written, a power cut leaves what
// the device had. Every change since the last completed sync is remembered, to decide at the crash which of
// its sectors made it.

const SECTOR_BYTES = 512

/** Numbers in [0, 1): all that a crash asks of chance. */
export interface Randomness {
  next(): number
}

interface Write {
  kind: 'write'
  position: number
  bytes: Buffer
  /** A failed sync has lost it: its sectors count as clean, and reach the device only with a later write to them. */
  lost: boolean
}

type Change = Write | { kind: 'size'; size: number }

/** Bytes that grow, zeroes where nothing was written. */
class Image {
  private buffer = Buffer.alloc(512)
  size = 0

  write(bytes: Uint8Array, position: number): void {
    this.reach(position + bytes.byteLength)
    this.buffer.set(bytes, position)
  }

  reach(size: number): void {
    if (size > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(size, this.buffer.length * 2))
      this.buffer.copy(larger, 0, 0, this.size)
      this.buffer = larger
    }
    if (size > this.size) this.size = size
  }

  truncate(size: number): void {
    if (size >= this.size) return
    this.buffer.fill(0, size, this.size)
    this.size = size
  }

  copyTo(target: Uint8Array, targetStart: number, start: number, end: number): void {
    this.buffer.copy(target, targetStart, start, end)
  }

  clone(): Image {
    const clone = new Image()
    clone.write(this.buffer.subarray(0, this.size), 0)
    return clone
  }
}

export class DurableFile {
  private live = new Image()
  /** What the device has for certain. */
  private durable = new Image()
  /** Since the last completed sync, in order. */
  private changes: Change[] = []

  get sizeInBytes(): number {
    return this.live.size
  }

  read(target: Uint8Array, targetStart: number, length: number, position: number): number {
    const end = Math.min(position + length, this.live.size)
    if (end <= position) return 0
    this.live.copyTo(target, targetStart, position, end)
    return end - position
  }

  copy(): Buffer {
    const bytes = Buffer.alloc(this.live.size)
    this.live.copyTo(bytes, 0, 0, bytes.length)
    return bytes
  }

  append(bytes: Uint8Array): void {
    this.writeAt(bytes, this.live.size)
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.live.write(bytes, position)
    this.changes.push({ kind: 'write', position, bytes: Buffer.from(bytes), lost: false })
  }

  truncate(sizeInBytes: number): void {
    this.live.truncate(sizeInBytes)
    this.changes.push({ kind: 'size', size: sizeInBytes })
  }

  /** The newest change that a sync which begins now will cover. */
  beginSync(): object | undefined {
    return this.changes[this.changes.length - 1]
  }

  /** The device has answered a sync. */
  endSync(newest: object | undefined, succeeded: boolean): void {
    const covered = this.changes.findIndex((change) => change === newest) + 1
    if (!succeeded) {
      for (const change of this.changes.slice(0, covered)) if (change.kind === 'write') change.lost = true
      return
    }
    const changes = this.changes.splice(0, covered)
    if (changes.some((change) => change.kind === 'write' && change.lost)) this.syncAround(changes)
    else for (const change of changes) apply(this.durable, change)
  }

  /** Sectors go to the device whole: with what a lost write had put into them. */
  private syncAround(changes: readonly Change[]): void {
    const written = this.durable.clone()
    for (const change of changes) {
      apply(written, change)
      if (change.kind === 'size') this.durable.truncate(change.size)
      else writeSurvivors(this.durable, written, change, 1, { next: () => 0 })
    }
  }

  /** The file that is found after the power cut, everything in it on the device. */
  afterCrash(random: Randomness, mayBeStale: boolean): DurableFile {
    const after = new DurableFile()
    const image = this.durable.clone()
    let certain = image.size
    // Sizes are journalled in order: a prefix of the changes counts, its sectors come as they like. At
    // times the device had simply caught up.
    const isWhole = random.next() < 0.1
    const count = isWhole ? this.changes.length : Math.floor(random.next() * (this.changes.length + 1))
    const kept = this.changes.slice(0, count)
    const written = this.durable.clone()
    for (const change of kept) {
      apply(written, change)
      if (change.kind === 'write')
        writeSurvivors(image, written, change, isWhole ? 1 : likelihood(random), random)
      else {
        image.truncate(change.size)
        certain = Math.min(certain, change.size)
      }
    }
    const last = isWhole ? undefined : kept[kept.length - 1]
    if (last?.kind === 'write' && random.next() < 0.5) tear(image, Math.max(last.position, certain), random)
    if (mayBeStale && !isWhole && image.size > certain && random.next() < 0.3)
      makeStale(image, certain, random)
    after.durable = image
    after.live = image.clone()
    return after
  }
}

function apply(image: Image, change: Change): void {
  if (change.kind === 'size') image.truncate(change.size)
  else image.write(change.bytes, change.position)
}

/** Of some writes everything made it, of others nearly nothing. */
function likelihood(random: Randomness): number {
  return random.next() < 0.4 ? 1 : random.next()
}

/** A sector goes to the device as it is in memory: with all that earlier writes put into it. */
function writeSurvivors(
  image: Image,
  written: Image,
  write: Write,
  survives: number,
  random: Randomness,
): void {
  const end = write.position + write.bytes.length
  image.reach(end)
  if (write.lost) return
  for (let at = write.position - (write.position % SECTOR_BYTES); at < end; at += SECTOR_BYTES) {
    if (random.next() >= survives) continue
    const sector = Buffer.alloc(Math.min(at + SECTOR_BYTES, written.size) - at)
    written.copyTo(sector, 0, at, at + sector.length)
    image.write(sector, at)
  }
}

/** The last write was cut short at a sector, nowhere below `certain`. */
function tear(image: Image, certain: number, random: Randomness): void {
  const cut = certain + Math.floor(random.next() * Math.max(0, image.size - certain))
  image.truncate(Math.max(certain, cut - (cut % SECTOR_BYTES)))
}

/** The last sector holds what was on the device before. */
function makeStale(image: Image, certain: number, random: Randomness): void {
  const from = Math.max(certain, image.size - (image.size % SECTOR_BYTES || SECTOR_BYTES))
  const stale = Buffer.alloc(image.size - from)
  for (let i = 0; i < stale.length; i++) stale[i] = Math.floor(random.next() * 256)
  image.write(stale, from)
}
