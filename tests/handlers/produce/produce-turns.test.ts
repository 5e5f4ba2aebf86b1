// Appends of a connection begin in the order of its requests, whatever is looked at for how long.

import { expect, test } from 'vitest'
import { ProduceTurns } from '../../../broker/handlers/produce/produce-turns.ts'
import type { ConnectionInfo } from '../../../broker/net/net.ts'

const connectionOf = (id: number): ConnectionInfo => ({
  id,
  localHost: '',
  localPort: 0,
  remoteHost: '',
  remotePort: 0,
  clientSoftwareName: '',
  clientSoftwareVersion: '',
  mutedUntilMs: 0,
})

test('what is ready waits for what is not, on its own connection only', async () => {
  const turns = new ProduceTurns()
  const [one, other] = [connectionOf(1), connectionOf(1)]
  const begun: string[] = []
  const begin = (name: string) => (): Promise<string> => {
    begun.push(name)
    return Promise.resolve(name)
  }
  let inspected = (): void => {}
  const answers = [
    turns.take(one, undefined, begin('first')),
    turns.take(one, new Promise<void>((resolve) => (inspected = resolve)), begin('large')),
    turns.take(one, undefined, begin('behind it')),
    turns.take(other, undefined, begin('elsewhere')),
  ]
  expect(begun).toEqual(['first', 'elsewhere'])
  inspected()
  expect(await Promise.all(answers)).toEqual(['first', 'large', 'behind it', 'elsewhere'])
  expect(begun).toEqual(['first', 'elsewhere', 'large', 'behind it'])
  void turns.take(one, undefined, begin('at once'))
  expect(begun.at(-1)).toBe('at once')
})

test('a turn ends with the append, not with its answer; one that fails holds nobody up', async () => {
  const turns = new ProduceTurns()
  const connection = connectionOf(1)
  let answer = (_text: string): void => {}
  const waiting = turns.take(
    connection,
    Promise.resolve(),
    () => new Promise<string>((resolve) => (answer = resolve)),
  )
  const failing = turns.take(connection, undefined, () => {
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await turns.take(connection, undefined, () => Promise.resolve('next'))).toBe('next')
  answer('at last')
  expect(await waiting).toBe('at last')
})
