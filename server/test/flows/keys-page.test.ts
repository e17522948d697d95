/** The page of a person's API keys: made and shown once, switched, deleted, without JavaScript (AK-1, LI-4, AD-4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { expectPage, type House, openHouse, type Person, signIn } from '../support/flow.ts'
import type { Form } from '../support/form.ts'
import type { HttpClient } from '../support/http.ts'

const path = '/account/keys'
let house: House
let person: Person
let browser: HttpClient

beforeAll(async () => {
  house = await openHouse()
  await house.sql`insert into roles (name) values ('reader')`
  await house.sql`
    insert into role_permissions select r.id, p.id from roles r, permissions p where r.name = 'reader' and p.name = 'users:read'`
  person = await house.person({ roles: ['reader'] })
  browser = house.server.client()
  await signIn(browser, person)
})

const statusOf = async (key: string): Promise<number> =>
  (await house.server.client().get('/api/v1/users?limit=1', { 'x-api-key': key })).status

/** The form of the page that leads there. */
const to = (action: string) => ({ form: (form: Form) => form.action.endsWith(action) })

describe('API keys of one’s own', () => {
  it('are reached from the page of security, made, shown once, switched and deleted', async () => {
    expect((await browser.get('/account/security')).body).toContain(path)
    const empty = await browser.get(path)
    expectPage(empty, 200, 'API keys')
    const made = await browser.submit(empty, { name: 'Robot', days: '30', permission: 'users:read' }, to(path))
    expectPage(made, 200, 'API keys')
    const key = /kw_ak_[0-9A-Za-z]{54}/.exec(made.body)?.[0] ?? ''
    expect(await statusOf(key)).toBe(200)
    const listed = await browser.get(path)
    expect(listed.body).toContain(`kw_ak_…${key.slice(-4)}`)
    expect(listed.body).not.toContain(key)
    const [row] = await house.sql<{ id: string; days: number }[]>`
      select id, round(extract(epoch from expires_at - created_at) / 86400)::int as days from api_keys where owner_id = ${person.user_id}`
    expect(row?.days).toBe(30)
    const off = await browser.walk(browser.submit(listed, { id: row?.id ?? '' }, to(`${path}/switch`)))
    expectPage(off, 200, 'API keys')
    await expect.poll(async () => await statusOf(key), { timeout: 2000 }).toBe(401)
    const on = await browser.walk(browser.submit(off, { id: row?.id ?? '' }, to(`${path}/switch`)))
    await expect.poll(async () => await statusOf(key), { timeout: 2000 }).toBe(200)
    const gone = await browser.walk(browser.submit(on, { id: row?.id ?? '' }, to(`${path}/delete`)))
    expect(gone.body).not.toContain('Robot')
    expect(await statusOf(key)).toBe(401)
  })

  it('AK-1: hold nothing that their owner does not, and are nobody else’s', async () => {
    const page = await browser.get(path)
    const beyond = await browser.submit(page, { name: 'x', days: '7', permission: 'keys:write' }, to(path))
    expect([beyond.status, beyond.body.includes('cannot do yourself')]).toEqual([403, true])
    const other = await house.person()
    const stranger = house.server.client()
    await signIn(stranger, other)
    const own = await browser.submit(page, { name: 'Mine', days: '7' }, to(path))
    expect(own.status).toBe(200)
    const [row] = await house.sql<{ id: string }[]>`select id from api_keys where name = 'Mine'`
    const csrf = /name="csrf" value="([^"]+)"/.exec((await stranger.get(path)).body)?.[1] ?? ''
    const form = new URLSearchParams({ csrf, id: row?.id ?? '', to: 'inactive' })
    for (const act of ['switch', 'delete'])
      expect((await stranger.post(`${path}/${act}`, form, { origin: house.server.issuer })).status).toBe(404)
  })

  it('LI-4: want a fresh proof to be made', async () => {
    const page = await browser.get(path)
    await house.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${person.user_id}`
    const again = async () => (await browser.submit(page, { name: 'x', days: '7' }, to(path))).location?.pathname
    await expect.poll(again, { timeout: 3000 }).toBe('/login')
  })
})
