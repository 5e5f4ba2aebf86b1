// The order of the produces of one connection. A batch that takes long to look at is looked at beside the event loop,
// and producers send ahead meanwhile; so what comes later on the same connection waits its turn, even where it needs
// no such look. Kafka has one request of a connection in work at a time.
//
// Rule kept: appends of a connection begin in the order in which their requests came. One entry for a connection with
// a batch under inspection, none for others.

import type { ConnectionInfo } from '../../net/net.ts'

export class ProduceTurns {
  /** The end of the last turn; never rejects. */
  private readonly last = new WeakMap<ConnectionInfo, Promise<void>>()

  /**
   * Calls `append` with what is ready: at once where it is and nobody waits, else in its turn. A turn ends when `append`
   * returns, not when its promise resolves.
   */
  take<R, T>(
    connection: ConnectionInfo,
    ready: R | Promise<R>,
    append: (ready: R) => Promise<T>,
  ): Promise<T> {
    const before = this.last.get(connection)
    if (before === undefined && !(ready instanceof Promise)) return append(ready)
    // In a box: a promise in a promise would be waited for.
    const turn = Promise.all([ready, before]).then(([found]) => ({ answer: append(found) }))
    const leave = (): void => {
      if (this.last.get(connection) === ended) this.last.delete(connection)
    }
    const ended: Promise<void> = turn.then(leave, leave)
    this.last.set(connection, ended)
    return turn.then(({ answer }) => answer)
  }
}
