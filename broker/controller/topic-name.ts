// Which names a topic may have. Source: Kafka's Topic.validate and Topic.hasCollision; the texts are those
// that its clients know. A name's '.' and '_' are the same letter in metric names, hence collisions.

const LONGEST_NAME = 249
const LEGAL = /^[a-zA-Z0-9._-]+$/

export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTIONS_TOPIC = '__transaction_state'
export const SHARE_STATE_TOPIC = '__share_group_state'
/** The metadata log itself: a topic to the tools that read its files, to nobody else. */
export const METADATA_TOPIC = '__cluster_metadata'

const internalTopics: ReadonlySet<string> = new Set([OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARE_STATE_TOPIC])

export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name)
}

/** What is wrong with a name (the message of INVALID_TOPIC_EXCEPTION), or undefined. */
export function topicNameProblem(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '${name}' is not allowed`
  if (name.length > LONGEST_NAME) {
    return `Topic name is invalid: the length of '${name.slice(0, LONGEST_NAME)}…' is longer than the max allowed length ${LONGEST_NAME}`
  }
  return LEGAL.test(name)
    ? undefined
    : `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
}

/** Two names of one collision key cannot both exist. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
