/** Security rule G-5: a link of a letter is worth something at its own door, and nothing at any other (security.md 1.0b). */
import { beforeAll, describe, expect, it } from 'vitest'
import { csrfToken } from '../../src/http/csrf.ts'
import { makeLink, type Purpose } from '../../src/users/one-time.ts'
import { goodPassword } from '../support/entry.ts'
import { type House, openHouse } from '../support/flow.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})

describe('G-5: each purpose at its own door', () => {
  const doors: [string, Purpose][] = [
    ['/verify', 'verify_email'],
    ['/reset', 'reset_password'],
    ['/login/link', 'sign_in'],
    ['/not-me', 'not_me'],
    ['/undo-email', 'undo_email'],
    ['/invite', 'invite'],
  ]
  const purposes: Purpose[] = [
    'verify_email',
    'reset_password',
    'undo_email',
    'not_me',
    'sign_in',
    'factor',
    'change_email',
    'change_phone',
    'invite',
    'cancel_erasure',
    'export',
    'setup',
  ]
  const crossed = doors.flatMap(([path, own]) =>
    purposes.filter((purpose) => purpose !== own).map((purpose): [string, Purpose] => [path, purpose]),
  )

  it.each(crossed)(
    'GET and POST %s with a token of the purpose %s: 400, and the token stays',
    async (path, purpose) => {
      const person = await house.person()
      const facts = { user_id: person.user_id, address: person.email, now: new Date() }
      const token = await makeLink(house.sql, { purpose, ...facts })
      const browser = house.server.client()
      await browser.get('/recover')
      const shown = await browser.get(`${path}?token=${token}`)
      expect(shown.status).toBe(400)
      const contexts: Record<string, string> = { '/verify': 'verify', '/reset': 'reset', '/login/link': 'login-link' }
      const context = contexts[path] ?? path.slice(1).replace('-', '_')
      const csrf = csrfToken(house.ctx, browser.jar.get('kw_browser')?.value ?? '', context)
      const form = { csrf, token, password: goodPassword, name: 'Ada' }
      const sent = await browser.post(path, form, { origin: house.server.issuer })
      expect(sent.status).toBe(400)
      const rows = await house.sql`select 1 from one_time_tokens where user_id = ${person.user_id} and used_at is null`
      expect(rows).toHaveLength(1)
      expect(browser.jar.get('kw_session')).toBeUndefined()
    },
  )
})
