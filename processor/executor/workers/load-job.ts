// A job's module: its default export builds the graph. It is loaded in the driver and in every worker, so that no
// function ever travels.

import type { StreamingContext } from '../../streaming-context.ts'

/** What a job's module exports: it makes streams and hangs outputs on them, and leaves starting to others. */
export type JobModule<P = undefined> = (ssc: StreamingContext, parameters: P) => void | Promise<void>

export async function loadJob(job: string, parameters: unknown, ssc: StreamingContext): Promise<void> {
  const module = (await import(job)) as { default?: unknown }
  // A CommonJS module's exports are its default, and TypeScript's own default lies within.
  const build = defaultOf(module.default) ?? module.default
  if (typeof build !== 'function') {
    throw new TypeError(`${job} has no default export that builds a job: export default (ssc) => { … }`)
  }
  await (build as JobModule<unknown>)(ssc, parameters)
}

function defaultOf(exported: unknown): unknown {
  return typeof exported === 'object' && exported !== null && 'default' in exported
    ? exported.default
    : undefined
}
