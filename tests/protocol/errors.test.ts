// The error table: complete, without doubles, and the few that clients' behaviour hangs on.

import { expect, test } from 'vitest'
import { allErrors, errorCodes, errorName, errorText, isRetriable } from '../../broker/protocol/errors.ts'

test('codes run from -1 to 133 without a gap, names are distinct', () => {
  expect(allErrors().map((error) => error.code)).toEqual(Array.from({ length: 135 }, (_, i) => i - 1))
  expect(new Set(allErrors().map((error) => error.name)).size).toBe(135)
  expect(allErrors().every((error) => /^[A-Z][A-Z_]*[A-Z]$/.test(error.name) && error.text.length > 5)).toBe(
    true,
  )
})

test('names and codes lead to each other', () => {
  for (const { code, name } of allErrors()) {
    expect(errorCodes[name]).toBe(code)
    expect(errorName(code)).toBe(name)
  }
  expect(errorCodes.TRANSACTION_ABORTABLE).toBe(120)
  expect(errorCodes.STALE_MEMBER_EPOCH).toBe(113)
  expect(errorCodes.PRODUCER_FENCED).toBe(90)
})

test('retriable is what lets a client try again by itself', () => {
  expect([3, 5, 6, 7, 14, 15, 16, 19, 51, 56, 74, 88].every(isRetriable)).toBe(true)
  expect([-1, 0, 1, 10, 22, 25, 27, 35, 45, 47, 79, 82, 90, 120].some(isRetriable)).toBe(false)
})

test('a code that is not known is named by its number and not retried', () => {
  expect([errorName(999), isRetriable(999), errorText(999)]).toEqual([
    'ERROR_999',
    false,
    'an error with the unknown code 999',
  ])
})
