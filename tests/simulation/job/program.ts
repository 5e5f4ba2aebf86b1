// The job of a world: which parts it has is a choice of the world. Its output is one topic of one partition, whose
// records begin with the word of the part that wrote them; `TIME` is the time of the batch.
//
//    once LINE, shared LINE     each record, through functions that fail
//    count KEY COUNT            state that is changed in place
//    window LINE, slow LINE     each record in each of its windows
//    touch KEY ID COUNT TIME    each record of a session, which ends when its key is silent for longer than SILENCE_MS
//    gone KEY COUNT TIME        the end of a session
//    at KEY ID TIME             each record of the moving sum
//    sum KEY COUNT TIME         a window with an inverse function
//    files                      each record, a directory a batch

import type { StreamingContext } from '../../../processor/streaming-context.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { StateSpec } from '../../../processor/streams/state-spec.ts'
import type { ShuffleOptions } from '../../../processor/streams/options.ts'
import type { Random } from '../../world/random.ts'

export const SECOND = 1000
/** Batches that the sliding window spans: so often each record comes out of it. */
export const SPAN = 3
export const SILENCE_MS = 3 * SECOND
export const SUM_MS = 3 * SECOND
/** Where its files are, now here, now there: what was decided keeps its place. */
export const FOLDERS = ['/files', '/moved'] as const

export interface Parts {
  readonly poison: 'skip' | 'dead letter'
  readonly counts: boolean
  readonly windows: boolean
  readonly sessions: boolean
  readonly sums: boolean
  readonly files: boolean
}

/** `fixed`: parts that a test wants. */
export function someParts(random: Random, fixed: Partial<Parts>): Parts {
  return {
    poison: random.chance(0.5) ? 'skip' : 'dead letter',
    counts: random.chance(0.5),
    windows: random.chance(0.4),
    sessions: random.chance(0.5),
    sums: random.chance(0.4),
    files: random.chance(0.5),
    ...fixed,
  }
}

/**
 * Lines are `kind key id`. `good` goes through; `bad` fails in the first function, `shared` in one behind two readers,
 * `late` in one behind a window that slides by two batches, and so perhaps in a later batch than its own.
 */
export function kindOf(random: Random, { windows }: Parts): string {
  const chosen = random.below(windows ? 24 : 23)
  return ['bad', 'shared', 'late'][chosen - 21] ?? 'good'
}

/** Rate and places of keys are others in each life. */
export function build(
  context: StreamingContext,
  parts: Parts,
  random: Random,
  places: ShuffleOptions<string>,
): void {
  const maxRatePerPartition = random.between(1, 8)
  const folder = random.pick(FOLDERS)
  const lines = context.createDirectStream('in', textValues, {
    startingOffsets: 'earliest',
    maxRatePerPartition,
  })
  const rows = lines.map((line) => failing(line, 'bad'), { name: 'parse' })
  const keyed = () => rows.mapToPair((line) => [keyOf(line), line])
  rows.toTopic('out', (line) => ({ value: `once ${line}` }))
  // Not the last: a run that fails behind it has left files aside.
  if (parts.files) rows.saveAsTextFiles(`${folder}/rows`, { name: 'files' })
  rows.map((line) => failing(line, 'shared')).toTopic('out', (line) => ({ value: `shared ${line}` }))
  if (parts.counts) {
    keyed()
      .updateStateByKey(
        (values, state: { count: number } = { count: 0 }) => {
          if (values.length === 0) return state
          state.count += values.length
          return state
        },
        { name: 'counts', ...places },
      )
      .changes()
      .toTopic('out', ([key, { count }]) => ({ value: `count ${key} ${count}` }))
  }
  if (parts.sessions) {
    const session = StateSpec.function<string, string, number, string>((key, line, state, time) => {
      if (line === undefined) return `gone ${key} ${state.get()} ${time.getTime()}`
      const count = (state.getOption() ?? 0) + 1
      state.update(count)
      return `touch ${key} ${idOf(line)} ${count} ${time.getTime()}`
    }).timeout(SILENCE_MS)
    keyed()
      .mapWithState(session, { name: 'sessions', ...places })
      .toTopic('out', (value) => ({ value }))
  }
  if (parts.sums) {
    rows
      .transform((rdd, time) => rdd.map((line) => `at ${keyOf(line)} ${idOf(line)} ${time.getTime()}`))
      .toTopic('out', (value) => ({ value }))
    rows
      .mapToPair((line) => [keyOf(line), 1])
      .reduceByKeyAndWindow(
        (a, b) => a + b,
        SUM_MS,
        SECOND,
        (a, b) => a - b,
        { name: 'sums', filter: (_, sum) => sum > 0, ...places },
      )
      .transform((rdd, time) => rdd.map(([key, sum]) => `sum ${key} ${sum} ${time.getTime()}`))
      .toTopic('out', (value) => ({ value }))
  }
  if (parts.windows) {
    lines
      .window(`${SPAN}s`, '1s')
      .map((line) => failing(line, 'bad'))
      .toTopic('out', (line) => ({ value: `window ${line}` }))
    lines
      .window('4s', '2s')
      .map((line) => failing(line, 'late'))
      .toTopic('out', (line) => ({ value: `slow ${line}` }))
  }
}

function failing(line: string, kind: string): string {
  if (line.startsWith(kind)) throw new Error(`no sense in '${line}'`)
  return line
}

export function keyOf(line: string): string {
  return line.split(' ')[1] as string
}

function idOf(line: string): string {
  return line.split(' ')[2] as string
}
