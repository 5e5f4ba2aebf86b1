// The transaction coordinator in simulated worlds: crashes with lost tails, zombies, late requests, marker
// writes that fail or lie, jumps of the clock. `LOGMILL_SEEDS=1000` runs the long programme.

import { expect, test } from 'vitest'
import { objection, type Plant, planted } from '../world/plant.ts'
import { newCounters, World } from './transaction/world.ts'

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 60)
const EVENTS = 1_000

test(
  `${SEEDS} worlds of ${EVENTS} events keep their promises`,
  async () => {
    const counters = newCounters()
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        await new World(seed, counters).run(EVENTS)
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        })
      }
    }
    if (process.env['LOGMILL_COUNTERS'] !== undefined) console.log(counters)
    for (const [what, count] of Object.entries(counters)) expect(count, what).toBeGreaterThan(0)
  },
  15_000 + SEEDS * 300,
)

const coordinator = 'broker/coordinator/transaction'

/** Each breaks one promise, and says how the worlds must notice. */
const plants: Record<string, Plant & { noticed: RegExp }> = {
  'an answer, and a marker, before the log is safe': {
    file: 'broker/coordinator/runtime.ts',
    line: 'if (first.needs > highWatermark) break',
    becomes: 'if (first.needs > this.log.endOffset) break',
    noticed: /I12: a marker .* before its decision is durable/,
  },
  'a failed marker counted as written': {
    file: `${coordinator}/marker-sender.ts`,
    line: '          return false\n      }\n    })',
    becomes: '          return true\n      }\n    })',
    noticed: /I11: .* holds \d+ open/,
  },
  'a fenced producer that is handed its successor’s epoch': {
    file: `${coordinator}/end-transaction.ts`,
    line: 'const isRetry = isRaised && (',
    becomes: 'const isRetry = (',
    noticed: /I10: .* had EndTxn\(abort\) accepted after it was fenced/,
  },
  'decisions found in the log are not taken up': {
    file: `${coordinator}/shard.ts`,
    line: 'this.sender.start(transactionalId, decision)\n      },',
    becomes: 'void decision\n      },',
    noticed: /I12: .* has not ended/,
  },
  'a partition let in before its adding is safe': {
    file: `${coordinator}/shard.ts`,
    line: 'return isAdded ? errorCodes.NONE : errorCodes.CONCURRENT_TRANSACTIONS',
    becomes: 'return isAdded ? errorCodes.NONE : errorCodes.NONE',
    noticed: /I11: .* holds \d+ open|I12: .* still waits/,
  },
  'a fence of version 1 that does not raise the epoch': {
    file: `${coordinator}/transaction.ts`,
    line: 'raises ? from.producerEpoch : Math.min(from.producerEpoch + 1, MAX_EPOCH)',
    becomes: 'from.producerEpoch',
    noticed:
      /I10|is answered NONE, its records ended by|its EndTxn was told|another partition by|and is not|I12: an abort/,
  },
  'a decision of version 2 that does not raise the epoch': {
    file: `${coordinator}/transaction.ts`,
    line: 'producerEpoch: raises ? Math.min(from.producerEpoch + 1, MAX_EPOCH) : from.producerEpoch,',
    becomes: 'producerEpoch: from.producerEpoch,',
    noticed: /I12: (a commit|an abort) that is none/,
  },
  'a producer id that is not given up with its last epoch': {
    file: `${coordinator}/transaction.ts`,
    line: '    ...successor(from),\n',
    becomes: '',
    noticed: /I12: the outcome changed/,
  },
  'an EndTxn answered and not written': {
    file: `${coordinator}/transaction-machine.ts`,
    line: 'return this.write(transaction, requestId, goesOn(transaction))',
    becomes: 'return answer(requestId, goesOn(transaction))',
    noticed: /its EndTxn was told|has not ended|I11|I12|I9/,
  },
  'a commit that is told of an abort': {
    file: `${coordinator}/end-transaction.ts`,
    line: "const isSame = (state === 'CompleteCommit') === committed",
    becomes: "const isSame = (state === 'CompleteCommit') === committed || true",
    noticed: /is answered NONE, its records ended by/,
  },
  'an older epoch that is let in': {
    file: `${coordinator}/end-transaction.ts`,
    line: 'return known.producerEpoch === producerEpoch ? undefined',
    becomes: 'return known.producerEpoch >= producerEpoch ? undefined',
    noticed: /I10: |was answered to be in .*, and is not|I11|I12/,
  },
  'an InitProducerId that does not raise the epoch': {
    file: `${coordinator}/init-producer-id.ts`,
    line: 'const producerEpoch = spent ? 0 : known.producerEpoch + 1',
    becomes: 'const producerEpoch = spent ? 0 : known.producerEpoch',
    noticed: /I10: |was answered to be in .*, and is not|I9/,
  },
  'a partition forgotten on its way to the log': {
    file: `${coordinator}/transaction-log.ts`,
    line: "state === 'Empty' ? null : sortedTopics(partitions)",
    becomes: "state === 'Empty' ? null : sortedTopics(partitions).slice(partitions.size > 1 ? 1 : 0)",
    noticed: /partitions forgotten|the log says/,
  },
  'the next producer id forgotten on its way to the log': {
    file: `${coordinator}/transaction-log.ts`,
    line: 'nextProducerId: transaction.nextProducerId,',
    becomes: 'nextProducerId: NO_PRODUCER_ID,',
    noticed: /a next producer id out of place|the log says/,
  },
  'an added partition that is answered and not kept': {
    file: `${coordinator}/transaction.ts`,
    line: 'const partitions = begun ? union(from.partitions, added) : added',
    becomes: 'const partitions = begun ? from.partitions : added',
    noticed: /was answered to be in .*, and is not/,
  },
  'a partition that lets a late marker of version 2 end the next transaction': {
    file: 'broker/partition/producer-state.ts',
    line: '(marker.transactionVersion ?? 0) >= 2 &&\n      marker.producerEpoch === entry.producerEpoch &&',
    becomes: 'false &&',
    noticed: /I11: .* lets a late marker|I11: .* lets a marker of epoch/,
  },
}

test.each(Object.entries(plants))('a planted bug is found: %s', async (_, { noticed, ...plant }) => {
  const module = './transaction/world.ts'
  const copy = await planted<typeof import('./transaction/world.ts')>(import.meta.dirname, module, plant)
  expect(await objection(100, (seed) => new copy.World(seed, copy.newCounters()).run(EVENTS))).toMatch(
    noticed,
  )
})
