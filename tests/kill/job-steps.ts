// Dying at a step of the job's commit, where functions of node:fs do not pass: LevelDB writes its files itself, and
// a decision is more than one write. Stands between the checkpoint and its store and output port.

import { LevelStore } from '../../processor/checkpoint/level-store.ts'
import type { CheckpointStore, Database, Writes } from '../../processor/checkpoint/store.ts'
import type { OutputPort, OutputSession } from '../../processor/ports.ts'
import { die, type KillPoint } from './kill-points.ts'

/** In the order in which a batch takes them. */
export const JOB_STEPS = ['plan', 'append', 'redo', 'offsets', 'decision', 'generation', 'trim'] as const
type JobStep = (typeof JOB_STEPS)[number]

/** Runs `act`, and dies before or after it where the point says so. */
type Around = <T>(step: JobStep, act: () => Promise<T>) => Promise<T>

export function dyingAt({ file: step, nth, moment }: KillPoint): Around {
  let left = nth
  return async (name, act) => {
    const isNow = name === step && --left === 0
    if (isNow && moment === 'before') die()
    const result = await act()
    if (isNow) die()
    return result
  }
}

export function dyingStore(directory: string, around: Around): CheckpointStore {
  const store = new LevelStore(directory)
  return {
    location: store.location,
    open: async (name) => dyingDatabase(name, await store.open(name), around),
    replace: async (name) => dyingDatabase(name, await store.replace(name), around),
  }
}

function dyingDatabase(name: string, database: Database, around: Around): Database {
  return {
    get: (key) => database.get(key),
    entries: (from, until) => database.entries(from, until),
    keys: (from, until) => database.keys(from, until),
    close: () => database.close(),
    writes: () => dyingWrites(name, database.writes(), around),
  }
}

// A journal's keys begin with `p` for plans and `r` for redo records (processor/checkpoint/journal.ts).
function dyingWrites(name: string, writes: Writes, around: Around): Writes {
  let step: JobStep | undefined = name === 'journal' ? undefined : 'generation'
  return {
    put(key, value) {
      if (name === 'journal' && key[0] === 'p'.charCodeAt(0)) step = 'plan'
      if (name === 'journal' && key[0] === 'r'.charCodeAt(0)) step = 'redo'
      writes.put(key, value)
    },
    del(key) {
      if (name === 'journal') step = 'trim'
      writes.del(key)
    },
    write: (options) =>
      step === undefined ? writes.write(options) : around(step, () => writes.write(options)),
  }
}

export function dyingOutput(output: OutputPort, around: Around): OutputPort {
  return {
    ensureTopic: (topic) => output.ensureTopic(topic),
    open: async (transactionalId, timeoutMs) => {
      const session = await output.open(transactionalId, timeoutMs)
      return dyingSession(session, around)
    },
  }
}

function dyingSession(session: OutputSession, around: Around): OutputSession {
  return {
    get producerId() {
      return session.producerId
    },
    get producerEpoch() {
      return session.producerEpoch
    },
    committedOffsets: (groupId) => session.committedOffsets(groupId),
    begin: () => session.begin(),
    append: (topic, partition, batch) => around('append', () => session.append(topic, partition, batch)),
    commitOffsets: (groupId, offsets) => around('offsets', () => session.commitOffsets(groupId, offsets)),
    commit: () => around('decision', () => session.commit()),
    abort: () => session.abort(),
    close: () => session.close(),
  }
}
