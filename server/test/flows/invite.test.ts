/** Invitations: usable by the addressed person alone, once, in time (security rules EM-2, RC-1, G-2, AD-2). */
import { beforeAll, describe, expect, it } from 'vitest'
import { findInvitation } from '../../src/signup/invitation-store.ts'
import { invite, type Invite, withdrawInvitation } from '../../src/signup/invitations.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { freshAddress, goodPassword, letterPath } from '../support/entry.ts'
import { expectPage, type House, openHouse, signIn } from '../support/flow.ts'
import { inboxOf, type ReceivedLetter, type TestInbox } from '../support/inbox.ts'
import { cli } from '../support/server.ts'

let house: House
let inbox: TestInbox

beforeAll(async () => {
  house = await openHouse({ env: { KEYWRIGHT_SIGNUP: 'invite' } })
  inbox = inboxOf(house.server)
})

const invited = async (wish: Partial<Invite> = {}): Promise<{ id: string; email: string; letter: ReceivedLetter }> => {
  const email = wish.email ?? freshAddress()
  const made = await invite(house.ctx, { roles: [], ...wish, email })
  if (isDenial(made)) throw new Error(made.error)
  return { id: made.invitation.id, email, letter: await inbox.letter(email, { kind: 'invite' }) }
}

const accountOf = async (email: string): Promise<Record<string, unknown>[]> =>
  await house.sql`
  select name, username, email_verified, roles_of(id) as roles from users where email_canonical = ${email}`

describe('an invitation', () => {
  it('makes an account with its address, proved, and its roles; the person is signed in', async () => {
    const { email, letter, id } = await invited({ name: 'Ada', roles: ['admin'] })
    const client = house.server.client()
    for (const method of ['GET', 'HEAD']) await house.server.client().request(letterPath(letter), { method })
    const page = await client.get(letterPath(letter))
    expectPage(page, 200, 'Accept the invitation')
    expect(page.headers['referrer-policy']).toBe('strict-origin')
    expect(page.body).toContain('value="Ada"')
    const form = { name: 'Ada L', username: 'ada_was_invited', password: goodPassword, email: 'other@example.com' }
    expectPage(await client.walk(client.submit(page, form)), 200, 'Your account')
    const roles = expect.arrayContaining(['admin', 'user']) as string[]
    expect(await accountOf(email)).toEqual([
      { name: 'Ada L', username: 'ada_was_invited', email_verified: true, roles },
    ])
    expect(await accountOf('other@example.com')).toEqual([])
    expect((await findInvitation(house.sql, id))?.accepted_at).toBeInstanceOf(Date)
    await signIn(house.server.client(), { user_id: '', email, password: goodPassword, name: '' })
  })

  it('SO-2: takes over an account whose address nobody had proved, and what a stranger had put into it is gone', async () => {
    const person = await house.person({ email_verified: false })
    const inside = house.server.client()
    await signIn(inside, person)
    const { letter } = await invited({ email: person.email })
    const client = house.server.client()
    const form = await client.get(letterPath(letter))
    expectPage(await client.walk(client.submit(form, { name: 'Ada', password: goodPassword })), 200, 'Your account')
    expect((await inside.get('/account')).location?.pathname).toBe('/login')
    const reply = await inside.submit(await inside.get('/login'), { login: person.email, password: person.password })
    expect(reply.status).toBe(401)
    expect(await house.sql`select id from users where email = ${person.email} and email_verified`).toEqual([
      { id: person.user_id },
    ])
  })

  it('says so when it was accepted, was withdrawn, has expired, or is not known', async () => {
    const client = house.server.client()
    const used = await invited()
    const form = await client.get(letterPath(used.letter))
    await client.submit(form, { name: 'A', password: goodPassword })
    const withdrawn = await invited()
    await withdrawInvitation(house.ctx, withdrawn.id)
    const expired = await invited()
    await house.sql`update invitations set expires_at = now() - interval '1 second' where id = ${expired.id}`
    await house.sql`update one_time_tokens set expires_at = now() - interval '1 second' where address = ${expired.email}`
    const cases: [ReceivedLetter | { link: string }, string][] = [
      [used.letter, 'accepted already'],
      [withdrawn.letter, 'was withdrawn'],
      [expired.letter, 'has expired'],
      [{ link: `${house.server.issuer}/invite?token=nothing` }, 'is not known'],
    ]
    for (const [letter, sentence] of cases) {
      const page = await house.server.client().get(letterPath(letter))
      expectPage(page, 400, 'This invitation is over')
      expect(page.body).toContain(sentence)
    }
    expect((await client.submit(form, { name: 'A', password: goodPassword })).status).toBe(400)
  })

  it('a newer one for the same address takes its place', async () => {
    const first = await invited({ roles: ['admin'] })
    const second = await invite(house.ctx, { email: first.email, roles: [] })
    expect(isDenial(second)).toBe(false)
    const newer = await inbox.letter(first.email, { after: first.letter })
    expect((await house.server.client().get(letterPath(first.letter))).body).toContain('was withdrawn')
    const client = house.server.client()
    await client.walk(client.submit(await client.get(letterPath(newer)), { name: 'A', password: goodPassword }))
    expect(await accountOf(first.email)).toEqual([expect.objectContaining({ roles: ['user'] })])
  })

  it('shows what is wrong with a field, and stays open', async () => {
    const { letter, email } = await invited()
    await house.person({ username: 'somebody_else' })
    const client = house.server.client()
    const weak = await client.submit(await client.get(letterPath(letter)), { name: 'A', password: 'password123' })
    expect([weak.status, weak.body.includes('too easy to guess')]).toEqual([422, true])
    const form = { name: 'A', username: 'somebody_else', password: goodPassword }
    const taken = await client.submit(weak, form)
    expect([taken.status, taken.body.includes('This username is taken')]).toEqual([422, true])
    expectPage(await client.walk(client.submit(taken, { ...form, username: 'nobody_else' })), 200, 'Your account')
    expect(await accountOf(email)).toHaveLength(1)
  })

  it('is refused for an address that has an account, a role that is none, and an address that is none', async () => {
    const person = await house.person()
    const errors = await Promise.all(
      [
        { email: person.email, roles: [] },
        { email: freshAddress(), roles: ['no-such-role'] },
        { email: 'a@b\r\nBcc: c@d.example', roles: [] },
      ].map(async (wish) => {
        const made = await invite(house.ctx, wish)
        return isDenial(made) ? [made.error, made.status] : made
      }),
    )
    expect(errors).toEqual([
      ['already_exists', 409],
      ['unknown_role', 422],
      ['invalid_email', 422],
    ])
  })
})

