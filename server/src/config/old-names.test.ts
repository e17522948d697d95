import { expect, test } from 'vitest'
import { findOldName, oldNameNotices, oldNames } from './old-names.ts'
import { leavesOf } from './schema.ts'

const ours = leavesOf().map(({ leaf }) => leaf.env)

test('every row leads to a setting that exists, or says in a sentence why there is none', () => {
  const gone = oldNames.filter(({ ours: target }) => target === undefined)
  expect(ours).toEqual(expect.arrayContaining(oldNames.flatMap(({ ours: target }) => target ?? [])))
  expect(gone.filter(({ remark }) => !/^[A-Z].*\.$/.test(remark))).toEqual([])
  expect(oldNames.filter(({ how }) => how === 'none' || how === 'key')).toEqual(gone)
})

test('no name stands twice, and none of them is ours', () => {
  const names = oldNames.flatMap((row) => row.names)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => ours.includes(name) || name.startsWith('KEYWRIGHT_'))).toEqual([])
})

test.each([
  ['APP_NAME', 'KEYWRIGHT_NAME'],
  ['ISSUER_URL', 'KEYWRIGHT_ISSUER'],
  ['SECRET_KEY', 'KEYWRIGHT_ROOT_SECRET'],
  ['JWT_ALGORITHM', 'KEYWRIGHT_SIGNING_ALGS'],
  ['JWT_PRIVATE_KEY_PATH', undefined],
  ['JWT_PUBLIC_KEY_PATH', undefined],
  ['ACCESS_TOKEN_EXPIRE_MINUTES', 'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS'],
  ['ACCESS_TOKEN_EXPIRE_SECONDS', 'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS'],
  ['REFRESH_TOKEN_EXPIRE_DAYS', 'KEYWRIGHT_REFRESH_IDLE_SECONDS'],
  ['SESSION_COOKIE_NAME', undefined],
  ['SESSION_COOKIE_ANYTHING', undefined],
  ['CACHE_URL', 'REDIS_URL'],
  ['RATE_LIMIT_PER_MINUTE', 'KEYWRIGHT_LIMIT_ADDRESS'],
  ['RATE_LIMIT_ANYTHING', undefined],
  ['SMTP_HOST', 'KEYWRIGHT_SMTP_URL'],
  ['SMTP_FROM', 'KEYWRIGHT_MAIL_FROM'],
])('%s belongs to %s', (name, target) => {
  const row = findOldName(name)
  expect(row).toBeDefined()
  expect(row?.ours).toBe(target)
})

test('an unknown name has no row, and no notice', () => {
  expect(findOldName('PATH')).toBeUndefined()
  expect(oldNameNotices(new Map([['PATH', '/bin']]), new Set(['PATH']))).toEqual([])
})
