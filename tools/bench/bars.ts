// The bars of the design, section "Speed", each in one place. What they are held against is said by the
// suite that uses them.

import type { Bar } from './figure.ts'

const define = <T extends Record<string, Bar>>(bars: T): T => bars

export const bars = define({
  brokerBusy: { text: 'client-bound: broker busy <= 90 % of a core', of: 'value', atMost: 90 },
  produceCpu: { text: 'broker <= 2 CPU-s per GB', of: 'value', atMost: 2 },
  consumeCpu: { text: 'broker <= 0.8 CPU-s per GB', of: 'value', atMost: 0.8 },
  fsyncAgainstOs: { text: 'fsync >= 50 % of os', of: 'ratio', atLeast: 0.5 },
  inProcessStart: { text: '<= 30 ms to first record', of: 'value', atMost: 30 },
  processStart: { text: '<= 350 ms to first reply', of: 'value', atMost: 350 },
  idleMemory: { text: '<= 90 MB idle', of: 'value', atMost: 90 },
  grep: { text: '>= 4 M records/s per core', of: 'value', atLeast: 4 },
  produceBesideGrep: { text: '<= 3x alone', of: 'ratio', atMost: 3 },
  wordCount: { text: '>= 60 % of the plain loop', of: 'ratio', atLeast: 0.6 },
  endToEndMedian: { text: 'p50 <= 10 ms', of: 'value', atMost: 10 },
  endToEndTail: { text: 'p99 <= 50 ms', of: 'value', atMost: 50 },
})
