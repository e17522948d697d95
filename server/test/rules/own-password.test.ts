/** A password, changed by its owner: security rules LI-2 to LI-5, RC-3, G-2 (security.md 1.4). */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callerWith } from '../support/api.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { offline, type Person } from '../support/oauth.ts'
import { sendForm } from '../support/own-page.ts'
import { eventsOf, sessionRow } from '../support/written.ts'

const another = 'three quiet lamps at dusk'
let home: InProcess
let app: TestClient
let person: Person

beforeAll(async () => {
  home = await startInProcess()
  app = await home.client()
})
beforeEach(async () => {
  person = await home.person()
})

const kinds = async (): Promise<string[]> => (await eventsOf(home.db, person.user)).map(({ type }) => type)

describe('the password, on the page', () => {
  const change = async (client: HttpClient, values: Record<string, string>): Promise<Reply> =>
    await sendForm(client, await client.get('/account/password'), '/account/password', values)

  it.each([
    [299, false],
    [301, true],
  ])('LI-4: %i seconds after the proof the current one is asked for: %s', async (seconds, asks) => {
    home.pass(seconds)
    const page = await person.browser.get('/account/password')
    expect(page.body.includes('name="current"')).toBe(asks)
    const without = await sendForm(person.browser, page, '/account/password', { password: another })
    expect(without.status).toBe(asks ? 403 : 303)
    expect((await kinds()).includes('user.password_changed')).toBe(!asks)
    if (!asks) return
    const right = await change(person.browser, { current: person.user.password, password: another })
    expect(right.location?.search).toBe('?done=password_changed')
  })

  it('LI-4: a form that was open for too long asks for the current one, and changes nothing', async () => {
    const page = await person.browser.get('/account/password')
    home.pass(301)
    const reply = await sendForm(person.browser, page, '/account/password', { password: another })
    expect([reply.status, reply.body.includes('Enter your current password too.')]).toEqual([403, true])
    expect(await kinds()).not.toContain('user.password_changed')
  })

  it('RC-3: the secret of an authenticator that was being set up is another one afterwards', async () => {
    const shown = async (): Promise<string> => {
      const { call } = await callerWith(home, person.browser)
      return (await call('POST', 'users/me/factors', { kind: 'totp' })).json<{ secret: string }>().secret
    }
    const seen = await shown()
    expect(await shown()).toBe(seen)
    await change(person.browser, { password: another })
    expect(await shown()).not.toBe(seen)
  })

  it('RC-3, LI-3: this session goes on under a new secret; everything else that was opened with it ends', async () => {
    const { user, browser } = person
    const other = await home.person(user)
    const tokens = await home.grant(other, app, { scope: offline })
    const mine = await home.grant(person, app, { scope: offline })
    const [before, session] = [browser.jar.get('kw_session')?.value ?? '', await sessionRow(home.db, browser)]
    const devices = await home.db`select id from devices where user_id = ${user.user_id}`
    expect(devices).toHaveLength(2)
    const reset = await home.db`
      insert into one_time_tokens (token_hash, purpose, user_id, created_at, expires_at)
      values ('\\x01', 'reset_password', ${user.user_id}, now(), now() + interval '1 hour') returning id`
    expect(reset).toHaveLength(1)
    const reply = await change(browser, { password: another })
    expect(reply.location?.pathname).toBe('/account/security')
    expect((await browser.walk(reply)).body).toContain('Your password is set.')
    expect(browser.jar.get('kw_session')?.value).not.toBe(before)
    expect((await sessionRow(home.db, browser))?.id).toBe(session?.id)
    expect((await sessionRow(home.db, browser))?.auth_time).toEqual(session?.auth_time)
    const thief = home.server.client()
    expect((await thief.get('/account', { cookie: `kw_session=${before}` })).location?.pathname).toBe('/login')
    expect((await other.browser.get('/account')).location?.pathname).toBe('/login')
    for (const { refresh_token, access_token } of [tokens, mine]) {
      expect((await home.refresh(app, refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
      expect((await home.userinfo(access_token)).status).toBe(401)
    }
    const left = await home.db<{ id: string }[]>`select id from devices where user_id = ${user.user_id}`
    expect(left).toHaveLength(1)
    expect(devices.map(({ id }) => id as string)).not.toContain(left[0]?.id)
    expect(
      await home.db`select 1 from one_time_tokens where user_id = ${user.user_id} and purpose = 'reset_password'`,
    ).toEqual([])
    const again = home.server.client()
    const wrong = await again.submit(await again.get('/login'), { login: user.email, password: user.password })
    expect(wrong.status).toBe(401)
    const right = await again.submit(await again.get('/login'), { login: user.email, password: another })
    expect(right.status).toBe(303)
  })

  it('LI-4: the person is told by mail, with a way to say that it was not them', async () => {
    await change(person.browser, { password: another })
    const letter = await home.inbox.letter(person.user.email, { kind: 'password_changed' })
    expect(letter.link).toContain('/not-me?token=')
  })

  it('LI-2: the policy says why, and nothing ends', async () => {
    for (const [password, why] of [
      ['short', 'at least'],
      ['password123', 'easy to guess'],
      [person.user.email, 'name'],
    ] as const) {
      const reply = await change(person.browser, { password })
      expect([password, reply.status]).toEqual([password, 422])
      expect(reply.body.toLowerCase()).toContain(why)
    }
    expect((await person.browser.get('/account')).status).toBe(200)
    expect(await kinds()).not.toContain('user.password_changed')
  })

  it('LI-5: wrong current passwords count where sign-ins count, and slow nobody else down', async () => {
    home.pass(301)
    const page = await person.browser.get('/account/password')
    const replies: number[] = []
    for (let turn = 0; turn < 7; turn += 1) {
      const values = { current: 'a wrong guess at it', password: another }
      replies.push((await sendForm(person.browser, page, '/account/password', values)).status)
    }
    expect(replies.slice(0, 5)).toEqual([403, 403, 403, 403, 403])
    expect(replies.slice(5)).toEqual([429, 429])
    // The same browser is what is slowed down, at the sign-in page too.
    const login = await person.browser.get('/login?again=1&return_to=%2Faccount')
    const typed = { login: person.user.email, password: person.user.password }
    expect((await person.browser.submit(login, typed)).status).toBe(429)
  })

  it('G-2: of ten changes at once one is made', async () => {
    const page = await person.browser.get('/account/password')
    const replies = await Promise.all(
      Array.from({ length: 10 }, async (_, turn) =>
        sendForm(home.server.client(person.browser.jar), page, '/account/password', { password: `${another} ${turn}` }),
      ),
    )
    expect(replies.filter(({ location }) => location?.search === '?done=password_changed')).toHaveLength(1)
    expect((await kinds()).filter((type) => type === 'user.password_changed')).toHaveLength(1)
  })

  it('whoever has none sets the first one after a fresh proof', async () => {
    await home.db`delete from password_credentials where user_id = ${person.user.user_id}`
    home.pass(301)
    const stale = await person.browser.get('/account/password')
    expect(stale.location?.search).toBe('?again=1&return_to=%2Faccount%2Fpassword')
    home.pass(-301)
    const page = await person.browser.get('/account/password')
    expect([page.body.includes('Set a password'), page.body.includes('name="current"')]).toEqual([true, false])
    const reply = await sendForm(person.browser, page, '/account/password', { password: another })
    expect(reply.location?.search).toBe('?done=password_changed')
  })
})

describe('POST /api/v1/auth/change-password', () => {
  it.each([
    [299, {}, 204],
    [301, {}, 403],
    [301, { current_password: 'a wrong guess at it' }, 403],
    [301, { current_password: 'right' }, 204],
  ])('LI-4: %i seconds after the proof, %j: %i', async (seconds, given, status) => {
    const { call } = await callerWith(home, person.browser)
    home.pass(seconds)
    const current = 'current_password' in given && given.current_password === 'right'
    const sent = { ...given, ...(current && { current_password: person.user.password }), new_password: another }
    const reply = await call('POST', 'auth/change-password', sent)
    expect(reply.status).toBe(status)
    const code = status === 204 ? undefined : reply.json()['code']
    expect([undefined, 'reauthentication_required', 'wrong_password']).toContain(code)
    expect((await person.browser.get('/account')).status).toBe(200)
    expect((await kinds()).includes('user.password_changed')).toBe(status === 204)
  })

  it('G-2: of ten calls of an application at once, each with the password so far, one is the change', async () => {
    const api = `${home.server.issuer}/api/v1`
    const own = await home.client({ scope: 'openid account', resources: [api] })
    const { access_token } = await home.grant(person, own, { scope: 'openid account', resource: api })
    home.pass(1)
    const replies = await Promise.all(
      Array.from({ length: 10 }, async (_, turn) =>
        home.server.client().request('/api/v1/auth/change-password', {
          method: 'POST',
          json: { current_password: person.user.password, new_password: `${another} ${turn}` },
          headers: { authorization: `Bearer ${access_token}` },
        }),
      ),
    )
    expect(replies.filter(({ status }) => status === 204)).toHaveLength(1)
    expect((await kinds()).filter((type) => type === 'user.password_changed')).toHaveLength(1)
  })

  it('RFC 9470: an application with an old sign-in is told to ask for a newer one', async () => {
    const api = `${home.server.issuer}/api/v1`
    const own = await home.client({ scope: 'openid account', resources: [api] })
    const { access_token } = await home.grant(person, own, { scope: 'openid account', resource: api })
    const send = async (): Promise<Reply> =>
      await home.server.client().request('/api/v1/auth/change-password', {
        method: 'POST',
        json: { new_password: another },
        headers: { authorization: `Bearer ${access_token}` },
      })
    home.pass(299)
    const { status } = await send()
    expect(status).toBe(204)
    expect((await send()).status).toBe(401)
  })
})
