/**
 * Owns the forms of second steps, passkeys and acting as somebody else, for the test of all forms (rules/forms.test.ts): a
 * browser in the right state, and the fields beside the token. That they work is shown by the tests of their own; here it
 * matters that they do not work without what belongs to them. Start reading at `stepForms`.
 */
import { randomUUID } from 'node:crypto'
import { callerOf } from './api.ts'
import { authenticatorOf } from './factors.ts'
import { type House, signIn, signInOn } from './flow.ts'
import type { HttpClient } from './http.ts'

export type StepForm = { client: HttpClient; path: string; fields: Record<string, string> }

/** The forms by the addresses of app.ts. */
export const stepForms = (houseOf: () => House): Record<string, () => Promise<StepForm>> => {
  const onAccount = async (path: string): Promise<StepForm> => {
    const house = houseOf()
    const client = house.server.client()
    await signIn(client, await house.person())
    return { client, path, fields: {} }
  }
  const onSignIn = async (path: string): Promise<StepForm> => {
    const house = houseOf()
    const person = await house.person()
    await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await signInOn(client, await client.get('/login'), person)
    return { client, path, fields: { sign_in: page.url.searchParams.get('sign_in') ?? '' } }
  }
  const same = (paths: readonly string[], open: (path: string) => Promise<StepForm>) =>
    Object.fromEntries(paths.map((path) => [path, async () => await open(path)]))
  return {
    ...same(['/factor', '/factor/action', '/factor/mail', '/factor/enrol', '/factor/stuck'], onSignIn),
    ...same(
      [
        '/account/passkeys',
        '/account/passkeys/rename',
        '/account/passkeys/remove',
        '/account/keys',
        '/account/keys/switch',
        '/account/keys/delete',
        '/account/factors/rename',
        '/account/factors/totp',
        '/account/factors/email',
        '/account/factors/sms',
        '/account/factors/backup-codes',
        '/account/factors/backup-codes/download',
      ],
      onAccount,
    ),
    '/account/factors/remove/:kind/:id': async () => await onAccount(`/account/factors/remove/totp/${randomUUID()}`),
    '/login/passkey': async () =>
      await Promise.resolve({ client: houseOf().server.client(), path: '/login/passkey', fields: {} }),
    '/impersonation/stop': async () => {
      const house = houseOf()
      const { client, call } = await callerOf(house, await house.person({ roles: ['admin'] }))
      await call('POST', `users/${(await house.person()).user_id}/impersonate`, { reason: 'test of forms' })
      return { client, path: '/impersonation/stop', fields: {} }
    },
  }
}