describe('by invitation only', () => {
  it('there is no other way in, and both pages say so', async () => {
    const client = house.server.client()
    expect((await client.get('/login')).body).not.toContain('/register')
    const page = await client.get('/register')
    expectPage(page, 403, 'You cannot create an account here')
    expect(page.body).toContain('by invitation')
  })

  it('with registration off, invitations are worth nothing either', async () => {
    const { letter } = await invited()
    const off = await openHouse({ env: { KEYWRIGHT_SIGNUP: 'off' } })
    const page = await off.server.client().get(letterPath(letter))
    expectPage(page, 403, 'You cannot create an account here')
  })
})

describe('the command line', () => {
  it('invites, lists and withdraws; without a mail it prints the link', async () => {
    const env = house.server.env
    const email = freshAddress()
    const made = await cli(['user', 'invite', '--email', email, '--role', 'user', '--no-letter', '--json'], { env })
    const { id, link, status } = made.json as { id: string; link: string; status: string }
    expect([status, link.startsWith(`${house.server.issuer}/invite?token=kw_ot_`)]).toEqual(['open', true])
    expectPage(await house.server.client().get(letterPath({ link })), 200, 'Accept the invitation')
    const list = await cli(['user', 'invitations', '--json'], { env })
    expect((list.json as { invitations: unknown[] }).invitations).toContainEqual(
      expect.objectContaining({ id, email, status: 'open', roles: ['user'] }),
    )
    expect(list.stdout).not.toContain('kw_ot_')
    expect((await cli(['user', 'withdraw-invitation', id], { env })).stdout).toContain('Withdrew')
    const again = await cli(['user', 'withdraw-invitation', id], { env })
    expect([again.code, again.stderr]).toEqual([1, `keywright: There is no open invitation ${id}.\n`])
    const taken = await cli(['user', 'invite', '--email', 'not an address'], { env })
    expect([taken.code, taken.stderr.includes('not valid')]).toEqual([1, true])
  })
})
