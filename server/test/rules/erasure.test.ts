/** What is left of somebody whose account is erased: security rules GD-1, GD-2 (security.md 1.8). */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { deny, isDenial } from '../../src/protocol/errors.ts'
import { eraseDue, replayErasures } from '../../src/users/erase.ts'
import { createUser, prepareUser } from '../../src/users/register.ts'
import { changeStatus, removeUser } from '../../src/users/status.ts'
import { authenticatorOf } from '../support/factors.ts'
import type { TestClient, TestUser } from '../support/fixtures.ts'
import { authorizePath } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { offline, type Person } from '../support/oauth.ts'
import { findEverywhere, sendForm } from '../support/own-page.ts'
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
    const reason = deny('invalid_request', 'Not so.', { rule: 'some rule', got: `somebody called ${email} sent it` })
    home.ctx.decisions.record(reason, { route: '/login', request_id: 'request', now: home.ctx.now() })
    await home.ctx.decisions.flush(home.db)
    return person
  }

  it('not a second early; then no table knows the person, and events know no more than that something happened', async () => {
    const before = await home.db`select bucket from login_throttles`
    const person = await withTraces()
    const { user } = person
    expect(Object.keys(await findEverywhere(home.db, user.email))).toContain('decisions')
    expect((await home.db`select bucket from login_throttles`).length).toBeGreaterThan(before.length)
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
    expect(await home.db`select bucket from login_throttles`).toEqual(before)
    const left = Object.keys(await findEverywhere(home.db, user.user_id))
    expect(left.toSorted()).toEqual(['erasures', 'events', 'revocations'].filter((table) => left.includes(table)))
    const events = await eventsOf(home.db, user)
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['login.succeeded', 'user.erased']))
    for (const { ip, data } of events) expect([ip, data]).toEqual([null, {}])
  })

  it('of an administrator: the events of others keep who it was, by the id alone', async () => {
    const admin = await home.user({ roles: ['admin'] })
    const { user_id } = await home.user()
    const by = { actor_id: admin.user_id, ip: '203.0.113.77', user_agent: 'Traceable Browser' }
    await home.revoking(async (ctx) => {
      await changeStatus(ctx, user_id, 'locked', by)
      await removeUser(ctx, admin.user_id)
    })
    const event = (await eventsOf(home.db, { user_id })).find(({ type }) => type === 'user.disabled')
    expect(event).toMatchObject({ ip: null, data: { by: admin.user_id } })
    for (const text of [by.ip, by.user_agent]) expect(await findEverywhere(home.db, text)).toEqual({})
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

  it('one account that cannot be erased keeps nobody else waiting', async () => {
    const [stuck, other] = [await home.person(), await home.person()]
    for (const person of [stuck, other]) await leave(person)
    await home.db.unsafe(`
      create function keep_one() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$;
      create trigger keep_one before delete on users for each row when (old.id = '${stuck.user.user_id}') execute function keep_one()`)
    home.pass(8 * day)
    await eraseDue(home.ctx)
    expect([await statusOf(stuck.user), await statusOf(other.user)]).toEqual(['pending_erasure', undefined])
    await home.db.unsafe('drop trigger keep_one on users')
    await eraseDue(home.ctx)
    expect(await statusOf(stuck.user)).toBeUndefined()
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
