/** The one gate that every issuing path asks (security rule G-3), as a table. */
import { describe, expect, it } from 'vitest'
import { mayAct } from './subject.ts'

const user = (status: string) => ({ id: 'u1', status })
const client = (status: string) => ({ client_id: 'app_1', status })

describe('mayAct', () => {
  it.each([
    ['an active account and an enabled client', { user: user('active'), client: client('enabled') }],
    ['an account alone', { user: user('active') }],
    ['a client alone', { client: client('enabled') }],
  ])('lets %s pass', (_name, facts) => {
    expect(mayAct(facts, 'invalid_grant')).toBeUndefined()
  })

  it.each([
    ['disabled', { user: user('disabled') }, 'disabled'],
    ['locked', { user: user('locked') }, 'locked'],
    ['leaving', { user: user('pending_erasure') }, 'pending_erasure'],
    ['of a status nobody knows', { user: user('odd') }, 'odd'],
    ['gone', { user: null }, 'no such account'],
    ['active, at a disabled client', { user: user('active'), client: client('disabled') }, 'disabled'],
    ['active, at a client that is gone', { user: user('active'), client: null }, 'no such client'],
  ])('stops an account that is %s', (_name, facts, got) => {
    expect(mayAct(facts, 'invalid_grant')).toMatchObject({ denied: true, error: 'invalid_grant', because: { got } })
  })

  it('speaks with the code that the asking endpoint owes, and tells the caller nothing', () => {
    for (const error of ['invalid_grant', 'invalid_token', 'login_required']) {
      const denial = mayAct({ user: user('locked') }, error)
      expect(denial?.error).toBe(error)
      expect(denial?.error_description).not.toContain('locked')
    }
  })
})
