/** A forgotten password: security rules RC-1, RC-2, RC-3, SO-2, LI-1 (security.md 1.4), product.md row 15. */
import { beforeAll, describe, expect, it } from 'vitest'
import { letterPath, recover, resend, typeCode } from '../support/entry.ts'
import { authenticatorOf } from '../support/factors.ts'
import {
  ask,
  type App,
  expectPage,
  type House,
  openHouse,
  type Person,
  signIn,
  signInOn,
  tokensOf,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type ReceivedLetter, type TestInbox } from '../support/inbox.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox
let app: App

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
  app = await house.app({ first_party: true, scope: 'openid offline_access' })
})

const fresh = 'seven loud brass bells'

const asked = async (person: Person): Promise<{ client: HttpClient; page: Reply; letter: ReceivedLetter }> => {
  const client = house.server.client()
  const page = await recover(client, person.email)
  return { client, page, letter: await inbox.letter(person.email, { kind: 'reset_password' }) }
}

const choose = async (client: HttpClient, path: string, password = fresh): Promise<Reply> =>
  await client.submit(await client.get(path), { password })

const passwordIs = async (person: Person, password: string): Promise<boolean> => {
  const client = house.server.client()
  const reply = await client.submit(await client.get('/login'), { login: person.email, password })
  return reply.status === 303
}

describe('a forgotten password', () => {
  it('RC-3: the link sets a new one, signs nobody in, and everything that was open ends', async () => {
    const person = await house.person()
    const browser = house.server.client()
    const tokens = await tokensOf(browser, app, person)
    const { client, letter } = await asked(person)
    const page = await client.get(letterPath(letter))
    expectPage(page, 200, 'Choose a new password')
    expect(page.headers['referrer-policy']).toBe('strict-origin')
    expect(page.body).toContain(person.email)
    const done = await client.submit(page, { password: fresh })
    expectPage(done, 200, 'Your password is set')
    expect((await client.get('/account')).location?.pathname).toBe('/login')
    expect((await browser.get('/account')).location?.pathname).toBe('/login')
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    const basic = Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')
    const refreshed = await browser.post('/oauth/token', form, { authorization: `Basic ${basic}` })
    expect(refreshed.json()).toMatchObject({ error: 'invalid_grant' })
    const bearer = { authorization: `Bearer ${tokens.access_token}` }
    expect((await browser.get('/oauth/userinfo', bearer)).status).toBe(401)
    expect(await house.sql`select 1 from devices where user_id = ${person.user_id}`).toEqual([])
    expect(await passwordIs(person, person.password)).toBe(false)
    expect(await passwordIs(person, fresh)).toBe(true)
    const told = await inbox.letter(person.email, { kind: 'password_changed' })
    expect(told.link).toContain('/not-me?token=')
    const types = (await eventsOf(house.sql, { user_id: person.user_id })).map(({ type }) => type)
    expect(types).toEqual(expect.arrayContaining(['user.password_changed', 'sessions.ended_everywhere']))
  })

  it('the code does the same in the browser that asked, and there only', async () => {
    const person = await house.person()
    const { client, page, letter } = await asked(person)
    const other = house.server.client()
    await other.get('/recover')
    expect((await other.get(page.url)).status).toBe(400)
    const form = await typeCode(client, page, letter.code)
    expectPage(form, 200, 'Choose a new password')
    expectPage(await client.submit(form, { password: fresh }), 200, 'Your password is set')
    expect(await passwordIs(person, fresh)).toBe(true)
    expectPage(await client.get(page.url), 400, 'This code does not work any more')
  })

  it('a user name works as well, and shows no address', async () => {
    const person = await house.person({ username: 'knows_the_name' })
    const client = house.server.client()
    const page = await recover(client, 'Knows_The_Name')
    expect(page.body).not.toContain(person.email)
    const letter = await inbox.letter(person.email)
    expectPage(await choose(client, letterPath(letter)), 200, 'Your password is set')
  })

  it('leads back to the application where it began', async () => {
    const person = await house.person()
    const client = house.server.client()
    const login = await ask(client, app)
    const link = /href="([^"]*\/recover\?interaction=[^"]+)"/.exec(login.body)?.[1] ?? ''
    await client.walk(client.submit(await client.get(link), { login: person.email }))
    const done = await choose(client, letterPath(await inbox.letter(person.email)))
    const way = /href="([^"]*\/login\?interaction=[^"]+)"/.exec(done.body)?.[1] ?? ''
    const answer = await signInOn(client, await client.get(way), { ...person, password: fresh })
    expect(answer.location?.href).toContain(app.redirect_uri)
  })

  it('RC-3: a second step is still needed afterwards', async () => {
    const person = await house.person()
    await authenticatorOf(house.ctx, person.user_id)
    const { client, letter } = await asked(person)
    await choose(client, letterPath(letter))
    const next = await client.walk(client.submit(await client.get('/login'), { login: person.email, password: fresh }))
    expect(next.url.pathname).toBe('/factor')
  })

  it('a password of the lists is refused, and the link stays good', async () => {
    const person = await house.person()
    const { client, letter } = await asked(person)
    const refused = await choose(client, letterPath(letter), 'password123')
    expect([refused.status, refused.body.includes('too easy to guess')]).toEqual([422, true])
    const near = await client.submit(refused, { password: person.email })
    expect(near.status).toBe(422)
    expectPage(await client.submit(near, { password: fresh }), 200, 'Your password is set')
  })

  it('another code voids the one before it', async () => {
    const person = await house.person()
    const { client, page, letter } = await asked(person)
    const again = await resend(client, page)
    expect(again.body).toContain('A new code is on its way')
    const newer = await inbox.letter(person.email, { after: letter })
    expect((await client.get(letterPath(letter))).status).toBe(400)
    expect((await typeCode(client, again, letter.code)).status).toBe(401)
    expectPage(await typeCode(client, again, newer.code), 200, 'Choose a new password')
  })
})

