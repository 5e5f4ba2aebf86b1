// The transaction coordinator in simulated worlds: crashes with lost tails, zombies, late requests, marker
// writes that fail or lie, jumps of the clock. `LOGMILL_SEEDS=1000` runs the long programme.

import { expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { decided } from '../../broker/coordinator/transaction/transaction.ts'
import { newCounters, type Plant, World } from './transaction/world.ts'

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 100)
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

/** Each breaks one promise in the running product, and says how the worlds must notice. */
const plants: Record<string, { breaks: Plant; noticed: RegExp }> = {
  'a marker before its decision is durable': {
    breaks: (shard) => {
      const { machine } = shard
      const apply = machine.apply.bind(machine)
      machine.apply = (change) => {
        apply(change)
        if (change.type === 'transaction') shard['committed']([change])
      }
    },
    noticed: /I12: a marker .* before its decision is durable/,
  },
  'a failed marker counted as written': {
    breaks: (shard) => {
      const options = shard['sender']['options']
      const { writer } = options
      options.writer = {
        write: async (...marker) => (await writer.write(...marker)).map(() => errorCodes.NONE),
      }
    },
    noticed: /I11: .* holds \d+ open/,
  },
  'decisions found in the log are not taken up': {
    breaks: (shard) => {
      shard['resume'] = () => {}
    },
    noticed: /I12: .* has not ended/,
  },
  'a timeout that aborts without raising the epoch': {
    breaks: ({ machine }) => {
      machine['timeOut'] = ({ transactionalId }, nowMs) => {
        const known = machine.state.get(transactionalId)
        if (known === undefined) throw new Error(`${transactionalId} is unknown`)
        const transaction = decided(known, false, nowMs)
        return { facts: [{ type: 'transaction', transaction }], notes: [], replies: [], timers: [] }
      }
    },
    noticed: /is answered NONE, its records ended by|its EndTxn was told|another partition by|and is not/,
  },
  'an EndTxn answered and not written': {
    breaks: ({ machine }) => {
      const end = machine['end'].bind(machine)
      let count = 0
      machine['end'] = (command, requestId, nowMs) => {
        const decision = end(command, requestId, nowMs)
        return ++count % 5 === 0 ? { ...decision, facts: [], timers: [] } : decision
      }
    },
    noticed: /its EndTxn was told commit/,
  },
  'an older epoch that is let in': {
    breaks: ({ machine }) => {
      machine['owned'] = ({ transactionalId, producerId, producerEpoch }) => {
        const known = machine.state.get(transactionalId)
        if (known?.producerId !== producerId) return errorCodes.INVALID_PRODUCER_ID_MAPPING
        return known.producerEpoch < producerEpoch ? errorCodes.PRODUCER_FENCED : known
      }
    },
    noticed: /I10: |was answered to be in .*, and is not/,
  },
  'an InitProducerId that does not raise the epoch': {
    breaks: ({ machine }) => {
      const init = machine['init'].bind(machine)
      machine['init'] = (command, requestId, nowMs) => {
        const known = machine.state.get(command.transactionalId)
        if (known?.state !== 'CompleteAbort') return init(command, requestId, nowMs)
        const { producerId, producerEpoch } = known
        const body = { type: 'producer', errorCode: errorCodes.NONE, producerId, producerEpoch } as const
        return { facts: [], notes: [], replies: [{ to: requestId, body }], timers: [] }
      }
    },
    noticed: /I10: |was answered to be in .*, and is not/,
  },
  'a partition forgotten on its way to the log': {
    breaks: (shard) => {
      const codec = shard['runtime']['codec']
      const encode = codec.encode.bind(codec)
      codec.encode = (fact) => {
        if (fact.type === 'tombstone' || fact.transaction.partitions.size < 2) return encode(fact)
        const partitions = new Map([...fact.transaction.partitions].slice(1))
        return encode({ type: 'transaction', transaction: { ...fact.transaction, partitions } })
      }
    },
    noticed: /partitions forgotten|the log says/,
  },
  'an added partition that is answered and not kept': {
    breaks: ({ machine }) => {
      const add = machine['addPartitions'].bind(machine)
      machine['addPartitions'] = (command, requestId, nowMs) => {
        const known = machine.state.get(command.transactionalId)
        const decision = add(command, requestId, nowMs)
        return known?.state === 'Ongoing' ? { ...decision, facts: [] } : decision
      }
    },
    noticed: /was answered to be in .*, and is not/,
  },
}

test.each(Object.entries(plants))('a planted bug is found: %s', async (_, { breaks, noticed }) => {
  let found = 'nothing'
  for (let seed = 1; seed <= 50 && found === 'nothing'; seed++) {
    await new World(seed, newCounters(), breaks).run(EVENTS).catch((error: Error) => {
      found = error.message
    })
  }
  expect(found).toMatch(noticed)
})
