// Keyed state without a disk: what jobs without a checkpoint use, and what tests count on. One table holds a slot
// for each key, with the value that counts and the value that the running batch has made of it, so a key is hashed
// once to be read and once to be set, and to apply or drop a batch is a walk over what it changed, without hashing.

import type { Key } from '../graph/key.ts'
import type { StateCursor, StateOperator, StatePartition, StateStore } from '../graph/contracts/state.ts'

/** undefined: no value. A key whose slot has neither value is gone when the batch ends. */
interface Slot<S> {
  readonly key: Key
  committed: S | undefined
  current: S | undefined
  isChanged: boolean
}

export class MemoryStatePartition<S> implements StatePartition<S> {
  private readonly slots = new Map<Key, Slot<S>>()
  private changedSlots: Slot<S>[] = []
  private currentKeys = 0

  get size(): number {
    return this.currentKeys
  }

  get(key: Key): S | undefined {
    return this.slots.get(key)?.current
  }

  put(key: Key, value: S): void {
    let slot = this.slots.get(key)
    if (slot === undefined) {
      slot = { key, committed: undefined, current: undefined, isChanged: false }
      this.slots.set(key, slot)
    }
    this.change(slot, value)
  }

  remove(key: Key): void {
    const slot = this.slots.get(key)
    if (slot !== undefined) this.change(slot, undefined)
  }

  committed(): StateCursor<S> {
    return new SlotCursor(this.slots.values(), 'committed')
  }

  current(): StateCursor<S> {
    return new SlotCursor(this.slots.values(), 'current')
  }

  /** Keys that the batch has changed so far. */
  get changes(): number {
    return this.changedSlots.length
  }

  /** What the batch has changed so far: for a store that keeps increments. undefined: removed. */
  *changed(): Generator<readonly [Key, S | undefined], undefined, undefined> {
    for (const { key, current } of this.changedSlots) yield [key, current]
    return undefined
  }

  /** Every key as it stands now. */
  *all(): Generator<readonly [Key, S], undefined, undefined> {
    for (const { key, current } of this.slots.values()) if (current !== undefined) yield [key, current]
    return undefined
  }

  /** Takes up a committed value from outside (undefined: removed), before the first batch. */
  restore(key: Key, value: S | undefined): void {
    const slot = this.slots.get(key)
    if (slot === undefined) {
      if (value === undefined) return
      this.slots.set(key, { key, committed: value, current: value, isChanged: false })
      this.currentKeys++
      return
    }
    slot.committed = slot.current = value
    if (value !== undefined) return
    this.slots.delete(key)
    this.currentKeys--
  }

  /** The batch counts: its changes become the committed values. */
  apply(): void {
    for (const slot of this.changedSlots) {
      slot.committed = slot.current
      this.unchanged(slot)
    }
    this.changedSlots = []
  }

  /** The batch does not count. */
  drop(): void {
    for (const slot of this.changedSlots) {
      this.countChange(slot.current, slot.committed)
      slot.current = slot.committed
      this.unchanged(slot)
    }
    this.changedSlots = []
  }

  private change(slot: Slot<S>, value: S | undefined): void {
    this.countChange(slot.current, value)
    slot.current = value
    if (slot.isChanged) return
    slot.isChanged = true
    this.changedSlots.push(slot)
  }

  private countChange(before: S | undefined, after: S | undefined): void {
    if (before === undefined) this.currentKeys += after === undefined ? 0 : 1
    else if (after === undefined) this.currentKeys--
  }

  private unchanged(slot: Slot<S>): void {
    slot.isChanged = false
    if (slot.committed === undefined) this.slots.delete(slot.key)
  }
}

/** Slots that are made while it walks have no committed value, and so do not show. */
class SlotCursor<S> implements StateCursor<S> {
  key: Key = null
  // Read only after next() said true, as the interface asks.
  value = undefined as S
  private readonly slots: Iterator<Slot<S>>
  private readonly which: 'committed' | 'current'

  constructor(slots: Iterator<Slot<S>>, which: 'committed' | 'current') {
    this.slots = slots
    this.which = which
  }

  next(): boolean {
    for (let step = this.slots.next(); step.done !== true; step = this.slots.next()) {
      const { value: slot } = step
      const value = this.which === 'committed' ? slot.committed : slot.current
      if (value === undefined) continue
      this.key = slot.key
      this.value = value
      return true
    }
    return false
  }
}

export class MemoryStateStore implements StateStore {
  private readonly operators = new Map<string, MemoryStatePartition<unknown>[]>()
  private readonly views = new Map<string, (kept: unknown) => unknown>()

  /** What is committed of an operator's state. Throws where it has none. */
  entries(operatorId: string): Map<Key, unknown> {
    const partitions = this.operators.get(operatorId)
    if (partitions === undefined) {
      const names = [...this.operators.keys()].map((name) => `'${name}'`).join(', ')
      throw new Error(`no operator '${operatorId}' keeps state; these do: ${names === '' ? 'none' : names}`)
    }
    const shownAs = this.views.get(operatorId) ?? ((kept: unknown) => kept)
    const entries = new Map<Key, unknown>()
    for (const partition of partitions) {
      for (const cursor = partition.committed(); cursor.next(); )
        entries.set(cursor.key, shownAs(cursor.value))
    }
    return entries
  }

  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    if (this.operators.has(operator.id)) throw new Error(`state of '${operator.id}' is opened twice`)
    const partitions = Array.from({ length: operator.partitions }, () => new MemoryStatePartition<S>())
    this.operators.set(operator.id, partitions as unknown as MemoryStatePartition<unknown>[])
    if (operator.shownAs !== undefined) {
      this.views.set(operator.id, operator.shownAs as (kept: unknown) => unknown)
    }
    return Promise.resolve(partitions)
  }

  apply(): void {
    for (const partitions of this.operators.values()) for (const partition of partitions) partition.apply()
  }

  drop(): void {
    for (const partitions of this.operators.values()) for (const partition of partitions) partition.drop()
  }
}
