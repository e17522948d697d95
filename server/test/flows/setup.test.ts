/** The first run: one link, one administrator, no password that anybody could know (security rules AD-6, LI-2). */
import { describe, expect, it } from 'vitest'
import { freshDatabase, type TestDatabase } from '../support/database.ts'
import { errorIdOf, expectPage, type House, openHouse } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import type { Server } from '../support/server.ts'
import { decisionOf } from '../support/written.ts'

/** A server on a database of its own, in which nobody is an administrator yet. */
const fresh = async (): Promise<{ house: House; database: TestDatabase }> => {
  const database = await freshDatabase()
  return { house: await openHouse({ database }), database }
}

/** The link that the server printed, as a path; empty when it printed none. */
const linkOf = async (server: Server): Promise<string> => {
  // It listens before it prints.
  await expect.poll(() => server.stdout(), { timeout: 10_000 }).toContain('npm run demo')
  return /\/setup\?token=[\w]+/.exec(server.stdout())?.[0] ?? ''
}

const password = 'four calm green boats'
const fields = { email: 'First.Admin@Example.com', name: 'First Admin', username: 'first', password }

const create = async (client: HttpClient, page: Reply, values: Record<string, string> = {}): Promise<Reply> =>
  await client.submit(page, { ...fields, ...values })

const admins = async ({ sql }: House): Promise<Record<string, unknown>[]> =>
  await sql`
  select u.email, u.email_canonical, u.email_verified, u.username, u.name from users u
  join user_roles ur on ur.user_id = u.id join roles r on r.id = ur.role_id where r.name = 'admin'`

describe('the first administrator', () => {
  it('is made by the printed link, once; then it signs in, and the link is worth nothing', async () => {
    const { house } = await fresh()
    const client = house.server.client()
    expect((await client.get('/')).body).toContain('No administrator exists yet')
    const link = await linkOf(house.server)
    expect(link).toMatch(/^\/setup\?token=kw_su_[0-9A-Za-z]{40,}$/)
    const page = await client.get(link)
    expectPage(page, 200, 'Create the first administrator')
    // The link is not told to a proxy with the files of the page.
    expect(page.headers['referrer-policy']).toBe('strict-origin')
    expect(page.body).toMatch(/type="password"[^>]*autocomplete="new-password"/)
    const done = await create(client, page)
    expectPage(done, 200, 'You are ready to go')
    expect(done.body).toContain(house.server.issuer)
    expect(await admins(house)).toEqual([
      {
        email: 'First.Admin@Example.com',
        email_canonical: 'first.admin@example.com',
        email_verified: true,
        username: 'first',
        name: 'First Admin',
      },
    ])
    const events =
      await house.sql`select type, severity from all_events where type in ('user.created', 'setup.completed') order by type`
    expect(events).toEqual([
      { type: 'setup.completed', severity: 'warning' },
      { type: 'user.created', severity: 'notice' },
    ])
    expect((await client.get('/')).body).not.toContain('No administrator exists yet')
    const login = await client.get('/login')
    expect((await client.submit(login, { login: 'first', password })).location?.pathname).toBe('/account')
    for (const reply of [
      await client.get(link),
      await create(client, page, { email: 'second@example.com', username: 'second' }),
    ]) {
      expectPage(reply, 400, 'This link no longer works')
      expect(reply.body).toContain('href="/login">Sign in</a>')
      expect((await decisionOf(house.sql, errorIdOf(reply))).rule).toContain('AD-6')
    }
    expect(await admins(house)).toHaveLength(1)
    expect(await house.sql`select 1 from users`).toHaveLength(1)
  })

  it('looking at the link does not spend it, nor does an answer that was refused', async () => {
    const { house } = await fresh()
    const client = house.server.client()
    const link = await linkOf(house.server)
    for (const browser of [house.server.client(), client, client]) expectPage(await browser.get(link), 200, /./)
    const page = await client.get(link)
    expectPage(await create(client, page, { password: 'short' }), 422, /./)
    expectPage(await create(client, page), 200, 'You are ready to go')
  })

  it('twenty at once with one link: one administrator', async () => {
    const { house } = await fresh()
    const link = await linkOf(house.server)
    const replies = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const client = house.server.client()
        return await create(client, await client.get(link), { email: `a${number}@example.com`, username: `a${number}` })
      }),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 400)).toHaveLength(19)
    expect(await admins(house)).toHaveLength(1)
    expect(await house.sql`select 1 from users`).toHaveLength(1)
  })
})

