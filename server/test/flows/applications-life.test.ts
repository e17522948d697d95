/** The life of applications: secrets, owners, switching off, deleting (product row 18; security rules AD-3, AD-4, G-3, AZ-13). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { asApp, codeOf, make, read, tokenStatus } from '../support/applications.ts'
import { answerOf, ask, finish, type House, openHouse, type Person, redeem, tokensOf } from '../support/flow.ts'

let house: House
let owner: Person
let own: Caller
let admin: Caller
let stranger: Caller
let strange: Person

beforeAll(async () => {
  house = await openHouse()
  owner = await house.person()
  strange = await house.person()
  ;[own, admin, stranger] = await Promise.all([
    callerOf(house, owner),
    house.person({ roles: ['admin'] }).then(async (person) => await callerOf(house, person)),
    callerOf(house, strange),
  ])
})

describe('secrets', () => {
  it('TK-3, AD-3: two live ones during a rotation, masked in the list; the old one ends, one can be taken away', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}`
    const rotated = await own.call('POST', `${path}/regenerate-secret`, { overlap_seconds: 3600 })
    expect(rotated.status, rotated.body).toBe(201)
    const { client_secret, previous_expires_at } = rotated.json<{
      client_secret: string
      previous_expires_at: string
    }>()
    expect(new Date(previous_expires_at).getTime()).toBeGreaterThan(Date.now() + 3500_000)
    const [old, fresh] = [made, { ...made, client_secret }]
    expect([await tokenStatus(house, old), await tokenStatus(house, fresh)]).toEqual([400, 400])
    const list = await own.call('GET', `${path}/secrets`)
    const { secrets } = list.json<{ secrets: { id: string; masked: string; expires_at: string | null }[] }>()
    expect(secrets.map(({ masked }) => masked)).toEqual([
      `kw_cs_…${client_secret.slice(-4)}`,
      `kw_cs_…${made.client_secret?.slice(-4) ?? ''}`,
    ])
    for (const secret of [client_secret, made.client_secret ?? 'none']) expect(list.body).not.toContain(secret)
    expect((await own.call('DELETE', `${path}/secrets/${secrets[1]?.id ?? ''}`)).status).toBe(204)
    expect((await own.call('DELETE', `${path}/secrets/${secrets[1]?.id ?? ''}`)).status).toBe(404)
    expect((await own.call('DELETE', `${path}/secrets/nonsense`)).status).toBe(404)
    expect([await tokenStatus(house, old), await tokenStatus(house, fresh)]).toEqual([401, 400])
    expect((await own.call('POST', `${path}/regenerate-secret`, { overlap_seconds: -1 })).status).toBe(400)
    const written = await house.sql`select * from events where client_id = ${made.client_id}`
    const audited = await house.sql`select * from audit_events where client_id = ${made.client_id}`
    expect(JSON.stringify([written, audited])).not.toContain(client_secret)
  })

  it('without a body: a day of overlap; with none left at once where that is asked', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}/regenerate-secret`
    const first = (await own.call('POST', path)).json<{ client_secret: string; previous_expires_at: string }>()
    const hours = (new Date(first.previous_expires_at).getTime() - Date.now()) / 3_600_000
    expect(Math.round(hours)).toBe(24)
    const second = (await own.call('POST', path, { overlap_seconds: 0 })).json<{ client_secret: string }>()
    expect(await tokenStatus(house, { ...made, client_secret: first.client_secret })).toBe(401)
    expect(await tokenStatus(house, { ...made, client_secret: second.client_secret })).toBe(400)
  })
})

describe('owners', () => {
  it('co-owners look after it, but do not give it away, delete it or choose others; they may leave', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}`
    const added = await own.call('POST', `${path}/owners/${strange.user_id}`)
    expect(added.json()).toMatchObject({
      owners: [
        { user_id: owner.user_id, rank: 'owner' },
        { user_id: strange.user_id, rank: 'co-owner', name: strange.name },
      ],
    })
    expect((await stranger.call('PATCH', path, { description: 'ours' })).status).toBe(200)
    expect((await stranger.call('GET', 'applications?limit=200')).body).toContain(made.client_id)
    for (const [method, sub, json] of [
      ['DELETE', '', undefined],
      ['POST', `/owners/${owner.user_id}`, undefined],
      ['DELETE', `/owners/${owner.user_id}`, undefined],
      ['POST', '/transfer', { user_id: strange.user_id }],
    ] as const)
      expect(codeOf(await stranger.call(method, `${path}${sub}`, json))).toEqual([403, 'permission_denied'])
    expect((await stranger.call('DELETE', `${path}/owners/${strange.user_id}`)).status).toBe(204)
    expect((await read(stranger, made.client_id)).status).toBe(404)
    expect(codeOf(await own.call('POST', `${path}/owners/${owner.user_id}`))).toEqual([409, 'already_owner'])
    expect((await own.call('POST', `${path}/owners/nobody`)).status).toBe(404)
    expect((await own.call('DELETE', `${path}/owners/${strange.user_id}`)).status).toBe(404)
  })

  it('an owner gives it to one who looks after it already, an administrator to anybody', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}`
    expect((await own.call('POST', `${path}/transfer`, { user_id: strange.user_id })).status).toBe(404)
    await own.call('POST', `${path}/owners/${strange.user_id}`)
    const given = await own.call('POST', `${path}/transfer`, { user_id: strange.user_id })
    expect(given.json()).toMatchObject({ owner_id: strange.user_id })
    expect((await read(own, made.client_id)).status).toBe(404)
    expect((await admin.call('POST', `${path}/transfer`, { user_id: owner.user_id })).status).toBe(200)
    expect((await read(own, made.client_id)).status).toBe(200)
    expect((await admin.call('POST', `${path}/transfer`, { user_id: 'nobody' })).status).toBe(404)
  })

  it('whose account is deleted leave it running, without an owner, to the administrators', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const made = await make(caller)
    expect((await admin.call('POST', `users/${person.user_id}/disable`)).status).toBe(200)
    expect(await tokenStatus(house, made)).toBe(400)
    expect((await admin.call('DELETE', `users/${person.user_id}`)).status).toBe(204)
    expect(await tokenStatus(house, made)).toBe(400)
    expect((await read(admin, made.client_id)).json()).toMatchObject({ owner_id: null, status: 'enabled' })
  })
})

describe('G-3: switching off and deleting', () => {
  it('a disabled application is refused at once with its tokens; its owner does not undo what an administrator did', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}`
    const { access_token } = await tokensOf(house.server.client(), asApp(made), owner)
    const userinfo = async (): Promise<number> =>
      (await house.server.client().get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })).status
    expect(await userinfo()).toBe(200)
    expect((await own.call('POST', `${path}/disable`)).json()).toMatchObject({ status: 'disabled' })
    expect([await userinfo(), await tokenStatus(house, made)]).toEqual([401, 401])
    expect((await own.call('POST', `${path}/enable`)).json()).toMatchObject({ status: 'enabled' })
    expect((await admin.call('POST', `${path}/disable`)).status).toBe(200)
    expect(codeOf(await own.call('POST', `${path}/enable`))).toEqual([403, 'permission_denied'])
    expect((await admin.call('POST', `${path}/enable`)).status).toBe(200)
  })

  it('a deleted one is gone with everything', async () => {
    const made = await make(own)
    const { access_token } = await tokensOf(house.server.client(), asApp(made), owner)
    expect((await own.call('DELETE', `applications/${made.client_id}`)).status).toBe(204)
    expect((await read(own, made.client_id)).status).toBe(404)
    const after = await house.server.client().get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })
    expect(after.status).toBe(401)
  })

  it('LI-4, AD-4: what a thief of a session must not do wants a fresh proof', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const made = await make(caller)
    const path = `applications/${made.client_id}`
    await house.sql`update sessions set auth_time = now() - interval '1 hour' where user_id = ${person.user_id}`
    await new Promise((resolve) => setTimeout(resolve, 1100))
    for (const [method, sub, json] of [
      ['DELETE', '', undefined],
      ['POST', '/regenerate-secret', undefined],
      ['DELETE', '/secrets/00000000-0000-4000-8000-000000000000', undefined],
      ['POST', `/owners/${owner.user_id}`, undefined],
      ['POST', '/transfer', { user_id: owner.user_id }],
    ] as const)
      expect([sub, ...codeOf(await caller.call(method, `${path}${sub}`, json))]).toEqual([
        sub,
        403,
        'reauthentication_required',
      ])
    expect((await caller.call('PATCH', path, { description: 'may be changed' })).status).toBe(200)
  })
})

it('AZ-13: consent `always` asks each time', async () => {
  const made = await make(own, { consent: 'always' })
  const client = house.server.client()
  const app = asApp(made)
  const paths: string[] = []
  for (let time = 0; time < 2; time += 1) {
    const page = await ask(client, app)
    paths.push(page.url.pathname)
    const { code = '' } = answerOf(await finish(client, page, strange))
    expect((await redeem(client, app, code)).status).toBe(200)
  }
  expect(paths).toEqual(['/login', '/consent'])
})
