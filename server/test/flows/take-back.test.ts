/** "This was not me", and the way back to a former address: security rules LI-4, EM-2, RC-1 (security.md 1.4, 1.6). */
import { beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { warn } from '../../src/recovery/warn.ts'
import { phoneProved } from '../../src/users/proved.ts'
import { letterPath } from '../support/entry.ts'
import { authenticatorOf, chooseCodes } from '../support/factors.ts'
import { ask, askSilently, decide, expectPage, type House, openHouse, type Person, signIn } from '../support/flow.ts'
import type { HttpClient } from '../support/http.ts'
import { inboxOf, type ReceivedLetter, type TestInbox } from '../support/inbox.ts'
import { sendForm } from '../support/own-page.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
})

const fresh = 'seven loud brass bells'

/** A second window of the same browser, opened within a minute, is no news (devices/store.ts). */
const anHourAgo = async ({ user_id }: Person): Promise<void> => {
  await house.sql`update devices set created_at = created_at - interval '1 hour' where user_id = ${user_id}`
}

/** Somebody has signed in at home; then a thief does, who knows the password. */
const robbed = async (): Promise<{ person: Person; owner: HttpClient; thief: HttpClient; letter: ReceivedLetter }> => {
  const person = await house.person()
  const [owner, thief] = [house.server.client(), house.server.client()]
  await signIn(owner, person)
  await anHourAgo(person)
  await signIn(thief, person)
  return { person, owner, thief, letter: await inbox.letter(person.email, { kind: 'new_device' }) }
}

const isIn = async (client: HttpClient): Promise<boolean> => (await client.get('/account')).status === 200

const typed = async (person: Person, password: string): Promise<number> => {
  const client = house.server.client()
  return (await client.submit(await client.get('/login'), { login: person.email, password })).status
}

/** Asks for the deletion of the account, on its page, once that knows the address: its copy is a second old at most. */
const leave = async (client: HttpClient, login: string): Promise<void> => {
  await expect.poll(async () => (await client.get('/account/delete')).body, { timeout: 5000 }).toContain(login)
  const left = await sendForm(client, await client.get('/account/delete'), '/account/delete', { login })
  expectPage(left, 200, 'You have left')
}

/** What the account page will do: another address, with the letter to the old one. */
const moveTo = async (person: Person, email: string): Promise<void> => {
  await house.sql`
    update users set email = ${email}, email_canonical = ${email}, email_verified = true where id = ${person.user_id}`
  const facts = { kind: 'email_changed' as const, user_id: person.user_id, old_email: person.email }
  await transact(house.ctx.db, async (tx) => await warn(house.ctx, tx, { ...facts, now: new Date() }))
}

