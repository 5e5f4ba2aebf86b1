// The one table of the protocol's error codes: code, name, whether a client may retry as it is, and what it
// means in our words. Codes and names are Kafka's (org.apache.kafka.common.protocol.Errors, 4.3); a code is
// retriable where Kafka's exception of that code is a RetriableException.

export type ErrorCode = number

const no = false
const yes = true

const table = [
  [-1, 'UNKNOWN_SERVER_ERROR', no, 'something failed on the server that has no code of its own'],
  [0, 'NONE', no, 'no error'],
  [1, 'OFFSET_OUT_OF_RANGE', no, 'the offset is before the start or beyond the end of the log'],
  [
    2,
    'CORRUPT_MESSAGE',
    yes,
    'a batch fails its checksum, has a wrong size, or lacks a key on a compacted topic',
  ],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', yes, 'this server has no such topic or partition'],
  [4, 'INVALID_FETCH_SIZE', no, 'the size asked for is not valid'],
  [5, 'LEADER_NOT_AVAILABLE', yes, 'the partition has no leader at the moment'],
  [
    6,
    'NOT_LEADER_OR_FOLLOWER',
    yes,
    'this broker is not the leader of the partition, or holds no replica of it',
  ],
  [7, 'REQUEST_TIMED_OUT', yes, 'the request took longer than it allowed'],
  [8, 'BROKER_NOT_AVAILABLE', no, 'the broker is not available'],
  [9, 'REPLICA_NOT_AVAILABLE', yes, 'the replica is not available for this partition'],
  [10, 'MESSAGE_TOO_LARGE', no, 'a batch is larger than the topic accepts'],
  [11, 'STALE_CONTROLLER_EPOCH', no, 'another controller has taken over'],
  [12, 'OFFSET_METADATA_TOO_LARGE', no, 'the metadata beside a committed offset is too long'],
  [13, 'NETWORK_EXCEPTION', yes, 'the connection ended before the response came'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', yes, 'the coordinator is still reading its log'],
  [15, 'COORDINATOR_NOT_AVAILABLE', yes, 'there is no coordinator to talk to at the moment'],
  [16, 'NOT_COORDINATOR', yes, 'another broker coordinates this group or transaction'],
  [17, 'INVALID_TOPIC_EXCEPTION', no, 'the topic name is not valid, or the topic may not be used this way'],
  [18, 'RECORD_LIST_TOO_LARGE', no, 'a batch is larger than a segment may be'],
  [19, 'NOT_ENOUGH_REPLICAS', yes, 'fewer replicas are in sync than the topic requires; nothing was written'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', yes, 'written, but to fewer in-sync replicas than required'],
  [21, 'INVALID_REQUIRED_ACKS', no, 'acks is none of -1, 0 and 1'],
  [22, 'ILLEGAL_GENERATION', no, 'the group has moved to another generation'],
  [23, 'INCONSISTENT_GROUP_PROTOCOL', no, "the member's protocols do not fit those of the group"],
  [24, 'INVALID_GROUP_ID', no, 'the group id is not valid'],
  [25, 'UNKNOWN_MEMBER_ID', no, 'the group has no such member'],
  [26, 'INVALID_SESSION_TIMEOUT', no, 'the session timeout is outside the range that the broker allows'],
  [27, 'REBALANCE_IN_PROGRESS', no, 'the group is rebalancing: join again'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE', no, 'the offsets to commit do not fit into one batch'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', no, 'not allowed on this topic'],
  [30, 'GROUP_AUTHORIZATION_FAILED', no, 'not allowed on this group'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', no, 'not allowed on the cluster'],
  [32, 'INVALID_TIMESTAMP', no, 'a timestamp is too far from the time of the broker'],
  [33, 'UNSUPPORTED_SASL_MECHANISM', no, 'the broker does not offer this SASL mechanism'],
  [34, 'ILLEGAL_SASL_STATE', no, 'the request does not belong at this step of authentication'],
  [35, 'UNSUPPORTED_VERSION', no, 'the broker does not serve this version of the API'],
  [36, 'TOPIC_ALREADY_EXISTS', no, 'a topic of this name exists'],
  [37, 'INVALID_PARTITIONS', no, 'the number of partitions is not valid'],
  [38, 'INVALID_REPLICATION_FACTOR', no, 'the replication factor is below 1 or above the number of brokers'],
  [39, 'INVALID_REPLICA_ASSIGNMENT', no, 'the assignment of replicas is not valid'],
  [40, 'INVALID_CONFIG', no, 'a configuration value is not valid'],
  [41, 'NOT_CONTROLLER', yes, 'this node is not the active controller'],
  [42, 'INVALID_REQUEST', no, 'the request contradicts the protocol'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', no, 'the message format on the broker cannot serve the request'],
  [44, 'POLICY_VIOLATION', no, 'the request goes against a policy of the cluster'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', no, "a batch's sequence does not follow the producer's last one"],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', no, 'the batch was appended before'],
  [47, 'INVALID_PRODUCER_EPOCH', no, "the producer's epoch is older than the one known"],
  [48, 'INVALID_TXN_STATE', no, 'the transaction is not in a state for this operation'],
  [49, 'INVALID_PRODUCER_ID_MAPPING', no, 'the transactional id belongs to another producer id'],
  [50, 'INVALID_TRANSACTION_TIMEOUT', no, 'the transaction timeout is longer than the broker allows'],
  [51, 'CONCURRENT_TRANSACTIONS', yes, 'another operation on this transaction is not finished'],
  [52, 'TRANSACTION_COORDINATOR_FENCED', no, 'the marker comes from a coordinator that was replaced'],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', no, 'not allowed on this transactional id'],
  [54, 'SECURITY_DISABLED', no, 'the broker has no authorizer'],
  [55, 'OPERATION_NOT_ATTEMPTED', no, 'not tried, because another part of the request failed'],
  [56, 'KAFKA_STORAGE_ERROR', yes, 'the log directory of the partition has failed'],
  [57, 'LOG_DIR_NOT_FOUND', no, 'the broker has no such log directory'],
  [58, 'SASL_AUTHENTICATION_FAILED', no, 'the credentials were refused'],
  [59, 'UNKNOWN_PRODUCER_ID', no, 'nothing is known of the producer on this partition'],
  [60, 'REASSIGNMENT_IN_PROGRESS', no, 'the partition is being reassigned'],
  [61, 'DELEGATION_TOKEN_AUTH_DISABLED', no, 'delegation tokens are not enabled'],
  [62, 'DELEGATION_TOKEN_NOT_FOUND', no, 'there is no such delegation token'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH', no, 'the principal neither owns nor may renew the token'],
  [64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', no, 'tokens cannot be managed over this connection'],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', no, 'not allowed on this delegation token'],
  [66, 'DELEGATION_TOKEN_EXPIRED', no, 'the delegation token has expired'],
  [67, 'INVALID_PRINCIPAL_TYPE', no, 'the type of the principal is not supported'],
  [68, 'NON_EMPTY_GROUP', no, 'the group still has members'],
  [69, 'GROUP_ID_NOT_FOUND', no, 'there is no such group'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', yes, 'there is no such fetch session'],
  [71, 'INVALID_FETCH_SESSION_EPOCH', yes, 'the epoch is not the next one of the fetch session'],
  [72, 'LISTENER_NOT_FOUND', yes, 'the leader has no listener like the one asked through'],
  [73, 'TOPIC_DELETION_DISABLED', no, 'topics may not be deleted here'],
  [74, 'FENCED_LEADER_EPOCH', yes, "the leader epoch is older than the broker's"],
  [75, 'UNKNOWN_LEADER_EPOCH', yes, "the leader epoch is newer than the broker's"],
  [
    76,
    'UNSUPPORTED_COMPRESSION_TYPE',
    no,
    'the client cannot read, or the broker not take, this compression',
  ],
  [77, 'STALE_BROKER_EPOCH', no, 'the broker has registered again since'],
  [78, 'OFFSET_NOT_AVAILABLE', yes, 'a new leader does not know yet up to where the log is committed'],
  [79, 'MEMBER_ID_REQUIRED', no, 'join again with the member id given here'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', yes, 'the preferred replica cannot lead now'],
  [81, 'GROUP_MAX_SIZE_REACHED', no, 'the group is full'],
  [82, 'FENCED_INSTANCE_ID', no, 'another member has taken the group instance id'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', yes, 'no replica may become leader now'],
  [84, 'ELECTION_NOT_NEEDED', yes, 'the partition has the leader already'],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS', no, 'the partition is not being reassigned'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC', no, 'the group is subscribed to the topic whose offsets should go'],
  [87, 'INVALID_RECORD', no, 'a record was refused'],
  [88, 'UNSTABLE_OFFSET_COMMIT', yes, 'a transaction that commits this offset is still open'],
  [89, 'THROTTLING_QUOTA_EXCEEDED', yes, 'a quota is used up'],
  [90, 'PRODUCER_FENCED', no, 'a newer producer uses the transactional id'],
  [91, 'RESOURCE_NOT_FOUND', no, 'there is no such resource'],
  [92, 'DUPLICATE_RESOURCE', no, 'a resource is named twice'],
  [93, 'UNACCEPTABLE_CREDENTIAL', no, 'the credential does not meet the requirements'],
  [94, 'INCONSISTENT_VOTER_SET', no, 'sender or receiver is not among the voters'],
  [95, 'INVALID_UPDATE_VERSION', no, 'the version to update to is not valid'],
  [96, 'FEATURE_UPDATE_FAILED', no, 'the features could not be updated'],
  [97, 'PRINCIPAL_DESERIALIZATION_FAILURE', no, 'the principal of a forwarded request cannot be read'],
  [98, 'SNAPSHOT_NOT_FOUND', no, 'there is no such snapshot'],
  [99, 'POSITION_OUT_OF_RANGE', no, 'the position is outside the snapshot'],
  [100, 'UNKNOWN_TOPIC_ID', yes, 'this server has no topic of this id'],
  [101, 'DUPLICATE_BROKER_REGISTRATION', no, 'another running broker has this id'],
  [102, 'BROKER_ID_NOT_REGISTERED', no, 'no broker has registered with this id'],
  [103, 'INCONSISTENT_TOPIC_ID', yes, "the topic id is not that of the partition's log"],
  [104, 'INCONSISTENT_CLUSTER_ID', no, 'the request is meant for another cluster'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND', no, 'there is no such transactional id'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR', yes, 'a fetch session was used with and without topic ids'],
  [107, 'INELIGIBLE_REPLICA', no, 'the new in-sync set has a replica that may not be in it'],
  [108, 'NEW_LEADER_ELECTED', no, 'the partition was changed, and has another leader now'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE', no, 'the offset is in tiered storage only'],
  [110, 'FENCED_MEMBER_EPOCH', no, 'the member was fenced: give up all partitions and join again'],
  [111, 'UNRELEASED_INSTANCE_ID', no, 'the member that holds the instance id must leave first'],
  [112, 'UNSUPPORTED_ASSIGNOR', no, 'the group does not know this assignor'],
  [113, 'STALE_MEMBER_EPOCH', no, 'the member epoch is behind: take the new one from a heartbeat'],
  [114, 'MISMATCHED_ENDPOINT_TYPE', no, 'a broker was asked as a controller, or the other way round'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE', no, 'this type of endpoint is not supported'],
  [116, 'UNKNOWN_CONTROLLER_ID', no, 'there is no controller of this id'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID', no, 'the telemetry subscription has changed'],
  [118, 'TELEMETRY_TOO_LARGE', no, 'the pushed metrics are too large'],
  [119, 'INVALID_REGISTRATION', no, 'the registration of the controller is not valid'],
  [120, 'TRANSACTION_ABORTABLE', no, 'the transaction cannot go on and must be aborted'],
  [121, 'INVALID_RECORD_STATE', no, 'a record is not in a state for this acknowledgement'],
  [122, 'SHARE_SESSION_NOT_FOUND', yes, 'there is no such share session'],
  [123, 'INVALID_SHARE_SESSION_EPOCH', yes, 'the epoch is not the next one of the share session'],
  [124, 'FENCED_STATE_EPOCH', no, 'the share coordinator has a newer state epoch'],
  [125, 'INVALID_VOTER_KEY', no, "the voter key is not the receiver's"],
  [126, 'DUPLICATE_VOTER', no, 'the voter is in the set already'],
  [127, 'VOTER_NOT_FOUND', no, 'the voter is not in the set'],
  [128, 'INVALID_REGULAR_EXPRESSION', no, 'the regular expression is not valid'],
  [129, 'REBOOTSTRAP_REQUIRED', no, 'the client must start again from its bootstrap servers'],
  [130, 'STREAMS_INVALID_TOPOLOGY', no, 'the topology of the streams group is not valid'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH', no, 'the topology epoch is not valid'],
  [132, 'STREAMS_TOPOLOGY_FENCED', no, 'the topology epoch is behind that of the group'],
  [133, 'SHARE_SESSION_LIMIT_REACHED', yes, 'the broker has no room for another share session'],
] as const

type Row = (typeof table)[number]
export type ErrorName = Row[1]

/** `errorCodes.CORRUPT_MESSAGE` is 2. */
export const errorCodes = Object.freeze(Object.fromEntries(table.map(([code, name]) => [name, code]))) as {
  readonly [R in Row as R[1]]: R[0]
}

const rows = new Map<ErrorCode, Row>(table.map((row) => [row[0], row]))

/** `CORRUPT_MESSAGE` for 2; a code that the table lacks is named by its number. */
export function errorName(code: ErrorCode): string {
  return rows.get(code)?.[1] ?? `ERROR_${code}`
}

/** Whether a client may send the same request again; an unknown code is not retriable, as in Kafka. */
export function isRetriable(code: ErrorCode): boolean {
  return rows.get(code)?.[2] ?? false
}

/** One line for people, without a full stop. */
export function errorText(code: ErrorCode): string {
  return rows.get(code)?.[3] ?? `an error with the unknown code ${code}`
}

/** All rows, for documents and tests. */
export function allErrors(): readonly {
  code: ErrorCode
  name: ErrorName
  retriable: boolean
  text: string
}[] {
  return table.map(([code, name, retriable, text]) => ({ code, name, retriable, text }))
}
