// Quotas: set, described, removed, and everything that is wrong about asking for one.

import { alterClientQuotas } from '../../../broker/protocol/apis/alter-client-quotas.ts'
import { describeClientQuotas } from '../../../broker/protocol/apis/describe-client-quotas.ts'
import { describeUserScramCredentials } from '../../../broker/protocol/apis/describe-user-scram-credentials.ts'
import { type Question, questions } from './question.ts'

type Entity = Record<string, string | null>
const ALL = [0, 1] as const

function alter(
  name: string,
  entity: Entity,
  values: Record<string, number | null>,
  validateOnly = false,
): Question[] {
  return questions(name, alterClientQuotas, ALL, () => ({
    entries: [entry(entity, values)],
    validateOnly,
  }))
}

function entry(entity: Entity, values: Record<string, number | null>) {
  return {
    entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
    ops: Object.entries(values).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
  }
}

function describe(
  name: string,
  components: [type: string, matchType: number, match: string | null][],
  strict = false,
) {
  return questions(name, describeClientQuotas, ALL, () => ({
    components: components.map(([entityType, matchType, match]) => ({ entityType, matchType, match })),
    strict,
  }))
}

// None of them is ever reached: what is asked here must not throttle who asks.
const MUCH = 1e12

export const quotaQuestions: Question[] = [
  ...describe('of nobody', []),
  ...alter('a user', { user: 'alice' }, { producer_byte_rate: MUCH, consumer_byte_rate: 2 * MUCH }),
  ...alter('a user and a client id', { user: 'alice', 'client-id': 'c' }, { request_percentage: 99.5 }),
  ...alter('the default client id', { 'client-id': null }, { controller_mutation_rate: 1e6 }),
  ...alter('an address', { ip: '10.1.2.3' }, { connection_creation_rate: 1000 }),
  ...alter('the default address', { ip: null }, { connection_creation_rate: 100_000 }),
  ...alter('only to see', { user: 'bob' }, { producer_byte_rate: MUCH }, true),
  ...alter('what is set already', { user: 'alice' }, { producer_byte_rate: MUCH }),
  ...alter('removing what is not set', { user: 'alice' }, { request_percentage: null }),
  ...describe('of alice', [['user', 0, 'alice']]),
  ...describe('of alice alone', [['user', 0, 'alice']], true),
  ...describe('of default client ids', [['client-id', 1, null]]),
  ...describe('of any client id', [['client-id', 2, null]]),
  ...describe(
    'of a pair, strictly',
    [
      ['user', 0, 'alice'],
      ['client-id', 0, 'c'],
    ],
    true,
  ),
  ...describe('of an address', [['ip', 0, '10.1.2.3']]),
  ...describe('of nobody known', [['user', 0, 'nobody']]),
  ...describe('of an empty type', [['', 0, 'x']]),
  ...describe('of a type twice', [
    ['user', 0, 'a'],
    ['user', 2, null],
  ]),
  ...describe('of an unknown type', [['group', 0, 'x']]),
  ...describe('of an address and a user', [
    ['ip', 2, null],
    ['user', 2, null],
  ]),
  ...describe('exactly nothing', [['user', 0, null]]),
  ...describe('a default with a name', [['user', 1, 'x']]),
  ...describe('any with a name', [['user', 2, 'x']]),
  ...describe('an unknown way to match', [['user', 7, null]]),
  ...alter('nobody', {}, { producer_byte_rate: MUCH }),
  ...alter('an unknown type', { group: 'g' }, { producer_byte_rate: MUCH }),
  ...alter('an empty name', { user: '' }, { producer_byte_rate: MUCH }),
  ...alter('an address with a user', { ip: '10.1.2.3', user: 'u' }, { connection_creation_rate: 5 }),
  ...alter('an unknown key', { user: 'u' }, { no_such_rate: 5 }),
  ...alter('a key of addresses for a user', { user: 'u' }, { connection_creation_rate: 5 }),
  ...alter('nothing a second', { user: 'u' }, { producer_byte_rate: 0 }),
  ...alter('less than nothing', { user: 'u' }, { request_percentage: -1 }),
  ...alter('half a byte', { user: 'u' }, { consumer_byte_rate: 0.5 }),
  ...alter('too many connections', { ip: '10.1.2.3' }, { connection_creation_rate: 3e9 }),
  ...questions('a key twice', alterClientQuotas, ALL, () => ({
    entries: [
      {
        entity: [{ entityType: 'user', entityName: 'u' }],
        ops: [
          { key: 'producer_byte_rate', value: MUCH, remove: false },
          { key: 'producer_byte_rate', value: MUCH, remove: false },
        ],
      },
    ],
    validateOnly: false,
  })),
  ...questions('an entity twice', alterClientQuotas, ALL, () => ({
    entries: [
      entry({ user: 'twice' }, { producer_byte_rate: MUCH }),
      entry({ user: 'twice' }, { request_percentage: 50 }),
    ],
    validateOnly: false,
  })),
  ...describe('of what was there before', [['user', 0, 'twice']]),
  ...questions('of users that nobody knows', describeUserScramCredentials, [0, 0], () => ({
    users: [{ name: 'alice' }, { name: 'bob' }, { name: 'bob' }],
  })),
  ...questions('of all users', describeUserScramCredentials, [0, 0], () => ({ users: null })),
  ...alter('removing', { user: 'alice' }, { producer_byte_rate: null, consumer_byte_rate: null }),
  ...describe('of alice, who has none alone', [['user', 0, 'alice']], true),
]
