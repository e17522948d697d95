/** Deleting one's own account: security rules GD-1, GD-2, LI-4, LI-1, RC-1 (security.md 1.4, 1.8). */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { eraseDue, replayErasures } from '../../src/users/erase.ts'
import { createUser, prepareUser } from '../../src/users/register.ts'
import { changeStatus, removeUser } from '../../src/users/status.ts'
import { callerWith } from '../support/api.ts'
import { authenticatorOf } from '../support/factors.ts'
import type { TestClient, TestUser } from '../support/fixtures.ts'
import { authorizePath } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { offline, type Person } from '../support/oauth.ts'
import { findEverywhere, proveAgain, sendForm } from '../support/own-page.ts'
import { eventsOf } from '../support/written.ts'

const day = 86_400
let home: InProcess
let app: TestClient
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keywright-erasures-'))
  home = await startInProcess({ KEYWRIGHT_ERASURES_FILE: join(folder, 'erasures.txt') })
  app = await home.client({ first_party: false })
})

const statusOf = async (user: TestUser): Promise<string | undefined> =>
  (await home.db<{ status: string }[]>`select status from users where id = ${user.user_id}`)[0]?.status

const signIn = async (user: TestUser, password = user.password): Promise<{ client: HttpClient; reply: Reply }> => {
  const client = home.server.client()
  const reply = await client.submit(await client.get('/login'), { login: user.email, password })
  return { client, reply }
}

/** Leaves by the page. */
const leave = async ({ user, browser }: Person): Promise<Reply> =>
  await sendForm(browser, await browser.get('/account/delete'), '/account/delete', { login: user.email })

const linkOf = async (user: TestUser): Promise<string> => {
  const { link } = await home.inbox.letter(user.email, { kind: 'erasure_requested' })
  return link.replace(home.server.issuer, '')
}

describe('LI-4', () => {
  it.each([
    [299, 200],
    [301, 303],
  ])('the page, %i seconds after the proof: %i', async (seconds, status) => {
    const { browser, user } = await home.person()
    home.pass(seconds)
    const reply = await browser.get('/account/delete')
    expect([reply.status, reply.location?.pathname]).toEqual([status, status === 200 ? undefined : '/login'])
    const again = status === 200 ? reply : await proveAgain(browser, reply, user.password)
    expect(again.url.pathname).toBe('/account/delete')
  })

  it('a form that was open for too long deletes nothing, and leads to a fresh proof', async () => {
    const person = await home.person()
    const page = await person.browser.get('/account/delete')
    home.pass(301)
    const reply = await sendForm(person.browser, page, '/account/delete', { login: person.user.email })
    expect(reply.location?.search).toBe('?again=1&return_to=%2Faccount%2Fdelete')
    expect(await statusOf(person.user)).toBe('active')
  })

  it('the API: 202 at 299 seconds, 403 with the way on at 301', async () => {
    for (const [seconds, status] of [
      [299, 202],
      [301, 403],
    ] as const) {
      const { browser, user } = await home.person()
      const { call } = await callerWith(home, browser)
      home.pass(seconds)
      const reply = await call('DELETE', 'users/me')
      expect(reply.status).toBe(status)
      expect(reply.json()).toMatchObject(
        status === 202
          ? { status: 'pending_erasure', erase_after: expect.any(String) as string }
          : { code: 'reauthentication_required', continue: expect.stringContaining('/login?again=1') as string },
      )
      expect(await statusOf(user)).toBe(status === 202 ? 'pending_erasure' : 'active')
    }
  })
})

