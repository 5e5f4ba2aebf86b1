// What is asked about features: which are finalized, and updates that are dry or refused.

import { updateFeatures } from '../../../broker/protocol/apis/update-features.ts'
import { type Question, questions } from './question.ts'

const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const UNSAFE_DOWNGRADE = 3
const SERVED = 'transaction.version'

/** One update in the words of every version: the first knows no kinds of downgrade and no dry run. */
const update =
  (feature: string, maxVersionLevel: number, upgradeType: number, validateOnly: boolean) =>
  ({ version }: { version: number }) => ({
    timeoutMs: 5000,
    featureUpdates: [
      { feature, maxVersionLevel, ...(version === 0 ? { allowDowngrade: true } : { upgradeType }) },
    ],
    ...(version === 0 ? {} : { validateOnly }),
  })

export const featureQuestions: Question[] = [
  ...questions('a level that is there', updateFeatures, [0, 2], update(SERVED, 2, UPGRADE, false)),
  ...questions('metadata.version as it is', updateFeatures, [1, 2], update('metadata.version', 30, 1, true)),
  ...questions('a level too high', updateFeatures, [0, 2], update('metadata.version', 99, UPGRADE, true)),
  ...questions('a level too low', updateFeatures, [1, 2], update('metadata.version', 1, 3, true)),
  ...questions('below zero', updateFeatures, [0, 2], update(SERVED, -1, UPGRADE, true)),
  ...questions('an unknown feature', updateFeatures, [0, 2], update('no.such', 1, UPGRADE, true)),
  ...questions('an unknown feature at 0', updateFeatures, [1, 2], update('no.such', 0, UPGRADE, true)),
  ...questions('down as an upgrade', updateFeatures, [0, 2], update(SERVED, 0, UPGRADE, true)),
  ...questions('down', updateFeatures, [1, 2], update(SERVED, 0, SAFE_DOWNGRADE, true)),
  ...questions('up as a downgrade', updateFeatures, [1, 2], update(SERVED, 2, SAFE_DOWNGRADE, true)),
  ...questions('an unknown kind', updateFeatures, [1, 2], update(SERVED, 1, 9, true)),
  ...questions('metadata.version down', updateFeatures, [1, 2], update('metadata.version', 22, 2, true)),
  ...questions(
    'metadata.version down, unsafe',
    updateFeatures,
    [1, 2],
    update('metadata.version', 22, UNSAFE_DOWNGRADE, true),
  ),
  ...questions('nothing', updateFeatures, [0, 2], () => ({ timeoutMs: 5000, featureUpdates: [] })),
  ...questions('one that is good and one that is not', updateFeatures, [1, 2], () => ({
    timeoutMs: 5000,
    featureUpdates: [
      { feature: SERVED, maxVersionLevel: 0, upgradeType: SAFE_DOWNGRADE },
      { feature: 'no.such', maxVersionLevel: 1, upgradeType: UPGRADE },
    ],
    validateOnly: false,
  })),
]
