// Every message that is no request or response, for the tests that go through all of them.

import type { Message } from '../../broker/protocol/message.ts'

export const messages: Message[] = []
