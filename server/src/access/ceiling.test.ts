/** Security rules AD-2 and AD-4 (security.md 1.6): nobody acts beyond their own permissions. */
import { describe, expect, it } from 'vitest'
import { mayActAs, mayActOn, mayGive } from './ceiling.ts'

const holder = (id: string, ...permissions: string[]) => ({ id, permissions })
const admin = holder('a', 'users:read', 'users:write', 'keys:write')
const helper = holder('h', 'users:read', 'users:write')
const person = holder('p')

describe('AD-2', () => {
  it.each([
    ['what is held may be given', mayGive(helper, ['users:read']), undefined],
    ['nothing may be given', mayGive(person, []), undefined],
    ['what is not held may not', mayGive(helper, ['users:read', 'keys:write']), 'keys:write'],
    ['somebody with less may be acted on', mayActOn(admin, helper), undefined],
    ['somebody with as much may be acted on', mayActOn(helper, helper), undefined],
    ['somebody with more may not', mayActOn(helper, admin), 'keys:write'],
    ['somebody with other permissions may not', mayActOn(helper, holder('x', 'audit:read')), 'audit:read'],
  ])('%s', (_, denial, beyond) => expect(denial?.because.got).toBe(beyond))
})

describe('AD-4', () => {
  it.each([
    ['somebody with less', mayActAs(admin, person), undefined],
    ['somebody with fewer rights', mayActAs(admin, helper), undefined],
    ['somebody with the same rights', mayActAs(helper, holder('h2', 'users:read', 'users:write')), 403],
    ['oneself', mayActAs(person, person), 403],
    ['somebody with none, by somebody with none', mayActAs(person, holder('p2')), 403],
    ['somebody with more', mayActAs(helper, admin), 403],
  ])('one acts as %s', (_, denial, status) => expect(denial?.status).toBe(status))
})
