/** Security rule LI-4, address by address: what a thief of a session must not do wants a proof of the last five minutes (security.md 1.4, 1.9). */
import { beforeAll, expect, it } from 'vitest'
import { type Caller, callerWith } from '../support/api.ts'
import { authenticatorOf } from '../support/factors.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'

let home: InProcess
let browser: HttpClient
let call: Caller['call']
let csrf: string
const ids = { factor: '', other: '', export: '01900000-0000-7000-8000-000000000000' }

beforeAll(async () => {
  home = await startInProcess()
  const user = await home.user({ roles: ['admin'] })
  ;({ browser } = await home.person(user))
  ids.factor = (await authenticatorOf(home.ctx, user.user_id)).id
  ids.other = (await home.user()).user_id
  ;({ call } = await callerWith(home, browser))
  const { forms } = await browser.get('/account/passkeys')
  csrf = forms.flatMap(({ fields }) => fields).find(({ name }) => name === 'csrf')?.value ?? ''
  home.pass(301)
})

const filled = (path: string): string => path.replace(/:(\w+)/g, (_, name: keyof typeof ids) => ids[name])

it.each<[Parameters<Caller['call']>[0], string, object?]>([
  ['POST', 'users/me/factors', { kind: 'totp' }],
  ['POST', 'users/me/factors/confirm', { kind: 'totp', id: 'x', code: '000000' }],
  ['POST', 'users/me/factors/backup-codes'],
  ['POST', 'users/me/factors/:factor/remove', { kind: 'backup_code', code: 'x' }],
  ['POST', 'users/me/factors/:factor/remove/send', { kind: 'email' }],
  ['DELETE', 'users/me/factors/:factor'],
  ['POST', 'users/me/passkeys/options', {}],
  ['POST', 'users/me/passkeys', { credential: {} }],
  ['DELETE', 'users/me/passkeys/:export'],
  ['POST', 'users/me/email', { email: 'another@example.com' }],
  ['POST', 'users/me/export'],
  ['POST', 'users/me/export/:export/download'],
  ['DELETE', 'users/me'],
  ['POST', 'auth/change-password', { new_password: 'seven loud brass bells' }],
  ['DELETE', 'users/:other'],
  ['POST', 'users/:other/reset-factors'],
  ['POST', 'users/:other/impersonate', { reason: 'ticket 4711' }],
  ['PATCH', 'users/:other', { email: 'another@example.com' }],
  ['PATCH', 'users/:other', { email_verified: true }],
  ['POST', 'users', { email: 'another@example.com', roles: ['user'] }],
  ['POST', 'users/invitations', { email: 'another@example.com', roles: ['user'] }],
  ['GET', 'users/export'],
])('%s /api/v1/%s is refused, with the way to a fresh proof', async (method, path, body) => {
  const reply = await call(method, filled(path), body)
  expect([reply.status, reply.json()['code']]).toEqual([403, 'reauthentication_required'])
  expect(reply.json()['continue']).toContain('/login?again=1')
})

it('POST /api/v1/users/import is refused', async () => {
  const { csrf_token } = (await browser.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
  const headers = { 'content-type': 'application/x-ndjson', origin: home.server.issuer, 'x-csrf-token': csrf_token }
  const body = '{"email":"another@example.com"}'
  const reply = await browser.request('/api/v1/users/import', { method: 'POST', headers, body })
  expect([reply.status, reply.json()['code']]).toEqual([403, 'reauthentication_required'])
})

it.each([
  'passkeys',
  'passkeys/remove',
  'factors/totp',
  'factors/email',
  'factors/sms',
  'factors/backup-codes',
  'factors/remove/totp/:factor',
  'email',
  'delete',
  'data',
  'data/download',
])('POST /account/%s leads to a fresh proof', async (path) => {
  const values = { csrf, id: ids.export, credential: '{}', send: '1', email: 'another@example.com', code: '000000' }
  const reply: Reply = await browser.post(`/account/${filled(path)}`, values, { origin: home.server.issuer })
  expect([reply.status, reply.location?.pathname, reply.location?.searchParams.get('again')]).toEqual([
    303,
    '/login',
    '1',
  ])
})