describe('the link', () => {
  it('a new start prints a new one and voids the old; with an administrator there is none', async () => {
    const { house, database } = await fresh()
    const first = await linkOf(house.server)
    await house.server.stop()
    const again = await openHouse({ database })
    const second = await linkOf(again.server)
    expect(second).not.toBe(first)
    const client = again.server.client()
    expectPage(await client.get(first), 400, /./)
    expectPage(await create(client, await client.get(second)), 200, /./)
    await again.server.stop()
    const third = await openHouse({ database })
    expect(await linkOf(third.server)).toBe('')
  })

  it('an administrator who was made in another way ends it', async () => {
    const { house } = await fresh()
    const client = house.server.client()
    const page = await client.get(await linkOf(house.server))
    await house.person({ roles: ['admin'] })
    expectPage(await client.get(await linkOf(house.server)), 400, 'This link no longer works')
    expectPage(await create(client, page), 400, 'This link no longer works')
    expect(await admins(house)).toHaveLength(1)
  })

  it('is over after a day, whether anybody cleans up or not, and stored as a hash only', async () => {
    const { house } = await fresh()
    const client = house.server.client()
    const link = await linkOf(house.server)
    const [row] = await house.sql<{ seconds: number; stored: string }[]>`
      select extract(epoch from expires_at - created_at)::int as seconds, one_time_tokens::text as stored from one_time_tokens`
    expect(row?.seconds).toBe(86_400)
    expect(row?.stored).not.toContain(link.split('=')[1])
    const page = await client.get(link)
    await house.sql`update one_time_tokens set expires_at = now() - interval '1 second'`
    for (const reply of [await client.get(link), await create(client, page)]) expectPage(reply, 400, /./)
    expect(await admins(house)).toEqual([])
    for (const token of [
      '',
      'x',
      'kw_su_',
      link.slice(-40),
      `${link.split('=')[1]?.slice(0, -1) ?? ''}0`,
      'kw_ac_000000000000',
    ])
      expectPage(await client.get(`/setup?token=${token}`), 400, /./)
    expectPage(await client.get('/setup'), 400, /./)
  })
})

describe('LI-2: what may be a password', () => {
  it('a minimum length, a blocklist, nothing of the account itself; no rules about kinds of signs', async () => {
    const { house } = await fresh()
    const client = house.server.client()
    const page = await client.get(await linkOf(house.server))
    const refused: [string, RegExp][] = [
      ['', /at least 10 characters/],
      ['nine char', /at least 10 characters/],
      ['ééééé', /at least 10 characters/],
      ['password123', /too easy/],
      ['1234567890', /too easy/],
      ['aaaaaaaaaaaa', /too easy/],
      ['abcdefghijkl', /too easy/],
      ['first.admin@example.com', /too close to your name or address/],
      ['First Admin 123', /too close to your name or address/],
      ['nimda tsrif', /too close to your name or address/],
      ['x'.repeat(8).concat('y'.repeat(249)), /too long/],
    ]
    for (const [bad, why] of refused) {
      const reply = await create(client, page, { password: bad })
      expectPage(reply, 422, 'Create the first administrator')
      expect(reply.body, bad).toMatch(why)
      expect(reply.body).not.toContain(bad === '' ? '\u0000' : `"${bad}"`)
      const kept = Object.fromEntries(reply.forms[0]?.fields.map(({ name, value }) => [name, value]) ?? [])
      expect(kept).toMatchObject({ email: fields.email, name: fields.name, username: fields.username, password: '' })
    }
    expect(await house.sql`select 1 from users`).toHaveLength(0)
    expectPage(await create(client, page, { password: 'allinlowercase' }), 200, /./)
  })

  it('256 signs are a password, whatever they are', async () => {
    const { house } = await fresh()
    const client = house.server.client()
    const long = Array.from({ length: 256 }, (_, index) => String.fromCodePoint(0x4e00 + ((index * 77) % 256))).join('')
    const page = await client.get(await linkOf(house.server))
    expectPage(await create(client, page, { password: long }), 200, /./)
    const login = await client.get('/login')
    expect((await client.submit(login, { login: fields.email, password: long })).status).toBe(303)
  })

  it('addresses and names that are none are refused with their field, and nothing is made', async () => {
    const { house } = await fresh()
    const client = house.server.client()
    const page = await client.get(await linkOf(house.server))
    const refused: [Record<string, string>, string][] = [
      [{ email: 'not an address' }, 'email-error'],
      [{ email: '"quoted"@example.com' }, 'email-error'],
      [{ email: 'a@b@example.com' }, 'email-error'],
      [{ email: 'a@example.com\r\nBcc: b@example.com' }, 'email-error'],
      [{ email: '', username: '' }, 'email-error'],
      [{ username: 'with@sign' }, 'username-error'],
      [{ username: '<script>' }, 'username-error'],
    ]
    for (const [values, field] of refused) {
      const reply = await create(client, page, values)
      expectPage(reply, 422, /./)
      expect(reply.body).toContain(`id="${field}"`)
      expect(reply.body).not.toContain('<script>"')
    }
    expect(await house.sql`select 1 from users`).toHaveLength(0)
  })
})
