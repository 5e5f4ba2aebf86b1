// The time grid. Batch times are multiples of the interval; zero is one interval before the first batch,
// and a stream that slides by s has rows at t only if t > zero and (t − zero) is a multiple of s.
//
//   zero        t1        t2        t3        t4
//    |-----------|---------|---------|---------|
//   no batch   first     slide 2: valid at t2, t4

/** Slide 0 stands for the as-soon-as-data trigger: every batch time is valid. */
export function isValidTime(timeMs: number, zeroMs: number, slideMs: number): boolean {
  return timeMs > zeroMs && (slideMs === 0 || (timeMs - zeroMs) % slideMs === 0)
}

/** The first batch time after `nowMs`; never `nowMs` itself. */
export function firstBatchTime(nowMs: number, intervalMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs
}

/** Whether a child that slides by `slideMs` and looks back `reachMs` will read `timeMs` in a later batch. */
export function isReadLater(timeMs: number, zeroMs: number, slideMs: number, reachMs: number): boolean {
  if (slideMs === 0) return false
  const nextMs = zeroMs + (Math.floor((timeMs - zeroMs) / slideMs) + 1) * slideMs
  return nextMs < timeMs + reachMs
}
