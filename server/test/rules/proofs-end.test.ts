/** A proof ends with what it was made of: security rules LI-3, RC-1, SO-2, AZ-13 (security.md 1.1, 1.4, 1.5). */
import { beforeAll, describe, expect, it } from 'vitest'
import { completeLogin } from '../../src/login/complete.ts'
import { accountOf } from '../../src/users/credentials.ts'
import { changeAccount } from '../../src/users/manage.ts'
import { changeStatus, endSessions } from '../../src/users/status.ts'
import { phoneProved } from '../../src/users/proved.ts'
import { askForCode, freshAddress, letterPath, recover, register, typeCode } from '../support/entry.ts'
import { authenticatorOf, chooseCodes, someNumber, someRequest } from '../support/factors.ts'
import type { TestClient, TestUser } from '../support/fixtures.ts'
import { type App, ask, askSilently, decide, signInOn } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import type { Person } from '../support/oauth.ts'
import { sendForm } from '../support/own-page.ts'

let home: InProcess
let app: App
let foreign: App
const fresh = 'seven loud brass bells'

beforeAll(async () => {
  home = await startInProcess()
  const named = (client: TestClient): App => ({ ...client, client_name: 'App' })
  app = named(await home.client())
  foreign = named(await home.client({ first_party: false }))
  await home.db`insert into roles (name, acr) values ('careful', 'aal2')`
})

const isIn = async (browser: HttpClient): Promise<boolean> => (await browser.get('/account')).status === 200

describe('a step-up', () => {
  const begun = async (): Promise<Person & { page: Reply; code: string }> => {
    const person = await home.person()
    const phone = await authenticatorOf(home.ctx, person.user.user_id)
    const page = await ask(person.browser, app, { acr_values: 'aal2' })
    expect(page.url.pathname).toBe('/factor')
    return { ...person, page, code: phone.code(home.ctx.now().getTime()) }
  }

  const ends: [string, (person: Person) => Promise<unknown>][] = [
    ['a sign-out here', async ({ browser }) => await signOut(browser, 'here')],
    ['a sign-out everywhere', async ({ browser }) => await signOut(browser, 'everywhere')],
    ['an administrator has ended all sessions', async ({ user }) => await endSessions(home.ctx, user.user_id)],
    ['the sign-in of somebody else', async ({ browser }) => await other(browser)],
  ]

  const signOut = async (browser: HttpClient, scope: string): Promise<Reply> =>
    await browser.submit(await browser.get('/logout'), {}, { button: { name: 'scope', value: scope } })

  const other = async (browser: HttpClient): Promise<Reply> => {
    const page = await ask(browser, app, { prompt: 'login' })
    return await signInOn(browser, await browser.get(`${page.url.pathname}${page.url.search}&other=1`), {
      ...(await home.user()),
      name: 'Other',
    })
  }

  it.each(ends)('LI-3: is over after %s, whichever code comes then', async (_name, end) => {
    const person = await begun()
    await end(person)
    home.pass(2)
    const before = await home.db`select 1 from sessions where user_id = ${person.user.user_id} and ended_at is null`
    const reply = await person.browser.submit(person.page, { code: person.code })
    expect([reply.status, reply.body.includes('This page has expired')]).toEqual([400, true])
    const after = await home.db`select 1 from sessions where user_id = ${person.user.user_id} and ended_at is null`
    expect(after.length).toBe(before.length)
  })

  it('is over although this node has not heard of the end yet', async () => {
    const { user, browser, page, code } = await begun()
    expect(await isIn(browser)).toBe(true)
    await home.db`update sessions set ended_at = now(), ended_because = 'elsewhere' where user_id = ${user.user_id}`
    expect((await browser.submit(page, { code })).status).toBe(400)
    expect(await home.db`select 1 from sessions where user_id = ${user.user_id} and ended_at is null`).toEqual([])
  })

  it('goes on in the session that began it', async () => {
    const { browser, page, code } = await begun()
    const reply = await browser.walk(browser.submit(page, { code }))
    expect(reply.location?.searchParams.get('code')).toMatch(/^kw_ac_/)
  })
})

