// What the wall clock is worth to whoever removes things for good. A clock can be set: by a time server, by hand,
// by a machine that wakes without a battery. So its time counts only when it has agreed with the monotonic clock
// for ten minutes; until then only bounds are known.
//
//   the wall clock …                                    earliest                          latest
//   has run evenly                                      wall                              wall
//   has jumped, less than 10 minutes ago                the lower of wall and old time    the higher of both
//   is new to this process, an older one wrote its time the lower of wall and that time   unknown
//                                                       plus what has passed since
//   is new, nothing older is known                      unknown                           unknown
//
// Whatever is removed because a time has passed asks `earliestMs`; whatever promises to be kept for a while counts
// from `latestMs`. Pure: readings are handed in.

/** How long a clock must have run evenly to be believed. */
export const CORROBORATION_MS = 10 * 60_000
/** What a time server may slew, and what reading two clocks one after the other costs. */
const TOLERATED_MS = 1000
const TOLERATED_DRIFT = 0.001

export interface ClockReading {
  wallMs: number
  monotonicMs: number
}

/** Whole milliseconds, though the monotonic clock has parts of them: bounds are compared with records' timestamps. */
export interface TimeBounds {
  /** It is this late at least; undefined: who knows. */
  earliestMs: number | undefined
  /** It is this late at most; undefined: who knows. */
  latestMs: number | undefined
}

export class ClockGuard {
  /** Where the believed time was, and whether it is the time or only a lower bound of it. */
  private believed: (ClockReading & { isBound: boolean }) | undefined
  /** A time that runs evenly since this reading, and is not believed yet. */
  private candidate: ClockReading | undefined

  /**
   * `known` 'now': nothing is older than this process, so its clock is as good as any. A number: the last time that
   * an earlier process believed. undefined: there are older things, and nothing known.
   */
  constructor(reading: ClockReading, known: 'now' | number | undefined) {
    if (known === 'now') this.believed = { ...reading, isBound: false }
    else {
      if (known !== undefined) this.believed = { ...reading, wallMs: known, isBound: true }
      this.candidate = reading
    }
  }

  /** To be asked now and then, or a clock that was set twice is not noticed. */
  bounds(reading: ClockReading): TimeBounds {
    this.observe(reading)
    const { believed } = this
    if (believed === undefined) return { earliestMs: undefined, latestMs: undefined }
    const expectedMs = believed.wallMs + reading.monotonicMs - believed.monotonicMs
    return {
      earliestMs: Math.floor(Math.min(reading.wallMs, expectedMs)),
      latestMs: believed.isBound ? undefined : Math.ceil(Math.max(reading.wallMs, expectedMs)),
    }
  }

  /** The time that the next process may count from; undefined while the present one is not believed. */
  get believedMs(): number | undefined {
    return this.believed?.isBound === false && this.candidate === undefined ? this.believed.wallMs : undefined
  }

  private observe(reading: ClockReading): void {
    const { believed, candidate } = this
    if (believed?.isBound === false && runsEvenly(believed, reading)) {
      this.believed = { ...reading, isBound: false }
      this.candidate = undefined
    } else if (candidate === undefined || !runsEvenly(candidate, reading)) {
      this.candidate = reading
    } else if (reading.monotonicMs - candidate.monotonicMs >= CORROBORATION_MS) {
      this.believed = { ...reading, isBound: false }
      this.candidate = undefined
    }
  }
}

function runsEvenly(from: ClockReading, to: ClockReading): boolean {
  const passedMs = to.monotonicMs - from.monotonicMs
  return Math.abs(to.wallMs - from.wallMs - passedMs) <= TOLERATED_MS + passedMs * TOLERATED_DRIFT
}
