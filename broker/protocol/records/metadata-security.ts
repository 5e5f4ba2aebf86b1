// Records of the metadata log about who may do what, and how much of it: access control entries, credentials,
// delegation tokens, quotas. A log written by Kafka may hold them.

import {
  array,
  boolean,
  bytes,
  f,
  float64,
  int8,
  int32,
  int64,
  nullableString,
  string,
  uuid,
} from '../schema.ts'
import { defineRecord } from './metadata-record.ts'

const delegationTokenRecord = defineRecord(10, 'DelegationTokenRecord', [0, 0], {
  owner: f(string),
  requester: f(string),
  renewers: f(array(string)),
  issueTimestamp: f(int64),
  maxTimestamp: f(int64),
  expirationTimestamp: f(int64),
  tokenId: f(string),
})

const userScramCredentialRecord = defineRecord(11, 'UserScramCredentialRecord', [0, 0], {
  name: f(string),
  mechanism: f(int8),
  salt: f(bytes),
  storedKey: f(bytes),
  serverKey: f(bytes),
  iterations: f(int32),
})

const clientQuotaRecord = defineRecord(14, 'ClientQuotaRecord', [0, 0], {
  entity: f(array({ entityType: f(string), entityName: f(nullableString) })),
  key: f(string),
  value: f(float64),
  remove: f(boolean),
})

const accessControlEntryRecord = defineRecord(18, 'AccessControlEntryRecord', [0, 0], {
  id: f(uuid),
  resourceType: f(int8),
  resourceName: f(string),
  patternType: f(int8),
  principal: f(string),
  host: f(string),
  operation: f(int8),
  permissionType: f(int8),
})

const removeAccessControlEntryRecord = defineRecord(19, 'RemoveAccessControlEntryRecord', [0, 0], {
  id: f(uuid),
})

const removeUserScramCredentialRecord = defineRecord(22, 'RemoveUserScramCredentialRecord', [0, 0], {
  name: f(string),
  mechanism: f(int8),
})

const removeDelegationTokenRecord = defineRecord(26, 'RemoveDelegationTokenRecord', [0, 0], {
  tokenId: f(string),
})

export const securityRecords = [
  delegationTokenRecord,
  userScramCredentialRecord,
  clientQuotaRecord,
  accessControlEntryRecord,
  removeAccessControlEntryRecord,
  removeUserScramCredentialRecord,
  removeDelegationTokenRecord,
] as const
