/** Invitations and letters of reset by administrators: rules AD-1, AD-2, AD-4, AD-5, AD-6, EM-2, G-2 of security.md. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { freshAddress, goodPassword, letterPath, recover } from '../support/entry.ts'
import { expectPage, type House, openHouse, signIn } from '../support/flow.ts'
import { inboxOf, type ReceivedLetter, type TestInbox } from '../support/inbox.ts'
import { cli } from '../support/server.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox
let admin: Caller
let admin_id: string
/** Somebody who may invite and give roles, and has no other right. */
let helper: Caller
let helper_id: string

beforeAll(async () => {
  house = await openHouse({ env: { KEYWRIGHT_SIGNUP: 'invite' } })
  inbox = inboxOf(house.server)
  await house.sql`insert into roles (name) values ('helper')`
  await house.sql`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r, permissions p
    where r.name = 'helper' and p.name in ('users:read', 'users:write', 'roles:assign')`
  const [one, other] = [await house.person({ roles: ['admin'] }), await house.person({ roles: ['helper'] })]
  ;[admin_id, helper_id] = [one.user_id, other.user_id]
  admin = await callerOf(house, one)
  helper = await callerOf(house, other)
})

type Invitation = { id: string; email: string; status: string; roles: string[]; invited_by: string | null }
type Listed = { invitations: Invitation[]; next: string | null }

const rolesAt = async (email: string): Promise<string[]> => {
  const rows = await house.sql<{ roles: string[] }[]>`
    select roles_of(id) as roles from users where email_canonical = ${email}`
  return rows[0]?.roles ?? []
}

const accept = async (letter: ReceivedLetter): Promise<void> => {
  const client = house.server.client()
  const form = await client.get(letterPath(letter))
  expectPage(await client.walk(client.submit(form, { name: 'A', password: goodPassword })), 200, 'Your account')
}

describe('invitations over the API', () => {
  it('invite by a letter whose link no answer shows, are listed, and are accepted', async () => {
    const email = freshAddress()
    const made = await admin.call('POST', 'users/invitations', { email, name: 'Ada', roles: ['admin'], locale: 'de' })
    expect(made.status, made.body).toBe(201)
    const { invitation } = made.json<{ invitation: Invitation }>()
    expect(invitation).toMatchObject({ email, roles: ['admin'], status: 'open', invited_by: admin_id })
    expect(made.body).not.toContain('token')
    const letter = await inbox.letter(email, { kind: 'invite' })
    expect(letter.html).toContain('lang="de"')
    await accept(letter)
    expect(await rolesAt(email)).toEqual(expect.arrayContaining(['admin', 'user']))
    const [first] = (await admin.call('GET', 'users/invitations')).json<Listed>().invitations
    expect(first).toMatchObject({ id: invitation.id, status: 'accepted' })
    expect(await eventsOf(house.sql, {})).toContainEqual(
      expect.objectContaining({ data: { invitation: invitation.id, roles: ['admin'], by: admin_id } }),
    )
  })

  it('are withdrawn while they are open, once', async () => {
    const email = freshAddress()
    const { invitation } = (await admin.call('POST', 'users/invitations', { email })).json<{ invitation: Invitation }>()
    const letter = await inbox.letter(email, { kind: 'invite' })
    expect((await admin.call('DELETE', `users/invitations/${invitation.id}`)).status).toBe(204)
    expect((await admin.call('DELETE', `users/invitations/${invitation.id}`)).status).toBe(404)
    expect((await admin.call('DELETE', 'users/invitations/none')).status).toBe(404)
    const page = await house.server.client().get(letterPath(letter))
    expect(page.body).toContain('withdrawn')
  })

  it('AD-5: are listed page by page, with a cursor that nobody makes', async () => {
    for (let made = 0; made < 3; made += 1) await admin.call('POST', 'users/invitations', { email: freshAddress() })
    const all = (await admin.call('GET', 'users/invitations?limit=200')).json<Listed>()
    const first = await admin.call('GET', 'users/invitations?limit=2')
    const { invitations, next } = first.json<Listed>()
    expect(first.headers['link']).toContain('rel="next"')
    const second = (await admin.call('GET', `users/invitations?limit=2&cursor=${next}`)).json<Listed>()
    expect([...invitations, ...second.invitations]).toEqual(all.invitations.slice(0, 4))
    const users = (await admin.call('GET', 'users?limit=1')).json<{ next: string }>()
    for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=x', `cursor=${users.next}`])
      expect((await admin.call('GET', `users/invitations?${query}`)).status, query).toBe(400)
  })

  it.each([
    ['no address', { email: 'not an address' }, 422, 'invalid_email'],
    ['an unknown role', { email: 'a@example.com', roles: ['nobody knows'] }, 422, 'unknown_role'],
    ['an unknown language', { email: 'a@example.com', locale: 'tlh' }, 422, 'unknown_language'],
    ['a member of ours', { email: 'a@example.com', invited_by: null }, 400, 'invalid_request'],
  ])('are refused with %s', async (_name, body, status, code) => {
    const reply = await admin.call('POST', 'users/invitations', body)
    expect([reply.status, reply.json<{ code: string }>().code]).toEqual([status, code])
  })

  it('are refused for somebody who has an account', async () => {
    const { email } = await house.person()
    expect((await admin.call('POST', 'users/invitations', { email })).status).toBe(409)
  })

  it('AD-1: are made and seen by those alone who may', async () => {
    const plain = await callerOf(house, await house.person())
    expect((await plain.call('GET', 'users/invitations')).status).toBe(403)
    expect((await plain.call('POST', 'users/invitations', { email: freshAddress() })).status).toBe(403)
    expect((await plain.call('DELETE', `users/invitations/${admin_id}`)).status).toBe(403)
  })

  it('AD-2: nobody gives by an invitation what they do not hold', async () => {
    const email = freshAddress()
    const refused = await helper.call('POST', 'users/invitations', { email, roles: ['admin'] })
    expect([refused.status, refused.json<{ code: string }>().code]).toEqual([403, 'beyond_ceiling'])
    expect((await helper.call('POST', 'users/invitations', { email, roles: ['helper'] })).status).toBe(201)
  })

  it('AD-4: roles are given with a fresh proof, an account without one', async () => {
    const person = await house.person({ roles: ['admin'] })
    const caller = await callerOf(house, person)
    await house.sql`update sessions set auth_time = auth_time - interval '6 minutes' where user_id = ${person.user_id}`
    // A node knows a session by heart for a second.
    await sleep(1100)
    const stale = await caller.call('POST', 'users/invitations', { email: freshAddress(), roles: ['user'] })
    expect([stale.status, stale.json<{ code: string }>().code]).toEqual([403, 'reauthentication_required'])
    expect((await caller.call('POST', 'users', { email: freshAddress(), roles: ['user'] })).status).toBe(403)
    expect((await caller.call('POST', 'users/invitations', { email: freshAddress() })).status).toBe(201)
  })

  it('AD-2: give on the day of acceptance no role that their giver has lost meanwhile', async () => {
    const gone = await house.person({ roles: ['admin'] })
    const caller = await callerOf(house, gone)
    const [kept, lost] = [freshAddress(), freshAddress()]
    await helper.call('POST', 'users/invitations', { email: kept, roles: ['helper'] })
    await caller.call('POST', 'users/invitations', { email: lost, roles: ['admin', 'helper'] })
    const letters = [
      await inbox.letter(kept, { kind: 'invite' }),
      await inbox.letter(lost, { kind: 'invite' }),
    ] as const
    await admin.call('POST', `users/${gone.user_id}/disable`)
    await accept(letters[0])
    await accept(letters[1])
    expect([await rolesAt(kept), await rolesAt(lost)]).toEqual([expect.arrayContaining(['helper']), ['user']])
  })

  it('AD-2: nor does the deletion of their giver make them those of the operator', async () => {
    const gone = await house.person({ roles: ['admin'] })
    const email = freshAddress()
    await (await callerOf(house, gone)).call('POST', 'users/invitations', { email, roles: ['admin', 'helper'] })
    const letter = await inbox.letter(email, { kind: 'invite' })
    expect((await admin.call('DELETE', `users/${gone.user_id}`)).status).toBe(204)
    await accept(letter)
    expect(await rolesAt(email)).toEqual(['user'])
  })
})

