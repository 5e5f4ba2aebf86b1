// Set up before every file of the suite: what a test runs of others is kept with it, for the reporter to read.

import { beforeEach } from 'vitest'
import { listen, type Ran } from './ran.ts'

declare module 'vitest' {
  interface TaskMeta {
    ran?: Ran[]
  }
}

beforeEach(({ task }) => {
  const kept: Ran[] = []
  task.meta.ran = kept
  listen((what) => {
    if (!kept.some(({ name }) => name === what.name)) kept.push(what)
  })
})
