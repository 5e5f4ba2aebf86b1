// Which questions are asked together, of one fresh broker: answers/<set>.json has what Kafka said to each set.

import { adminQuestions } from './admin.ts'
import { configQuestions } from './configs.ts'
import { consumerGroupQuestions } from './consumer-groups.ts'
import { dataQuestions } from './data.ts'
import { featureQuestions } from './features.ts'
import { fetchSessionQuestions } from './fetch-sessions.ts'
import { groupQuestions } from './groups.ts'
import { produceQuestions } from './produce.ts'
import type { Question } from './question.ts'
import { shareGroupQuestions } from './share-groups.ts'
import { streamsGroupQuestions } from './streams-groups.ts'
import { quotaQuestions } from './quotas.ts'
import { topicLifeQuestions } from './topic-life.ts'
import { topicQuestions } from './topics.ts'
import { transactionQuestions } from './transactions.ts'

export const questionSets: Readonly<Record<string, readonly Question[]>> = {
  basics: [...topicQuestions, ...dataQuestions, ...groupQuestions],
  features: featureQuestions,
  transactions: transactionQuestions,
  admin: adminQuestions,
  configs: configQuestions,
  'consumer-groups': consumerGroupQuestions,
  'topic-life': topicLifeQuestions,
  'share-groups': shareGroupQuestions,
  'streams-groups': streamsGroupQuestions,
  quotas: quotaQuestions,
  'fetch-sessions': fetchSessionQuestions,
  produce: produceQuestions,
}