describe('a sign-in by mail', () => {
  const byOwner = async ({ browser }: Person, email: string): Promise<void> => {
    const asked = await browser.walk(
      sendForm(browser, await browser.get('/account/email'), '/account/email', { email }),
    )
    const { code } = await home.inbox.letter(email, { kind: 'change_email' })
    const done = await sendForm(browser, asked, '/account/email/code', { code })
    expect(done.location?.search).toBe('?done=email_changed')
  }

  const byAdmin = async ({ user }: Person, email: string): Promise<void> => {
    expect(await changeAccount(home.ctx, { id: user.user_id }, { email })).toBeUndefined()
  }

  it.each([
    ['its person', byOwner],
    ['an administrator', byAdmin],
  ])('RC-1: is over before its second step, when %s gives the account another address', async (_who, move) => {
    const person = await home.person(await home.user({ roles: [] }))
    const { user } = person
    await home.db`insert into user_roles (user_id, role_id) select ${user.user_id}, id from roles where name = 'careful'`
    const reader = home.server.client()
    const code = (await askForCode(reader, user.email)).url
    const letter = await home.inbox.letter(user.email, { kind: 'sign_in' })
    const pending = await typeCode(reader, await reader.get(code), letter.code)
    expect(pending.url.pathname).toBe('/factor')
    await move(person, `moved-${user.email}`)
    const reply = await reader.get(`${pending.url.pathname}${pending.url.search}`)
    expect([reply.status, reply.body.includes('This page has expired')]).toEqual([400, true])
  })
})

describe('a registration', () => {
  const wanted = async (email: string): Promise<() => Promise<Reply>> => {
    const client = home.server.client()
    const page = await register(client, { email, name: 'Ada' })
    const { code } = await home.inbox.letter(email, { kind: 'verify_email' })
    return async () => await typeCode(client, page, code)
  }

  it('makes no account any more once nobody may register', async () => {
    const email = freshAddress()
    const prove = await wanted(email)
    const config: { signup: string } = home.ctx.config
    config.signup = 'invite'
    const reply = await prove()
    config.signup = 'open'
    expect(reply.status).toBe(403)
    expect(await home.db`select 1 from users where email = ${email}`).toEqual([])
  })

  it('SO-2: takes no account over that was disabled meanwhile', async () => {
    const user = await home.user({ email_verified: false })
    const prove = await wanted(user.email)
    await changeStatus(home.ctx, user.user_id, 'disabled')
    expect((await prove()).body).not.toContain('Your account')
    const rows = await home.db`
      select status, email_verified, name, password_hash is not null as has_password
      from users join password_credentials on user_id = id where id = ${user.user_id}`
    expect(rows).toEqual([{ status: 'disabled', email_verified: false, name: null, has_password: true }])
  })

  it('RC-1: what an address proved is nothing when it is not the account’s any more', async () => {
    const { user_id, email } = await home.user()
    const browser = { browser: 'a browser', isNew: false, device: undefined, session: undefined }
    const principal = { ...browser, token_hash: undefined, subject: undefined }
    const { credential } = await accountOf(home.ctx, email, undefined)
    const proven = { user_id, method: 'email_code', amr: ['otp'], credential, address: 'former@example.com' }
    const outcome = await completeLogin(home.ctx, someRequest(home.ctx), principal, { proven, interaction: undefined })
    expect(outcome).toEqual({ kind: 'overtaken' })
  })
})

describe('SO-2', () => {
  /** Somebody has an account with an address that is not theirs, and uses it. */
  const squatter = async (): Promise<Person> => {
    const person = await home.person(await home.user({ email_verified: false }))
    await decide(person.browser, await ask(person.browser, foreign), 'allow')
    expect(await askSilently(person.browser, foreign)).toBe('code')
    return person
  }

  const proves = async (user: TestUser): Promise<HttpClient> => {
    const owner = home.server.client()
    await recover(owner, user.email)
    const letter = await home.inbox.letter(user.email, { kind: 'reset_password' })
    await owner.submit(await owner.get(letterPath(letter)), { password: fresh })
    await owner.submit(await owner.get('/login'), { login: user.email, password: fresh })
    expect(await isIn(owner)).toBe(true)
    return owner
  }

  it('AZ-13: what a stranger had allowed an application, the owner of the address has not', async () => {
    const owner = await proves((await squatter()).user)
    expect(await askSilently(owner, foreign)).toBe('consent_required')
  })

  it('a number that the stranger had proved is the account’s no more', async () => {
    const { user } = await squatter()
    const destination = someNumber()
    await chooseCodes(home.ctx, user.user_id, { channel: 'sms', destination })
    await phoneProved(home.db, user.user_id, { phone_number: destination, now: home.ctx.now() })
    await proves(user)
    const rows = await home.db`select phone_number, phone_number_verified from users where id = ${user.user_id}`
    expect(rows).toEqual([{ phone_number: null, phone_number_verified: false }])
  })

  it('a sign-in that the stranger had begun is over', async () => {
    const { user } = await squatter()
    await authenticatorOf(home.ctx, user.user_id)
    const stranger = home.server.client()
    await stranger.submit(await stranger.get('/login'), { login: user.email, password: user.password })
    await proves(user)
    expect(await home.db`select 1 from sign_ins where user_id = ${user.user_id} and completed_at is null`).toEqual([])
  })
})