describe('this was not me', () => {
  it('a new device is told of, the first one and a known one are not', async () => {
    const person = await house.person()
    const client = house.server.client()
    await signIn(client, person)
    await client.submit(await client.get('/logout'), {}, { button: { name: 'scope', value: 'here' } })
    await anHourAgo(person)
    await signIn(client, person)
    expect(await house.sql`select 1 from outbox where user_id = ${person.user_id}`).toEqual([])
    await signIn(house.server.client(), person)
    const letter = await inbox.letter(person.email)
    expect([letter.kind, letter.subject]).toEqual(['new_device', 'New sign-in to your account'])
  })

  it('RC-1: opening the link changes nothing; its button ends everything and asks for a new password', async () => {
    const { person, owner, thief, letter } = await robbed()
    const reader = house.server.client()
    for (const method of ['GET', 'HEAD', 'GET']) await reader.request(letterPath(letter), { method })
    expect([await isIn(owner), await isIn(thief)]).toEqual([true, true])
    const question = await reader.get(letterPath(letter))
    expectPage(question, 200, 'This was not you?')
    expect(question.headers['referrer-policy']).toBe('strict-origin')
    const form = await reader.submit(question)
    expectPage(form, 200, 'Choose a new password')
    expect([await isIn(owner), await isIn(thief)]).toEqual([false, false])
    expect(await typed(person, person.password)).toBe(401)
    expectPage(await reader.submit(form, { password: fresh }), 200, 'Your password is set')
    expect(await typed(person, fresh)).toBe(303)
    expectPage(await reader.submit(question), 400, 'This link no longer works')
    const events = await eventsOf(house.sql, { user_id: person.user_id })
    expect(events.find(({ type }) => type === 'user.disowned')).toMatchObject({ severity: 'alert' })
  })

  it('the second steps that a thief has added go, the older ones stay', async () => {
    const { person, letter } = await robbed()
    await authenticatorOf(house.ctx, person.user_id)
    await house.sql`update totp_factors set created_at = now() - interval '9 days', confirmed_at = now() - interval '9 days'
      where user_id = ${person.user_id}`
    await authenticatorOf(house.ctx, person.user_id)
    const reader = house.server.client()
    await reader.submit(await reader.get(letterPath(letter)))
    expect(await house.sql`select 1 from totp_factors where user_id = ${person.user_id}`).toHaveLength(1)
  })

  it.each([
    [0, null],
    [9, '+491511234567'],
  ])('a number that was proved %i days ago: afterwards the account has %s', async (days, phone_number) => {
    const { person, letter } = await robbed()
    const { user_id } = person
    await chooseCodes(house.ctx, user_id, { channel: 'sms', destination: '+491511234567' })
    await phoneProved(house.sql, user_id, { phone_number: '+491511234567', now: new Date() })
    await house.sql`update code_factors set confirmed_at = now() - make_interval(days => ${days}) where user_id = ${user_id}`
    const reader = house.server.client()
    await reader.submit(await reader.get(letterPath(letter)))
    expect(await house.sql`select phone_number from users where id = ${user_id}`).toEqual([{ phone_number }])
  })

  it('AZ-13: what the thief has allowed an application is asked for again', async () => {
    const { person, thief, letter } = await robbed()
    const app = await house.app()
    await decide(thief, await ask(thief, app), 'allow')
    expect(await askSilently(thief, app)).toBe('code')
    const reader = house.server.client()
    await reader.submit(await reader.submit(await reader.get(letterPath(letter))), { password: fresh })
    await signIn(reader, { ...person, password: fresh })
    expect(await askSilently(reader, app)).toBe('consent_required')
  })

  it('works after the thief has changed the password: that is what it is for', async () => {
    const { person, letter } = await robbed()
    await house.revoking(async (ctx) => {
      const { changePassword } = await import('../../src/users/status.ts')
      await changePassword(ctx, person.user_id, await ctx.hashing.hash('the thief has set it'))
    })
    const reader = house.server.client()
    const form = await reader.submit(await reader.get(letterPath(letter)))
    expectPage(await reader.submit(form, { password: fresh }), 200, 'Your password is set')
    expect([await typed(person, 'the thief has set it'), await typed(person, fresh)]).toEqual([401, 303])
  })

  it('RC-1: after an hour it still ends everything, and the new password takes a fresh letter', async () => {
    const { person, thief, letter } = await robbed()
    await house.sql`update one_time_tokens set created_at = created_at - interval '61 minutes' where user_id = ${person.user_id}`
    const reader = house.server.client()
    expectPage(await reader.submit(await reader.get(letterPath(letter))), 200, 'Everybody is signed out')
    expect(await isIn(thief)).toBe(false)
    const reset = await inbox.letter(person.email, { kind: 'reset_password' })
    expectPage(
      await reader.submit(await reader.get(letterPath(reset)), { password: fresh }),
      200,
      'Your password is set',
    )
  })

  it('calls off a deletion that the thief has asked for', async () => {
    const { person, thief, letter } = await robbed()
    await leave(thief, person.email)
    const reader = house.server.client()
    const form = await reader.submit(await reader.get(letterPath(letter)))
    expectPage(await reader.submit(form, { password: fresh }), 200, 'Your password is set')
    expect(await typed(person, fresh)).toBe(303)
    const types = (await eventsOf(house.sql, { user_id: person.user_id })).map(({ type }) => type)
    expect(types).toContain('user.erasure_cancelled')
  })

  it('is dead once the account has another address: the letter of that change is the way', async () => {
    const { person, letter } = await robbed()
    await moveTo(person, `thief-${person.user_id}@example.com`)
    const dead = await house.server.client().get(letterPath(letter))
    expectPage(dead, 400, 'This link no longer works')
    expect(dead.body).toContain('<a class="button primary" href="/login">Sign in</a>')
  })
})

