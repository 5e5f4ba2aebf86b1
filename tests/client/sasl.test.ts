// SASL, the client's half: the exchange that RFC 7677 prints, and servers that do not keep to it.

import { expect, test } from 'vitest'
import { saslExchange } from '../../client/sasl.ts'

// RFC 7677, section 3.
const NONCE = 'rOprNGfwEbeRWgbNEkqO'
const SERVER_NONCE = `${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
const SERVER_FIRST = `r=${SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='

const credentials = { username: 'user', password: 'pencil' }
const begin = () => saslExchange('SCRAM-SHA-256', credentials, NONCE)
const say = (text: string) => Buffer.from(text)

test('SCRAM-SHA-256 says what the RFC prints', async () => {
  const exchange = begin()
  expect(String(exchange.first)).toBe(`n,,n=user,r=${NONCE}`)
  expect(String(await exchange.next(say(SERVER_FIRST)))).toBe(
    `c=biws,r=${SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  )
  expect(await exchange.next(say(SERVER_FINAL))).toBeUndefined()
  await expect(exchange.next(say(SERVER_FINAL))).rejects.toThrow(/goes on after its last message/)
})

test('PLAIN is name and password between NULs; names in SCRAM have no comma and no equals sign', async () => {
  const plain = saslExchange('PLAIN', { username: 'Jürgen', password: 'p,=w' }, '')
  expect(plain.first).toEqual(Buffer.from('\0Jürgen\0p,=w'))
  expect(await plain.next(Buffer.alloc(0))).toBeUndefined()
  const scram = saslExchange('SCRAM-SHA-512', { username: 'a=b,c', password: 'x' }, 'nonce')
  expect(String(scram.first)).toBe('n,,n=a=3Db=2Cc,r=nonce')
})

test.each([
  ['another nonce', SERVER_FIRST.replace('rOpr', 'rXpr'), /nonce does not go on from ours/],
  ['our nonce and nothing more', `r=${NONCE},s=W22Z,i=4096`, /nonce does not go on from ours/],
  ['few iterations', SERVER_FIRST.replace('4096', '4095'), /asks for 4095 iterations/],
  ['iterations without end', SERVER_FIRST.replace('4096', '999999999'), /asks for 999999999 iterations/],
  ['no salt', `r=${SERVER_NONCE},s=,i=4096`, /first message is none/],
  ['an extension that must be understood', `m=bound,${SERVER_FIRST}`, /an extension that is not known/],
  ['an error at once', 'e=other-error', /first message is none/],
  ['nothing', '', /first message is none/],
])('a server that begins with %s is not answered', async (_, serverFirst, message) => {
  await expect(begin().next(say(serverFirst))).rejects.toThrow(message)
})

test.each([
  ['a signature of another', SERVER_FINAL.replace('6rri', '7rri'), /could not prove/],
  ['a short signature', 'v=6rri', /could not prove/],
  ['an error', 'e=invalid-proof', /SCRAM-SHA-256: invalid-proof/],
  ['nothing', '', /could not prove/],
])('a server that ends with %s is not believed', async (_, serverFinal, message) => {
  const exchange = begin()
  await exchange.next(say(SERVER_FIRST))
  await expect(exchange.next(say(serverFinal))).rejects.toThrow(message)
})
