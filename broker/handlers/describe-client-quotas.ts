// DescribeClientQuotas, versions 0-1: the entities that match a filter, with what is set for them. Rules of the
// filter: Kafka's ClientQuotasImage.

import type { MetadataImage } from '../controller/image.ts'
import { errorCodes } from '../protocol/errors.ts'
import { type ClientQuotaImage, ENTITY_TYPES } from '../quota/quota-keys.ts'
import type { Request, Response } from './context.ts'

type Component = Request<'DescribeClientQuotas'>['components'][number]

const EXACT = 0
const DEFAULT = 1
const ANY_SPECIFIED = 2

export function handleDescribeClientQuotas(
  { components, strict }: Request<'DescribeClientQuotas'>,
  { image }: { image: Pick<MetadataImage, 'clientQuotas'> },
): Response<'DescribeClientQuotas'> {
  const problem = filterProblem(components)
  if (problem !== undefined) return { ...problem, entries: null }
  const entries = [...image.clientQuotas()]
    .filter(({ entity }) => !strict || entity.size === components.length)
    .filter((quota) => components.every((component) => matches(quota, component)))
    .map(({ entity, values }) => ({
      entity: [...entity].map(([entityType, entityName]) => ({ entityType, entityName })),
      values: [...values].map(([key, value]) => ({ key, value })),
    }))
  // Kafka's message where nothing is wrong is empty, not null.
  return { errorCode: errorCodes.NONE, errorMessage: '', entries }
}

/** A default is matched by its being null; any specified name or default by its type alone. */
function matches({ entity }: ClientQuotaImage, { entityType, matchType, match }: Component): boolean {
  const name = entity.get(entityType)
  if (name === undefined) return false
  return matchType === ANY_SPECIFIED || name === match
}

function filterProblem(
  components: readonly Component[],
): { errorCode: number; errorMessage: string } | undefined {
  const seen = new Set<string>()
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') return invalid('Invalid empty entity type.')
    if (seen.has(entityType)) {
      return invalid(`Entity type ${entityType} cannot appear more than once in the filter.`)
    }
    seen.add(entityType)
    if (!(ENTITY_TYPES as readonly string[]).includes(entityType)) {
      return {
        errorCode: errorCodes.UNSUPPORTED_VERSION,
        errorMessage: `Unsupported entity type ${entityType}`,
      }
    }
    if (matchType !== EXACT && matchType !== DEFAULT && matchType !== ANY_SPECIFIED) {
      return invalid(`Unknown match type ${matchType}`)
    }
    if ((matchType === EXACT) === (match === null)) {
      return invalid(
        matchType === EXACT
          ? 'An exact match needs a name to match.'
          : 'Only an exact match has a name to match.',
      )
    }
  }
  return seen.has('ip') && seen.size > 1
    ? invalid(
        'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.',
      )
    : undefined
}

function invalid(errorMessage: string): { errorCode: number; errorMessage: string } {
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage }
}
