// The list of what the codec speaks. An API is one file and one line here; whether it is served is the
// business of the handlers.

import type { Api } from '../message.ts'
import { apiVersions } from './api-versions.ts'
import { createTopics } from './create-topics.ts'
import { fetch } from './fetch.ts'
import { findCoordinator } from './find-coordinator.ts'
import { heartbeat } from './heartbeat.ts'
import { initProducerId } from './init-producer-id.ts'
import { joinGroup } from './join-group.ts'
import { leaveGroup } from './leave-group.ts'
import { listOffsets } from './list-offsets.ts'
import { metadata } from './metadata.ts'
import { offsetCommit } from './offset-commit.ts'
import { offsetFetch } from './offset-fetch.ts'
import { produce } from './produce.ts'
import { syncGroup } from './sync-group.ts'

export const apis = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  apiVersions,
  createTopics,
  initProducerId,
] as const

export type ApiName = (typeof apis)[number]['name']

const byKey = new Map<number, Api>(apis.map((api) => [api.key, api]))

export function apiByKey(key: number): Api | undefined {
  return byKey.get(key)
}
