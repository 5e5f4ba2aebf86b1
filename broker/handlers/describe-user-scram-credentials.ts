// DescribeUserScramCredentials, version 0. No user can have a credential while there is no authentication, and that is
// the answer: kafka-configs asks for them whenever it describes a user. Codes of Kafka's ScramImage.

import { errorCodes } from '../protocol/errors.ts'
import type { Request, Response } from './context.ts'

export function handleDescribeUserScramCredentials({
  users,
}: Request<'DescribeUserScramCredentials'>): Response<'DescribeUserScramCredentials'> {
  const names = (users ?? []).map(({ name }) => name)
  return {
    errorCode: errorCodes.NONE,
    errorMessage: '',
    results: [...new Set(names)].map((user) => {
      const isRepeated = names.indexOf(user) !== names.lastIndexOf(user)
      return {
        user,
        errorCode: isRepeated ? errorCodes.DUPLICATE_RESOURCE : errorCodes.RESOURCE_NOT_FOUND,
        errorMessage: isRepeated
          ? `The user ${user} is named more than once.`
          : `The user ${user} has no SCRAM credential.`,
        credentialInfos: [],
      }
    }),
  }
}
