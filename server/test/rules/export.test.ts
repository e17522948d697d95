/** The copy of one's own data: security rules GD-1, LI-4, RC-1, AD-3, KY-1 (security.md 1.4, 1.6, 1.8). */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeExports } from '../../src/account/export.ts'
import { callerWith } from '../support/api.ts'
import { authenticatorOf, backupCodesOf } from '../support/factors.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { offline, type Person } from '../support/oauth.ts'
import { sendForm } from '../support/own-page.ts'

const day = 86_400
const downloadPath = '/account/data/download'
let home: InProcess
let person: Person

beforeAll(async () => {
  home = await startInProcess()
})
beforeEach(async () => {
  person = await home.person()
})

const isRequest = {
  form: ({ action, fields }: { action: string; fields: { name: string }[] }) =>
    action === '/account/data' && fields.length > 0,
}
const ask = async (client: HttpClient = person.browser): Promise<Reply> =>
  await client.submit(await client.get('/account/data'), {}, isRequest)

/** Takes the newest copy out by the button of the page. */
const press = async (client: HttpClient): Promise<Reply> => {
  const page = await client.get('/account/data')
  const button = page.forms.flatMap(({ buttons }) => buttons).find(({ name }) => name === 'id')
  return await sendForm(client, page, downloadPath, { id: button?.value ?? '' })
}

const linkOf = async (): Promise<string> =>
  (await home.inbox.letter(person.user.email, { kind: 'export_ready' })).link.replace(home.server.issuer, '')

describe('LI-4', () => {
  it.each([
    [299, 202],
    [301, 403],
  ])('the API, %i seconds after the proof: %i', async (seconds, status) => {
    const { call } = await callerWith(home, person.browser)
    home.pass(seconds)
    expect((await call('POST', 'users/me/export')).status).toBe(status)
  })

  it.each([
    [299, 200],
    [301, 403],
  ])('the API takes it out, %i seconds after the proof: %i', async (seconds, status) => {
    const { call } = await callerWith(home, person.browser)
    const { id } = (await call('POST', 'users/me/export')).json<{ id: string }>()
    await makeExports(home.ctx)
    home.pass(seconds)
    expect((await call('POST', `users/me/export/${id}/download`)).status).toBe(status)
    const events = await home.db<{ type: string }[]>`
      select type from all_events where user_id = ${person.user.user_id} and type = 'user.export_downloaded'`
    expect(events).toHaveLength(status === 200 ? 1 : 0)
  })

  it('the page: asking and taking out need a fresh proof; the link of the letter is one', async () => {
    const page = await person.browser.get('/account/data')
    home.pass(301)
    expect((await person.browser.submit(page, {}, isRequest)).location?.pathname).toBe('/login')
    home.pass(-301)
    await ask()
    await makeExports(home.ctx)
    const link = await linkOf()
    home.pass(301)
    expect((await press(person.browser)).location?.pathname).toBe('/login')
    const opened = await person.browser.get(link)
    expect((await sendForm(person.browser, opened, downloadPath)).status).toBe(200)
  })
})