describe('RC-1', () => {
  it('looking changes nothing: programs that read mail open links too', async () => {
    const person = await house.person()
    const { letter } = await asked(person)
    for (const method of ['GET', 'HEAD', 'GET', 'HEAD'])
      await house.server.client().request(letterPath(letter), { method })
    expectPage(await choose(house.server.client(), letterPath(letter)), 200, 'Your password is set')
  })

  it('a link works once', async () => {
    const person = await house.person()
    const { client, letter } = await asked(person)
    const page = await client.get(letterPath(letter))
    expectPage(await client.submit(page, { password: fresh }), 200, 'Your password is set')
    expectPage(await client.submit(page, { password: 'another good enough one' }), 400, 'This link no longer works')
    expect(await passwordIs(person, fresh)).toBe(true)
  })

  it('a link and the page of its code are dead after the password changed in another way', async () => {
    const person = await house.person()
    const { client, page, letter } = await asked(person)
    const form = await client.get(letterPath(letter))
    const { setPassword, findAccount } = await import('../../src/users/manage.ts')
    await house.revoking(async (ctx) => {
      const account = await findAccount(ctx, person.user_id)
      if (account) await setPassword(ctx, account, 'the operator has set it')
    })
    expectPage(await client.get(letterPath(letter)), 400, 'This link no longer works')
    expectPage(await client.submit(form, { password: fresh }), 400, 'This link no longer works')
    expect((await typeCode(client, page, letter.code)).status).toBe(400)
    expect(await passwordIs(person, 'the operator has set it')).toBe(true)
  })

  it('a link is bound to the password that the account had: another one voids it even where nobody removed it', async () => {
    const person = await house.person()
    const { client, letter } = await asked(person)
    const form = await client.get(letterPath(letter))
    await house.sql`update password_credentials set changed_at = now() where user_id = ${person.user_id}`
    expectPage(await client.get(letterPath(letter)), 400, 'This link no longer works')
    expectPage(await client.submit(form, { password: fresh }), 400, 'This link no longer works')
    expect(await passwordIs(person, person.password)).toBe(true)
  })

  it('a link is bound to its account: whoever has the address next is another one', async () => {
    const person = await house.person()
    await house.sql`delete from password_credentials where user_id = ${person.user_id}`
    const { client, letter } = await asked(person)
    await house.sql`update users set email = null, email_canonical = null, username = id where id = ${person.user_id}`
    const next = await house.person({ email: person.email })
    await house.sql`delete from password_credentials where user_id = ${next.user_id}`
    expectPage(await client.get(letterPath(letter)), 400, 'This link no longer works')
  })

  it('a link is dead after the address changed, and after the account was disabled', async () => {
    const moved = await house.person()
    const one = await asked(moved)
    await house.sql`
      update users set email = 'moved@example.com', email_canonical = 'moved@example.com' where id = ${moved.user_id}`
    expectPage(await one.client.get(letterPath(one.letter)), 400, 'This link no longer works')
    const off = await house.person()
    const two = await asked(off)
    const form = await two.client.get(letterPath(two.letter))
    await house.sql`update users set status = 'disabled' where id = ${off.user_id}`
    expectPage(await two.client.submit(form, { password: fresh }), 400, 'This link no longer works')
  })
})

