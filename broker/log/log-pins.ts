// Which offsets of a log somebody means to read again: what holds them, and all that follows, is neither deleted
// nor compacted until the pin is released. It is asked at the moment that segments go, not when that was planned:
// what the cleaner is at work on stays as well.

export interface LogPin {
  release(): void
}

export class LogPins {
  private readonly pins = new Set<{ fromOffset: bigint }>()

  add(fromOffset: bigint): LogPin {
    const pin = { fromOffset }
    this.pins.add(pin)
    return { release: () => void this.pins.delete(pin) }
  }

  /** Whether one holds anything below `endOffset`, or what follows: then nothing that ends there may go. */
  holdBelow(endOffset: bigint): boolean {
    const { lowest } = this
    return lowest !== undefined && lowest < endOffset
  }

  /** The lowest offset that is held; undefined where none is. */
  get lowest(): bigint | undefined {
    let lowest: bigint | undefined
    for (const { fromOffset } of this.pins) {
      if (lowest === undefined || fromOffset < lowest) lowest = fromOffset
    }
    return lowest
  }
}
