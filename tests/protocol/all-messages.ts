// Every message that is no request or response, for the tests that go through all of them.

import type { Message } from '../../broker/protocol/message.ts'
import * as consumerGroup from '../../broker/protocol/records/consumer-group.ts'
import * as consumerProtocol from '../../broker/protocol/records/consumer-protocol.ts'
import * as group from '../../broker/protocol/records/group.ts'
import { metadataRecords } from '../../broker/protocol/records/metadata.ts'
import * as raft from '../../broker/protocol/records/raft.ts'
import * as shareGroup from '../../broker/protocol/records/share-group.ts'
import * as shareState from '../../broker/protocol/records/share-state.ts'
import * as snapshot from '../../broker/protocol/records/snapshot.ts'
import * as streamsGroup from '../../broker/protocol/records/streams-group.ts'
import * as transaction from '../../broker/protocol/records/transaction.ts'

export const messages: readonly Message[] = [
  ...[
    group,
    consumerGroup,
    streamsGroup,
    shareGroup,
    shareState,
    consumerProtocol,
    transaction,
    snapshot,
    raft,
  ].flatMap((module) => Object.values(module)),
  ...metadataRecords,
]