describe('GD-1', () => {
  it('one a day: 429 tells when, also for twenty at once', async () => {
    const { call } = await callerWith(home, person.browser)
    const replies = await Promise.all(Array.from({ length: 20 }, async () => await call('POST', 'users/me/export')))
    expect(replies.filter(({ status }) => status === 202)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(19)
    home.pass(100)
    const late = await call('POST', 'users/me/export')
    expect(late.headers['retry-after']).toBe(String(day - 100))
    await home.db`update exports set expires_at = now() where user_id = ${person.user.user_id}`
    expect((await ask()).body).toContain('Once a day is enough')
    // As if the person had signed in again a day later.
    await home.db`
      update sessions set auth_time = auth_time + interval '1 day', idle_expires_at = idle_expires_at + interval '1 day'
      where user_id = ${person.user.user_id}`
    home.ctx.sessions.clear()
    home.pass(day - 101)
    expect((await call('POST', 'users/me/export')).status).toBe(429)
    home.pass(2)
    expect((await call('POST', 'users/me/export')).status).toBe(202)
  })

  it('RC-1: a link is opened without effect, works once, for its owner alone, for a day', async () => {
    await ask()
    await makeExports(home.ctx)
    const link = await linkOf()
    const stranger = await home.person()
    expect((await stranger.browser.get(link)).location?.pathname).toBe('/account/data')
    expect((await home.server.client().get(link)).location?.pathname).toBe('/login')
    const pages = [await person.browser.get(link), await person.browser.get(link)]
    const [page] = pages
    if (page === undefined) throw new Error('no page')
    const token = new URL(link, home.server.issuer).searchParams.get('token') ?? ''
    const theirs = await stranger.browser.get('/account')
    const csrf = theirs.forms.flatMap(({ fields }) => fields).find(({ name }) => name === 'csrf')?.value ?? ''
    const stolen = await stranger.browser.post(downloadPath, { csrf, token }, { origin: home.server.issuer })
    expect(stolen.status).toBe(400)
    const replies = await Promise.all(
      Array.from({ length: 10 }, async () => await sendForm(person.browser, page, downloadPath)),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(replies.find(({ status }) => status === 200)?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': expect.stringContaining('attachment') as string,
      'cache-control': 'no-store',
    })
    const [row] = await home.db`select content_sealed from exports where user_id = ${person.user.user_id}`
    expect(row).toEqual({ content_sealed: null })
  })

  it.each([
    [day - 1, 200],
    [day + 1, 404],
  ])('after %i seconds the copy is there or not: %i', async (seconds, status) => {
    await ask()
    await makeExports(home.ctx)
    const link = await linkOf()
    home.pass(seconds)
    await home.db`update sessions set idle_expires_at = idle_expires_at + interval '2 days' where user_id = ${person.user.user_id}`
    home.ctx.sessions.clear()
    const opened = await person.browser.get(link)
    expect(opened.status).toBe(status === 200 ? 200 : 303)
    // By its id as well, after a fresh proof.
    await home.db`update sessions set auth_time = ${home.ctx.now()} where user_id = ${person.user.user_id}`
    home.ctx.sessions.clear()
    const [copy] = await home.db<{ id: string }[]>`select id from exports where user_id = ${person.user.user_id}`
    const { call } = await callerWith(home, person.browser)
    const taken = await call('POST', `users/me/export/${copy?.id ?? ''}/download`)
    expect(taken.status).toBe(status === 200 ? 200 : 400)
  })

  it('a copy is its owner’s alone: another person’s id takes nothing out', async () => {
    await ask()
    await makeExports(home.ctx)
    const [copy] = await home.db<{ id: string }[]>`select id from exports where user_id = ${person.user.user_id}`
    const stranger = await callerWith(home, (await home.person()).browser)
    const stolen = await stranger.call('POST', `users/me/export/${copy?.id ?? ''}/download`)
    expect([stolen.status, stolen.json()['code']]).toEqual([400, 'dead_link'])
    expect((await press(person.browser)).status).toBe(200)
  })

  it('one copy that cannot be made keeps nobody else waiting', async () => {
    const stuck = await home.person()
    await ask(stuck.browser)
    await ask()
    await home.db.unsafe(`
      create function no_copy() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$;
      create trigger no_copy before update on exports for each row when (old.user_id = '${stuck.user.user_id}') execute function no_copy()`)
    await makeExports(home.ctx)
    expect(await linkOf()).toContain('/account/data')
    await home.db.unsafe('drop trigger no_copy on exports')
    await makeExports(home.ctx)
    expect((await home.inbox.letters(stuck.user.email, { kind: 'export_ready' })).length).toBe(1)
  })

  it('KY-1: a copy of another row does not open', async () => {
    const other = await home.person()
    await ask()
    await ask(other.browser)
    await makeExports(home.ctx)
    await home.db`
      update exports set content_sealed = (select content_sealed from exports where user_id = ${other.user.user_id})
      where user_id = ${person.user.user_id}`
    expect((await press(person.browser)).status).toBe(500)
  })

  it('AD-3: holds all that is the person’s, nothing of anybody else, and none of the secrets that are stored', async () => {
    const { user } = person
    const stranger = await home.person(await home.user({ name: 'Somebody Else' }))
    const app = await home.client()
    await home.grant(person, app, { scope: offline })
    await home.grant(stranger, app, { scope: offline })
    await authenticatorOf(home.ctx, user.user_id)
    await backupCodesOf(home.ctx, user.user_id)
    await ask()
    await makeExports(home.ctx)
    const reply = await press(person.browser)
    const archive = reply.json()
    for (const section of ['personal_info', 'login_history', 'consents', 'tokens', 'sessions', 'factors', 'devices'])
      expect(archive).toHaveProperty(section)
    expect(archive).toMatchObject({
      personal_info: { id: user.user_id, email: user.email },
      tokens: [{ client_id: app.client_id }],
      sessions: [{ amr: ['pwd'] }],
      factors: { second_steps: [{ kind: 'totp', name: 'Phone' }], backup_codes_left: 10 },
      devices: [{}],
    })
    for (const text of ['Somebody Else', stranger.user.email, stranger.user.user_id])
      expect(reply.body).not.toContain(text)
    for (const secret of await secretsIn()) expect(reply.body).not.toContain(secret)
    expect(reply.body).not.toMatch(/\$argon2|_hash|_sealed|nonce/)
  })
})

/** Every value of the database in a column that holds a secret or what stands for one, in each of its spellings. */
const secretsIn = async (): Promise<string[]> => {
  const columns = await home.db<{ table_name: string; column_name: string; data_type: string }[]>`
    select table_name, column_name, data_type from information_schema.columns
    where table_schema = current_schema() and (data_type = 'bytea' or column_name ~ '(hash|secret|sealed|nonce|lookup|mac)')`
  const found: string[] = []
  for (const { table_name, column_name } of columns) {
    const rows = await home.db<
      { value: unknown }[]
    >`select ${home.db(column_name)} as value from ${home.db(table_name)}`
    for (const { value } of rows)
      if (Buffer.isBuffer(value))
        found.push(value.toString('hex'), value.toString('base64url'), value.toString('base64'))
      else if (typeof value === 'string') found.push(value)
  }
  const long = found.filter((text) => text.length >= 8)
  expect(long.length).toBeGreaterThan(20)
  return long
}

it('the older path answers 202 and says where the copy will be', async () => {
  const api = `${home.server.issuer}/api/v1`
  const app = await home.client({ scope: 'openid account', resources: [api] })
  const { access_token } = await home.grant(person, app, { scope: 'openid account', resource: api })
  const headers = { authorization: `Bearer ${access_token}` }
  const asked = await home.server.client().get('/user/data-export', headers)
  expect([asked.status, asked.headers.location]).toEqual([202, `${api}/users/me/export`])
  expect((await home.server.client().get('/api/v1/users/me/export', headers)).json()).toMatchObject({
    status: 'pending',
  })
  // With a cookie the same checks hold as for the call that it stands for (AD-4).
  expect((await (await home.person()).browser.get('/user/data-export')).status).toBe(403)
})
