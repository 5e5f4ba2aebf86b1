// Calls and notes between two threads over one message port. Each side has named handlers; a call is answered once, a
// note never. Messages arrive in the order in which they were sent, so what was noted before an answer has been
// taken when the answer comes.

import type { MessagePort, Transferable } from 'node:worker_threads'
import { errorOf, failureOf, type Failure } from './failure.ts'

type Message =
  | { readonly type: 'call'; readonly id: number; readonly name: string; readonly args: unknown }
  | { readonly type: 'note'; readonly name: string; readonly args: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly failure: Failure }

/** What a handler answers with, where parts of it move to the other thread instead of being copied. */
export class Moved<T> {
  readonly value: T
  readonly transfer: readonly Transferable[]

  constructor(value: T, transfer: readonly Transferable[]) {
    this.value = value
    this.transfer = transfer
  }
}

/** What a call of the handler resolves to. */
export type Answer<F> = F extends (args: never) => infer R
  ? Awaited<R> extends Moved<infer T>
    ? T
    : Awaited<R>
  : never
export type Argument<F> = F extends (args: infer A) => unknown ? A : never

/** A worker or a port. */
type Channel = Pick<MessagePort, 'postMessage'> & {
  on(event: 'message', listener: (message: unknown) => void): unknown
}

/** `Theirs`: the handlers of the other side, methods of one argument. */
export class Link<Theirs> {
  private readonly channel: Channel
  private readonly handlers: Readonly<Record<string, unknown>>
  private readonly onStray: (error: unknown) => void
  private readonly waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: unknown) => void }
  >()
  private awaitingQuiet: (() => void)[] = []
  private calls = 0
  private broken: { error: unknown } | undefined

  /** `onStray` is told what a note's handler threw. */
  constructor(channel: Channel, handlers: object, onStray: (error: unknown) => void) {
    this.channel = channel
    this.handlers = handlers as Record<string, unknown>
    this.onStray = onStray
    channel.on('message', (message) => this.take(message as Message))
  }

  call<N extends keyof Theirs & string>(
    name: N,
    args: Argument<Theirs[N]>,
    transfer: readonly Transferable[] = [],
  ): Promise<Answer<Theirs[N]>> {
    if (this.broken !== undefined) return Promise.reject(this.broken.error as Error)
    const id = ++this.calls
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.channel.postMessage({ type: 'call', id, name, args } satisfies Message, transfer)
    })
  }

  get isBroken(): boolean {
    return this.broken !== undefined
  }

  /** Resolves when all calls are answered, however. */
  async quiet(): Promise<void> {
    if (this.waiting.size > 0) await new Promise<void>((resolve) => this.awaitingQuiet.push(resolve))
  }

  note<N extends keyof Theirs & string>(
    name: N,
    args: Argument<Theirs[N]>,
    transfer: readonly Transferable[] = [],
  ): void {
    if (this.broken !== undefined) return
    this.channel.postMessage({ type: 'note', name, args } satisfies Message, transfer)
  }

  /** The other side is gone: all calls, also later ones, fail with this. */
  break(error: unknown): void {
    this.broken ??= { error }
    for (const { reject } of this.waiting.values()) reject(this.broken.error)
    this.waiting.clear()
    this.tellQuiet()
  }

  private take(message: Message): void {
    switch (message.type) {
      case 'call':
        void this.answer(message.id, message.name, message.args)
        return
      case 'note':
        void this.run(message.name, message.args).catch(this.onStray)
        return
      default:
        this.settle(message)
    }
  }

  private async answer(id: number, name: string, args: unknown): Promise<void> {
    let answer: Message
    let transfer: readonly Transferable[] = []
    try {
      const result = await this.run(name, args)
      if (result instanceof Moved) transfer = result.transfer
      answer = { type: 'answer', id, value: result instanceof Moved ? result.value : result }
    } catch (error) {
      answer = { type: 'failure', id, failure: failureOf(error) }
    }
    this.channel.postMessage(answer, transfer)
  }

  private async run(name: string, args: unknown): Promise<unknown> {
    const handler = this.handlers[name] as ((args: unknown) => unknown) | undefined
    if (handler === undefined) throw new Error(`no handler is named '${name}'`)
    return await handler(args)
  }

  private settle(message: Message & { type: 'answer' | 'failure' }): void {
    const waiting = this.waiting.get(message.id)
    if (waiting === undefined) return
    this.waiting.delete(message.id)
    if (message.type === 'answer') waiting.resolve(message.value)
    else waiting.reject(errorOf(message.failure))
    this.tellQuiet()
  }

  private tellQuiet(): void {
    if (this.waiting.size > 0) return
    for (const resolve of this.awaitingQuiet.splice(0)) resolve()
  }
}
