// The kinds of groups, one row each. A kind is added here and in the unions of `facts.ts` and `messages.ts`.

import { classicKind } from './classic/classic-kind.ts'
import { consumerKind } from './consumer/consumer-kind.ts'
import type { Fact, Note } from './facts.ts'
import type { Group, GroupKind } from './group-kind.ts'
import type { Command } from './messages.ts'
import { shareKind } from './share/share-kind.ts'
import { streamsKind } from './streams/streams-kind.ts'

const kinds: readonly GroupKind<Group>[] = [classicKind, consumerKind, shareKind, streamsKind]

const byType = new Map(kinds.map((kind) => [kind.type, kind]))
const byCommand = indexed((kind) => kind.commands)
const byChange = indexed((kind) => [...kind.notes, ...kind.records.map(({ fact }) => fact)])
const byRecordType = indexed((kind) => kind.records.map(({ recordType }) => recordType))
const byTimer = indexed((kind) => Object.keys(kind.timers))

export function kindOf(group: Group): GroupKind<Group> {
  return byType.get(group.type) ?? missing(`group type ${group.type}`)
}

export function kindOfCommand(command: Command['kind']): GroupKind<Group> {
  return byCommand.get(command) ?? missing(`command ${command}`)
}

export function kindOfChange(change: Fact['kind'] | Note['kind']): GroupKind<Group> {
  return byChange.get(change) ?? missing(`change ${change}`)
}

/** undefined: no kind writes such records. */
export function kindOfRecord(recordType: number): GroupKind<Group> | undefined {
  return byRecordType.get(recordType)
}

export function kindOfTimer(letter: string): GroupKind<Group> {
  return byTimer.get(letter) ?? missing(`timer ${letter}`)
}

function indexed<Key>(keysOf: (kind: GroupKind<Group>) => readonly Key[]): Map<Key, GroupKind<Group>> {
  const index = new Map<Key, GroupKind<Group>>()
  for (const kind of kinds) {
    for (const key of keysOf(kind)) {
      if (index.has(key)) throw new Error(`two kinds of groups have ${String(key)}`)
      index.set(key, kind)
    }
  }
  return index
}

function missing(what: string): never {
  throw new Error(`no kind of group has ${what}`)
}