describe('AD-6: a letter of reset', () => {
  const sendTo = async (user_id: string, by = admin) => await by.call('POST', `users/${user_id}/send-reset`)

  it('lets its reader choose a password; until then nothing changes', async () => {
    const person = await house.person()
    const sent = await sendTo(person.user_id)
    expect(sent.status, sent.body).toBe(200)
    const letter = await inbox.letter(person.email, { kind: 'reset_by_admin' })
    expect(letter.code).toBe('')
    await signIn(house.server.client(), person)
    const client = house.server.client()
    const again = await inbox.letter((await relit(person.user_id)).email, { kind: 'reset_by_admin', after: letter })
    expectPage(await client.get(letterPath(letter)), 200, 'Choose a new password')
    const done = await client.walk(client.submit(await client.get(letterPath(again)), { password: goodPassword }))
    expectPage(done, 200, 'Your password is set')
    await signIn(house.server.client(), { ...person, password: goodPassword })
    // RC-1: the new password voids every other letter.
    expect((await client.get(letterPath(letter))).status).toBe(400)
    expect(await eventsOf(house.sql, { user_id: person.user_id })).toContainEqual(
      expect.objectContaining({ user_id: person.user_id, data: { by: admin_id, queued: true } }),
    )
  })

  const relit = async (user_id: string): Promise<{ email: string }> =>
    (await sendTo(user_id)).json<{ user: { email: string } }>().user

  it('is refused for an account without address, a shut one, and beyond the ceiling', async () => {
    const nameless = (await admin.call('POST', 'users', { username: 'nobody_writes_me' })).json<{
      user: { id: string }
    }>()
    expect((await sendTo(nameless.user.id)).json<{ code: string }>().code).toBe('no_address')
    const shut = await house.person()
    await admin.call('POST', `users/${shut.user_id}/disable`)
    expect((await sendTo(shut.user_id)).json<{ code: string }>().code).toBe('not_active')
    const beyond = await sendTo(admin_id, helper)
    expect([beyond.status, beyond.json<{ code: string }>().code]).toEqual([403, 'beyond_ceiling'])
    expect((await sendTo(helper_id, await callerOf(house, await house.person()))).status).toBe(403)
  })

  it('counts with the letters that somebody asks for: five an hour', async () => {
    const person = await house.person()
    const client = house.server.client()
    for (let sent = 0; sent < 3; sent += 1) await recover(client, person.email)
    for (let sent = 0; sent < 2; sent += 1) expect((await sendTo(person.user_id)).status).toBe(200)
    expect((await sendTo(person.user_id)).status).toBe(429)
  })

  it('is sent at the command line too', async () => {
    const person = await house.person()
    const { stdout } = await cli(['user', 'send-reset', person.email], { env: house.server.env })
    expect(stdout).toContain(`A letter is on its way to ${person.email}.`)
    expect((await inbox.letter(person.email, { kind: 'reset_by_admin' })).subject).toBe('Choose a new password')
  })
})