describe('EM-2: the old address', () => {
  it('takes the account back for seven days, and sets a new password', async () => {
    const { person, thief } = await robbed()
    const stolen = `stolen-${person.user_id}@example.com`
    await moveTo(person, stolen)
    const letter = await inbox.letter(person.email, { kind: 'email_changed' })
    const reader = house.server.client()
    await reader.request(letterPath(letter), { method: 'HEAD' })
    const question = await reader.get(letterPath(letter))
    expectPage(question, 200, 'Take your address back?')
    const form = await reader.submit(question)
    expectPage(form, 200, 'Choose a new password')
    expect(await isIn(thief)).toBe(false)
    const rows = await house.sql`select email, email_canonical, email_verified from users where id = ${person.user_id}`
    expect(rows).toEqual([{ email: person.email, email_canonical: person.email, email_verified: true }])
    expectPage(await reader.submit(form, { password: fresh }), 200, 'Your password is set')
    expect(await typed(person, fresh)).toBe(303)
    expectPage(await reader.submit(question), 400, 'This link no longer works')
  })

  it('works after the thief has reset the password with the new address', async () => {
    const { person } = await robbed()
    const stolen = `stolen-${person.user_id}@example.com`
    await moveTo(person, stolen)
    const letter = await inbox.letter(person.email, { kind: 'email_changed' })
    const thief = house.server.client()
    await thief.walk(thief.submit(await thief.get('/recover'), { login: stolen }))
    const reset = await inbox.letter(stolen, { kind: 'reset_password' })
    await thief.submit(await thief.get(letterPath(reset)), { password: 'the thief has set it' })
    const reader = house.server.client()
    expectPage(await reader.submit(await reader.get(letterPath(letter))), 200, 'Choose a new password')
    expect(await typed(person, 'the thief has set it')).toBe(401)
  })

  it('works after the thief has asked for the deletion of the account, and calls that off', async () => {
    const { person, thief } = await robbed()
    await moveTo(person, `stolen-${person.user_id}@example.com`)
    const letter = await inbox.letter(person.email, { kind: 'email_changed' })
    await leave(thief, `stolen-${person.user_id}@example.com`)
    const reader = house.server.client()
    const form = await reader.submit(await reader.get(letterPath(letter)))
    expectPage(await reader.submit(form, { password: fresh }), 200, 'Your password is set')
    const rows = await house.sql`select status, erase_after from users where id = ${person.user_id}`
    expect(rows).toEqual([{ status: 'active', erase_after: null }])
    expect(await typed(person, fresh)).toBe(303)
  })

  it('who had the account first has the last word, when the address was changed twice', async () => {
    const { person } = await robbed()
    const [one, two] = ['one', 'two'].map((name) => `${name}-${person.user_id}@example.com`) as [string, string]
    await moveTo(person, one)
    await moveTo({ ...person, email: one }, two)
    const first = await inbox.letter(person.email, { kind: 'email_changed' })
    const second = await inbox.letter(one, { kind: 'email_changed' })
    const thief = house.server.client()
    await thief.submit(await thief.get(letterPath(second)))
    const owner = house.server.client()
    expectPage(await owner.submit(await owner.get(letterPath(first))), 200, 'Choose a new password')
    const rows = await house.sql`select email from users where id = ${person.user_id}`
    expect(rows).toEqual([{ email: person.email }])
    expectPage(await thief.get(letterPath(second)), 400, 'This link no longer works')
  })

  it('once who had it first has taken it back, the links of later changes are worth nothing', async () => {
    const { person } = await robbed()
    const [one, two] = ['former', 'latter'].map((name) => `${name}-${person.user_id}@example.com`) as [string, string]
    await moveTo(person, one)
    await moveTo({ ...person, email: one }, two)
    const first = await inbox.letter(person.email, { kind: 'email_changed' })
    const second = await inbox.letter(one, { kind: 'email_changed' })
    const owner = house.server.client()
    expectPage(await owner.submit(await owner.get(letterPath(first))), 200, 'Choose a new password')
    expectPage(await house.server.client().get(letterPath(second)), 400, 'This link no longer works')
  })

  it('is not given back when another account has it by now', async () => {
    const { person } = await robbed()
    await moveTo(person, `stolen-${person.user_id}@example.com`)
    const letter = await inbox.letter(person.email, { kind: 'email_changed' })
    await house.person({ email: person.email })
    const reader = house.server.client()
    const reply = await reader.submit(await reader.get(letterPath(letter)))
    expect([reply.status, reply.body.includes('Another account has this address by now')]).toEqual([409, true])
  })
})
