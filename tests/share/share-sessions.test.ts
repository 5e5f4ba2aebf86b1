// Share sessions: the epoch of each request, what is told once and kept, who is gone with a connection.

import { expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { nextEpoch, ShareSessions } from '../../broker/share/share-sessions.ts'

const topicId = 'a'.repeat(32)
const at = (partition: number) => ({ topicId, partition })
const connection = {}
const who = { groupId: 'g', memberId: 'm', connection }

test('a session is opened, changed by its epochs, and closed', () => {
  const sessions = new ShareSessions({ maxSessions: 2 })
  expect(sessions.fetch(who, 1, [], [], false)).toEqual({ errorCode: errorCodes.SHARE_SESSION_NOT_FOUND })
  expect(sessions.fetch(who, 0, [at(0)], [], true)).toEqual({ errorCode: errorCodes.INVALID_REQUEST })
  expect(sessions.fetch(who, 0, [at(0)], [], false)).toMatchObject({ partitions: [at(0)] })
  expect(sessions.fetch(who, 1, [at(1)], [], true)).toMatchObject({ partitions: [at(0), at(1)] })
  expect(sessions.fetch(who, 1, [], [], false)).toEqual({ errorCode: errorCodes.INVALID_SHARE_SESSION_EPOCH })
  expect(sessions.acknowledge('g', 'm', 2)).toBe(errorCodes.NONE)
  expect(sessions.acknowledge('g', 'm', 2)).toBe(errorCodes.INVALID_SHARE_SESSION_EPOCH)
  expect(sessions.acknowledge('g', 'm', 0)).toBe(errorCodes.INVALID_SHARE_SESSION_EPOCH)
  sessions.served('g', 'm', at(0))
  expect(sessions.fetch(who, 3, [], [], false)).toMatchObject({ partitions: [at(1), at(0)] })
  expect(sessions.fetch(who, 4, [], [at(1)], false)).toMatchObject({ partitions: [at(0)] })
  expect(sessions.fetch(who, -1, [], [], true)).toMatchObject({ partitions: [] })
  expect(sessions.close('g', 'm')).toEqual([at(0)])
  expect(sessions.acknowledge('g', 'm', -1)).toBe(errorCodes.SHARE_SESSION_NOT_FOUND)
})

test('there are no more sessions than may be; a client that goes takes its own along', () => {
  const sessions = new ShareSessions({ maxSessions: 2 })
  const other = {}
  sessions.fetch(who, 0, [at(0)], [], false)
  sessions.fetch({ ...who, memberId: 'n', connection: other }, 0, [at(1)], [], false)
  const refused = { errorCode: errorCodes.SHARE_SESSION_LIMIT_REACHED }
  expect(sessions.fetch({ ...who, memberId: 'o' }, 0, [], [], false)).toEqual(refused)
  expect(sessions.fetch(who, 0, [at(2)], [], false)).toMatchObject({ partitions: [at(2)] }) // its own is replaced
  expect(sessions.connectionClosed(connection)).toEqual([
    { groupId: 'g', memberId: 'm', partitions: [at(2)] },
  ])
  expect([sessions.size, sessions.membersOf('g')]).toEqual([1, 1])
  expect(sessions.connectionClosed(connection)).toEqual([])
})

test('after the highest epoch comes 1', () => {
  expect([nextEpoch(0), nextEpoch(0x7fffffff), nextEpoch(-1)]).toEqual([1, 1, -1])
})

test('a session is current until it ends, whoever has the same name afterwards; who waits for its end hears of it', () => {
  const sessions = new ShareSessions({ maxSessions: 2 })
  const opened = sessions.fetch(who, 0, [at(0)], [], false)
  if ('errorCode' in opened) throw new Error(`refused: ${opened.errorCode}`)
  let ended = 0
  opened.session.onEnd.add(() => ended++)
  sessions.fetch(who, 1, [at(1)], [], false)
  expect([sessions.isCurrent(opened.session), ended]).toEqual([true, 0])
  sessions.fetch({ ...who, connection: {} }, 0, [], [], false)
  expect([sessions.isCurrent(opened.session), ended]).toEqual([false, 1])
})