describe('GD-1: at once', () => {
  it('sessions, tokens, consents, devices, links and sign-ins under way end in one transaction', async () => {
    const person = await home.person()
    const { user } = person
    const other = await home.person(user)
    const own = await home.client()
    const direct = await home.grant(other, own, { scope: offline })
    await home.db`insert into consents (user_id, client_id, scopes, granted_at, updated_at)
      values (${user.user_id}, ${app.client_id}, '{openid}', now(), now()) on conflict do nothing`
    expect((await home.userinfo(direct.access_token)).status).toBe(200)
    const reply = await leave(person)
    expect(reply.status).toBe(200)
    expect(reply.body).toContain('You have left')
    expect(person.browser.jar.get('kw_session')).toBeUndefined()
    for (const table of ['consents', 'devices', 'sign_ins'])
      expect([table, await home.db`select 1 from ${home.db(table)} where user_id = ${user.user_id}`]).toEqual([
        table,
        [],
      ])
    expect(await home.db`select 1 from sessions where user_id = ${user.user_id} and ended_at is null`).toEqual([])
    const open = await home.db<{ purpose: string }[]>`
      select purpose from one_time_tokens where user_id = ${user.user_id} and used_at is null`
    expect(open.map(({ purpose }) => purpose)).toEqual(['cancel_erasure'])
    expect((await home.userinfo(direct.access_token)).status).toBe(401)
    expect((await home.refresh(own, direct.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
    expect((await other.browser.get('/account')).location?.pathname).toBe('/login')
    expect((await eventsOf(home.db, user)).map(({ type }) => type)).toContain('user.erasure_requested')
  })

  it('only who types the name of the account, and never the last administrator', async () => {
    const person = await home.person()
    const page = await person.browser.get('/account/delete')
    const wrong = await sendForm(person.browser, page, '/account/delete', { login: 'somebody@example.com' })
    expect([wrong.status, wrong.body.includes('That is not this account')]).toEqual([422, true])
    expect(await statusOf(person.user)).toBe('active')
    const admin = await home.person(await home.user({ roles: ['admin'] }))
    const refused = await leave(admin)
    expect([refused.status, refused.body.includes('You are the only administrator')]).toEqual([409, true])
    const { call } = await callerWith(home, admin.browser)
    expect((await call('DELETE', 'users/me')).json()).toMatchObject({ status: 409, code: 'last_administrator' })
    const second = await home.person(await home.user({ roles: ['admin'] }))
    const both = await Promise.all([leave(admin), leave(second)])
    expect(both.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 409])
  })
})

describe('who signs in to an account that is leaving', () => {
  it('is offered nothing but to keep it: no session, no code, no token', async () => {
    const person = await home.person()
    await leave(person)
    const { client, reply } = await signIn(person.user)
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/factor/erasure'])
    expect(client.jar.get('kw_session')).toBeUndefined()
    const page = await client.walk(reply)
    expect(page.body).toContain('Keep your account?')
    expect((await client.get('/account')).location?.pathname).toBe('/login')
    for (const path of ['/factor', '/factor/action', '/factor/mail', '/factor/enrol']) {
      const sign_in = page.url.searchParams.get('sign_in') ?? ''
      const elsewhere = await client.get(`${path}?sign_in=${sign_in}`)
      if (elsewhere.status === 303) expect(elsewhere.location?.pathname).toBe('/factor/erasure')
    }
    const request = authorizePath({ ...app, client_name: '' }, { prompt: 'none' })
    expect((await client.get(request)).location?.searchParams.get('error')).toBe('login_required')
    expect(await home.db`select 1 from sessions where user_id = ${person.user.user_id} and ended_at is null`).toEqual(
      [],
    )
    expect(await statusOf(person.user)).toBe('pending_erasure')
  })

  it('LI-1: a wrong password is answered as everybody’s', async () => {
    const person = await home.person()
    await leave(person)
    const [leaving, nobody] = [
      await signIn(person.user, 'a wrong guess at it'),
      await signIn({ ...person.user, email: 'nobody-at-all@example.com' }, 'a wrong guess at it'),
    ]
    expect(leaving.reply.status).toBe(401)
    const plain = ({ body }: Reply, email: string): string =>
      body.replaceAll(email, 'EMAIL').replaceAll(/nonce="[^"]+"|name="csrf" value="[^"]+"/g, '')
    expect(plain(leaving.reply, person.user.email)).toBe(plain(nobody.reply, 'nobody-at-all@example.com'))
  })

  it('MF-1: the second step comes first', async () => {
    const person = await home.person()
    const phone = await authenticatorOf(home.ctx, person.user.user_id)
    await leave(person)
    const { client, reply } = await signIn(person.user)
    expect(reply.location?.pathname).toBe('/factor')
    const page = await client.walk(reply)
    const skipped = await client.get(`/factor/erasure${page.url.search}`)
    expect(skipped.location?.pathname).toBe('/factor')
    const confirmed = await client.walk(client.submit(page, { code: phone.code(home.ctx.now().getTime()) }))
    expect(confirmed.url.pathname).toBe('/factor/erasure')
    expect(client.jar.get('kw_session')).toBeUndefined()
  })

  it('keeps it by one press, and is signed in then; applications have to ask again', async () => {
    const person = await home.person()
    await leave(person)
    const { client, reply } = await signIn(person.user)
    const page = await client.walk(reply)
    const kept = await client.walk(sendForm(client, page, '/factor/erasure'))
    expect(kept.url.pathname).toBe('/account')
    expect(await statusOf(person.user)).toBe('active')
    expect((await eventsOf(home.db, person.user)).map(({ type }) => type)).toContain('user.erasure_cancelled')
    home.pass(8 * day)
    await eraseDue(home.ctx)
    expect(await statusOf(person.user)).toBe('active')
  })

  it('AZ-12: nobody keeps it in another browser', async () => {
    const person = await home.person()
    await leave(person)
    const { client, reply } = await signIn(person.user)
    const page = await client.walk(reply)
    const thief = home.server.client()
    expect((await thief.get(`${page.url.pathname}${page.url.search}`)).status).toBe(400)
    expect((await sendForm(thief, page, '/factor/erasure')).status).toBe(400)
    expect(await statusOf(person.user)).toBe('pending_erasure')
  })
})

describe('RC-1: the link of the letter', () => {
  it('changes nothing when it is opened, keeps the account once, and signs nobody in', async () => {
    const person = await home.person()
    await leave(person)
    const link = await linkOf(person.user)
    const client = home.server.client()
    const page = await client.get(link)
    expect([page.status, page.headers['referrer-policy']]).toEqual([200, 'strict-origin'])
    expect(await statusOf(person.user)).toBe('pending_erasure')
    const replies = await Promise.all(
      Array.from({ length: 5 }, async () => await sendForm(client, page, '/keep-account')),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await statusOf(person.user)).toBe('active')
    expect(client.jar.get('kw_session')).toBeUndefined()
    expect((await client.get(link)).status).toBe(400)
    expect((await signIn(person.user)).reply.location?.pathname).toBe('/account')
  })

  it('is worth nothing for another purpose, and nothing else works here (G-5)', async () => {
    const person = await home.person()
    await leave(person)
    const token = new URL(await linkOf(person.user), home.server.issuer).searchParams.get('token') ?? ''
    const client = home.server.client()
    for (const path of ['/reset', '/not-me', '/undo-email', '/verify'])
      expect([path, (await client.get(`${path}?token=${token}`)).status]).not.toEqual([path, 200])
    for (const wrong of ['', 'kw_ot_x', token.slice(0, -1), `${token}x`]) {
      const reply = await client.request('/api/v1/auth/keep-account', { method: 'POST', json: { token: wrong } })
      expect([reply.status, reply.json()['code']]).toEqual([400, 'dead_link'])
    }
    const kept = await client.request('/api/v1/auth/keep-account', { method: 'POST', json: { token } })
    expect(kept.json()).toEqual({ status: 'active' })
  })

  it('lives as long as the account, and no longer', async () => {
    const [early, late] = [await home.person(), await home.person()]
    await leave(early)
    await leave(late)
    const links = [await linkOf(early.user), await linkOf(late.user)]
    home.pass(7 * day - 1)
    const client = home.server.client()
    expect((await client.get(links[0] ?? '')).status).toBe(200)
    home.pass(2)
    expect((await client.get(links[1] ?? '')).status).toBe(400)
  })
})

describe('GD-1, GD-2: erasure', () => {
  /** Somebody with traces in as many places as there are. */
  const withTraces = async (): Promise<Person> => {
    const user = await home.user({ name: 'Eugenie Traceable', username: `traceable_${Date.now()}` })
    const person = await home.person(user)
    await authenticatorOf(home.ctx, user.user_id)
    const own = await home.client({ access_token_format: 'opaque' })
    await home.grant(person, own, { scope: offline, login_hint: user.email })
    await signIn(user, 'a wrong guess at it')
    const email = user.email
    await home.db`
      insert into registrations (id, email, email_canonical, browser_hash, created_at, expires_at, completed_at)
      values (gen_random_uuid(), ${email}, ${email}, '', now(), now(), now())`
    await home.db`
      insert into invitations (id, email, email_canonical, created_at, expires_at, accepted_at)
      values (gen_random_uuid(), ${email}, ${email}, now(), now(), now())`
    await home.server.client().get(authorizePath({ ...app, client_name: '' }, { login_hint: user.email }))
    return person
  }

  it('not a second early; then no table knows the person, and events know no more than that something happened', async () => {
    const person = await withTraces()
    const { user } = person
    await leave(person)
    await home.inbox.letter(user.email, { kind: 'erasure_requested' })
    home.pass(7 * day - 1)
    await eraseDue(home.ctx)
    expect(await statusOf(user)).toBe('pending_erasure')
    home.pass(2)
    await eraseDue(home.ctx)
    expect(await statusOf(user)).toBeUndefined()
    const last = await home.inbox.letter(user.email, { kind: 'account_erased' })
    expect(last.text).toContain('has been deleted')
    await home.ctx.decisions.flush(home.db)
    for (const text of [user.email, 'Traceable']) expect(await findEverywhere(home.db, text)).toEqual({})
    const left = Object.keys(await findEverywhere(home.db, user.user_id))
    expect(left.toSorted()).toEqual(['erasures', 'events', 'revocations'].filter((table) => left.includes(table)))
    const events = await eventsOf(home.db, user)
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['login.succeeded', 'user.erased']))
    for (const { ip, data } of events) expect([ip, data]).toEqual([null, {}])
  })

  it('the same address gets an account with another sub, and the id is nobody’s again', async () => {
    const person = await home.person()
    await home.revoking(async (ctx) => await removeUser(ctx, person.user.user_id))
    const again = await home.user({ email: person.user.email })
    expect(again.user_id).not.toBe(person.user.user_id)
    const now = home.ctx.now()
    const prepared = await prepareUser(home.ctx, { username: `back_${now.getTime()}` }, now)
    if (isDenial(prepared)) throw new Error(prepared.error)
    const taken = { ...prepared, id: person.user.user_id }
    const made = await transact(home.db, async (tx) => await createUser(tx, taken, now))
    expect(made).toMatchObject({ error: 'already_exists' })
  })

  it('a lock that comes meanwhile keeps nobody from being erased; enabling the account does', async () => {
    const [locked, enabled] = [await home.person(), await home.person()]
    await leave(locked)
    await leave(enabled)
    await home.revoking(async (ctx) => {
      await changeStatus(ctx, locked.user.user_id, 'locked')
      await changeStatus(ctx, enabled.user.user_id, 'active')
    })
    expect((await signIn(locked.user)).reply.status).toBe(401)
    home.pass(7 * day + 1)
    await eraseDue(home.ctx)
    expect([await statusOf(locked.user), await statusOf(enabled.user)]).toEqual([undefined, 'active'])
  })

  it('GD-2: a restored backup forgets again, whatever its own list knows', async () => {
    const person = await home.person()
    const { user_id, email } = person.user
    const [row] = await home.db`select * from users where id = ${user_id}`
    await home.revoking(async (ctx) => await removeUser(ctx, user_id))
    await eraseDue(home.ctx)
    const file = join(folder, 'erasures.txt')
    expect(await readFile(file, 'utf8')).toContain(` ${user_id}\n`)
    expect(await readFile(file, 'utf8')).not.toContain('@')
    const restore = async (): Promise<void> => {
      await home.db`insert into users ${home.db({ ...row } as never)}`
    }
    await restore()
    expect(await replayErasures(home.ctx)).toBe(1)
    expect(await findEverywhere(home.db, email)).toEqual({})
    // The backup is older than the erasure: only the file knows, and its last line was cut off.
    await writeFile(file, `${await readFile(file, 'utf8')}2026-11-2`)
    await restore()
    await home.db`delete from erasures where user_id = ${user_id}`
    expect(await replayErasures(home.ctx)).toBe(1)
    expect(await home.db`select user_id from erasures where user_id = ${user_id}`).toHaveLength(1)
    expect(await replayErasures(home.ctx)).toBe(0)
  })
})

describe('KEYWRIGHT_ERASURE_DAYS=0', () => {
  it('erases in the transaction of the wish', async () => {
    const other = await startInProcess({
      KEYWRIGHT_ERASURE_DAYS: '0',
      KEYWRIGHT_ERASURES_FILE: join(folder, 'zero.txt'),
    })
    const person = await other.person()
    const { email } = person.user
    const page = await person.browser.get('/account/delete')
    expect(page.body).toContain('There is no way back.')
    const reply = await sendForm(person.browser, page, '/account/delete', { login: email })
    expect(reply.body).toContain('Your account and everything about you is deleted.')
    await other.inbox.letter(email, { kind: 'account_erased' })
    expect(await findEverywhere(other.db, email)).toEqual({})
    expect(await other.inbox.letters(email, { kind: 'erasure_requested' })).toEqual([])
  })
})