describe('RC-2', () => {
  it('links are built from the issuer, whatever a request says of hosts', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await client.get('/recover')
    const csrf = page.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    const form = { csrf, login: person.email }
    const foreign = await client.post('/recover', form, { host: 'evil.example', origin: house.server.issuer })
    expect(foreign.status).toBe(421)
    await client.post('/recover', form, {
      origin: house.server.issuer,
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
      'x-original-url': 'https://evil.example/',
    })
    const letter = await inbox.letter(person.email)
    expect(letter.link.startsWith(`${house.server.issuer}/reset?token=`)).toBe(true)
    expect(letter.text + letter.html).not.toContain('evil.example')
  })
})

describe('LI-1', () => {
  const shown = (reply: Reply): unknown => {
    const { date: _, 'content-length': __, 'x-request-id': ___, 'set-cookie': ____, ...headers } = reply.headers
    const body = reply.body
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
      .replaceAll(/name="csrf" value="[^"]*"/g, 'CSRF')
      .replaceAll(/nonce="[^"]*"/g, 'NONCE')
      .replaceAll(/[a-z0-9-]+@example\.com/g, 'ADDRESS')
    const csp = String(headers['content-security-policy']).replaceAll(/nonce-[\w-]+/g, 'NONCE')
    return { status: reply.status, headers: { ...headers, 'content-security-policy': csp }, body }
  }

  it('known, unknown and disabled accounts get the same answer, on every step', async () => {
    const person = await house.person()
    const off = await house.person()
    await house.sql`update users set status = 'disabled' where id = ${off.user_id}`
    const answers = await Promise.all(
      [person.email, off.email, 'nobody-at-all@example.com'].map(async (login) => {
        const client = house.server.client()
        const page = await recover(client, login)
        const wrong = await typeCode(client, page, '000000')
        const again = await resend(client, page)
        return [page, wrong, again].map(shown)
      }),
    )
    expect(answers[1]).toEqual(answers[0])
    expect(answers[2]).toEqual(answers[0])
    expect(await inbox.letters(off.email)).toEqual([])
    expect(await inbox.letters('nobody-at-all@example.com')).toEqual([])
  })

  it('known and unknown user names get the same answer, and the same number of letters and tries', async () => {
    await house.person({ username: 'somebody_known' })
    const answers = await Promise.all(
      ['somebody_known', 'nobody_known'].map(async (login) => {
        const client = house.server.client()
        const pages: Reply[] = [await recover(client, login)]
        for (let tries = 0; tries < 6; tries += 1) pages.push(await typeCode(client, pages[0] as Reply, '000000'))
        for (let letters = 0; letters < 5; letters += 1) pages.push(await recover(client, login))
        return pages.map(shown)
      }),
    )
    expect(answers[1]).toEqual(answers[0])
  })
})

describe('SO-2', () => {
  it('a reset proves the address: what a stranger had put into the account is gone, and it counts as proved', async () => {
    const person = await house.person({ email_verified: false })
    await authenticatorOf(house.ctx, person.user_id)
    const { client, letter } = await asked(person)
    expectPage(await choose(client, letterPath(letter)), 200, 'Your password is set')
    const [row] = await house.sql`select email_verified from users where id = ${person.user_id}`
    expect(row).toEqual({ email_verified: true })
    expectPage(await signIn(house.server.client(), { ...person, password: fresh }), 200, 'Your account')
  })
})

describe('whoever was locked out by strangers', () => {
  it('is let in after a reset', async () => {
    const person = await house.person()
    const stranger = house.server.client()
    const tryOne = async (password: string): Promise<number> =>
      (await stranger.submit(await stranger.get('/login'), { login: person.email, password })).status
    for (let guess = 0; guess < 6; guess += 1) await tryOne('a wrong guess')
    expect(await tryOne('a wrong guess')).toBe(429)
    const { client, letter } = await asked(person)
    expectPage(await choose(client, letterPath(letter)), 200, 'Your password is set')
    expectPage(await signIn(client, { ...person, password: fresh }), 200, 'Your account')
  })
})
