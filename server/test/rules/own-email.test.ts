/** An address, changed by its owner, and the page that tells of it: security rules EM-1, EM-2, LI-4, MF-3, RC-1, AD-5 (security.md 1.4, 1.6). */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callerWith } from '../support/api.ts'
import { backupCodesOf } from '../support/factors.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import type { Person } from '../support/oauth.ts'
import { proveAgain, sendForm } from '../support/own-page.ts'
import { eventsOf } from '../support/written.ts'

let home: InProcess
let app: TestClient
let person: Person
let made = 0

beforeAll(async () => {
  home = await startInProcess()
  app = await home.client()
})
beforeEach(async () => {
  person = await home.person()
})

const newAddress = (): string => `new-${(made += 1)}@example.org`

describe('EM-2: another address', () => {
  const ask = async (email: string): Promise<Reply> =>
    await sendForm(person.browser, await person.browser.get('/account/email'), '/account/email', { email })
  const row = async () =>
    (
      await home.db<{ email: string; email_verified: boolean }[]>`
      select email, email_verified from users where id = ${person.user.user_id}`
    )[0]

  it.each([
    [299, 200],
    [301, 303],
  ])('LI-4: %i seconds after the proof: %i', async (seconds, status) => {
    const page = await person.browser.get('/account/email')
    home.pass(seconds)
    expect((await person.browser.get('/account/email')).status).toBe(status)
    const sent = await sendForm(person.browser, page, '/account/email', { email: newAddress() })
    expect(sent.location?.pathname).toBe(status === 200 ? '/account/email/code' : '/login')
    if (status === 200) return
    const back = await proveAgain(person.browser, sent, person.user.password)
    expect(back.url.pathname).toBe('/account/email')
  })

  it('the old one stays until the code is typed here; then the old one gets a way back, and UserInfo knows', async () => {
    const email = newAddress()
    const tokens = await home.grant(person, app, { scope: 'openid email' })
    const page = await person.browser.walk(ask(email))
    expect(page.url.pathname).toBe('/account/email/code')
    expect(await row()).toEqual({ email: person.user.email, email_verified: true })
    const { code } = await home.inbox.letter(email, { kind: 'change_email' })
    expect(code).toMatch(/^\d{6}$/)
    const elsewhere = home.server.client()
    await elsewhere.submit(await elsewhere.get('/login'), { login: person.user.email, password: person.user.password })
    expect((await elsewhere.get(`${page.url.pathname}${page.url.search}`)).location?.pathname).toBe('/account/email')
    const done = await sendForm(person.browser, page, '/account/email/code', { code })
    expect(done.location?.search).toBe('?done=email_changed')
    expect(await row()).toEqual({ email, email_verified: true })
    const letter = await home.inbox.letter(person.user.email, { kind: 'email_changed' })
    expect(letter.link).toContain('/undo-email?token=')
    expect(letter.text).not.toContain(email)
    expect(await home.inbox.letters(email, { kind: 'email_changed' })).toEqual([])
    home.pass(2)
    expect((await home.userinfo(tokens.access_token)).json()).toMatchObject({ email, email_verified: true })
    const events = await eventsOf(home.db, person.user)
    expect(JSON.stringify(events)).not.toContain(email)
    expect(events.map(({ type }) => type)).toContain('user.email_changed')
    const again = home.server.client()
    expect(
      (await again.submit(await again.get('/login'), { login: email, password: person.user.password })).status,
    ).toBe(303)
  })

  it('I2: a session that ends while the code is on its way in changes nothing: a thief’s, when the account is taken back', async () => {
    const email = newAddress()
    const page = await person.browser.walk(ask(email))
    const { code } = await home.inbox.letter(email, { kind: 'change_email' })
    const { sent } = await home.db.begin(async (tx) => {
      await tx`select 1 from users where id = ${person.user.user_id} for update`
      const sending = sendForm(person.browser, page, '/account/email/code', { code })
      const waiting = async () =>
        await home.db`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      await expect.poll(waiting).not.toEqual([])
      await tx`update sessions set ended_at = now(), ended_because = 'taken back' where user_id = ${person.user.user_id}`
      return { sent: sending }
    })
    expect((await sent).status).toBe(401)
    expect(await row()).toEqual({ email: person.user.email, email_verified: true })
  })

  it('RC-1: links of letters from before are void, the ways back of somebody who was robbed are not', async () => {
    const { user_id } = person.user
    for (const [index, purpose] of ['reset_password', 'sign_in', 'not_me', 'undo_email'].entries())
      await home.db`
        insert into one_time_tokens (token_hash, purpose, user_id, created_at, expires_at)
        values (${Buffer.from(`${user_id}${index}`)}, ${purpose}, ${user_id}, now(), now() + interval '1 hour')`
    const email = newAddress()
    const page = await person.browser.walk(ask(email))
    const { code } = await home.inbox.letter(email)
    await sendForm(person.browser, page, '/account/email/code', { code })
    const left = await home.db<{ purpose: string }[]>`
      select distinct purpose from one_time_tokens where user_id = ${user_id} and used_at is null order by purpose`
    expect(left.map(({ purpose }) => purpose)).toEqual(['not_me', 'undo_email'])
  })

  it('an address of somebody else: the same answer, no code, and only its owner is told', async () => {
    const owner = await home.user()
    const [free, taken] = [await ask(newAddress()), await ask(owner.email)]
    const shape = (reply: Reply): string => `${reply.status} ${reply.location?.pathname ?? ''}`
    expect(shape(taken)).toBe(shape(free))
    const page = await person.browser.walk(taken)
    expect(page.body).toContain(owner.email)
    const letter = await home.inbox.letter(owner.email, { kind: 'change_email' })
    expect([letter.code, letter.subject]).toEqual(['', 'You have an account at Keywright'])
    expect(`${letter.text}${letter.html}`).not.toContain(person.user.email)
    for (let turn = 0; turn < 4; turn += 1) {
      const reply = await sendForm(person.browser, page, '/account/email/code', { code: String(turn).repeat(6) })
      expect([reply.status, reply.body.includes('That code is not right')]).toEqual([401, true])
    }
    const dead = await sendForm(person.browser, page, '/account/email/code', { code: '999999' })
    expect(dead.body).toContain('This code does not work any more')
    expect((await row())?.email).toBe(person.user.email)
  })

  it('MF-3: five tries, ten minutes, and a new code voids the old one', async () => {
    const email = newAddress()
    const first = await person.browser.walk(ask(email))
    const old = await home.inbox.letter(email)
    const second = await person.browser.walk(ask(email))
    const { code } = await home.inbox.letter(email, { after: old })
    expect((await sendForm(person.browser, first, '/account/email/code', { code: old.code })).status).toBe(401)
    home.pass(599)
    expect((await sendForm(person.browser, second, '/account/email/code', { code: '000000' })).status).toBe(401)
    home.pass(2)
    const late = await sendForm(person.browser, second, '/account/email/code', { code })
    expect(late.body).toContain('This code does not work any more')
    expect((await row())?.email).toBe(person.user.email)
  })

  it('is typed by whoever asked for it: somebody else in the same browser does not even use a try', async () => {
    const { browser, user } = person
    const email = newAddress()
    const page = await browser.walk(ask(email))
    const { code } = await home.inbox.letter(email)
    const other = await home.user()
    // As after a sign-out and another sign-in there: the browser is the same, the person is not.
    const own = browser.jar.get('kw_session')
    browser.jar.delete('kw_session')
    await browser.submit(await browser.get('/login'), { login: other.email, password: other.password })
    const { call } = await callerWith(home, browser)
    const id = page.url.searchParams.get('id') ?? ''
    for (let turn = 0; turn < 6; turn += 1)
      expect((await call('POST', 'users/me/email/verify', { id, code })).json()['code']).toBe('expired_code')
    const [theirs] = await home.db<{ email: string }[]>`select email from users where id = ${other.user_id}`
    expect(theirs?.email).toBe(other.email)
    expect(own).toBeDefined()
    browser.jar.delete('kw_session')
    await browser.submit(await browser.get('/login'), { login: user.email, password: user.password })
    const again = await browser.get(`${page.url.pathname}${page.url.search}`)
    expect((await sendForm(browser, again, '/account/email/code', { code })).location?.search).toBe(
      '?done=email_changed',
    )
  })

  it('RC-1: is bound to the password that the account had, even where nobody removed it', async () => {
    const email = newAddress()
    const page = await person.browser.walk(ask(email))
    const { code } = await home.inbox.letter(email)
    await home.db`
      update password_credentials set changed_at = changed_at + interval '1 second' where user_id = ${person.user.user_id}`
    const reply = await sendForm(person.browser, page, '/account/email/code', { code })
    expect([reply.status, (await row())?.email]).toEqual([401, person.user.email])
  })

  it('the address that the account has is proved in the same way, and the mark follows the proof', async () => {
    const { user_id, email } = person.user
    await home.db`update users set email_verified = false, required_actions = '{verify_email}' where id = ${user_id}`
    home.pass(2)
    const page = await person.browser.walk(ask(email))
    expect((await row())?.email_verified).toBe(false)
    const { code } = await home.inbox.letter(email, { kind: 'change_email' })
    await sendForm(person.browser, page, '/account/email/code', { code })
    expect(await row()).toEqual({ email, email_verified: true })
    const [{ required_actions } = { required_actions: [] }] = await home.db<{ required_actions: string[] }[]>`
      select required_actions from users where id = ${user_id}`
    expect(required_actions).toEqual([])
    const types = (await eventsOf(home.db, person.user)).map(({ type }) => type)
    expect([types.includes('user.address_proved'), types.includes('user.email_changed')]).toEqual([true, false])
  })

  it('a former address that nobody had proved is told nothing: it may be a stranger’s', async () => {
    const { user_id, email } = person.user
    await home.db`update users set email_verified = false where id = ${user_id}`
    home.pass(2)
    const address = newAddress()
    const page = await person.browser.walk(ask(address))
    const { code } = await home.inbox.letter(address)
    await sendForm(person.browser, page, '/account/email/code', { code })
    expect((await row())?.email).toBe(address)
    expect(await home.inbox.letters(email, { kind: 'email_changed' })).toEqual([])
  })

  it('EM-1: what is no plain address is refused, and so is the one that is there', async () => {
    for (const email of ['', 'ada', 'ada@b@example.org', '"a b"@example.org', 'ada@example.org, eve@example.org'])
      expect([email, (await ask(email)).status]).toEqual([email, 422])
    expect((await ask(person.user.email.toUpperCase())).body).toContain('Your account has this address already.')
  })

  it('RL-1: one account sends ten such letters a day', async () => {
    for (let turn = 0; turn < 10; turn += 1) expect((await ask(newAddress())).status).toBe(303)
    const over = await ask(newAddress())
    expect([over.status, over.body.includes('That was often.')]).toEqual([429, true])
  })

  it('the API takes the same steps', async () => {
    const { call } = await callerWith(home, person.browser)
    const email = newAddress()
    const asked = await call('POST', 'users/me/email', { email })
    expect([asked.status, asked.json()['status']]).toEqual([202, 'code_sent'])
    const { code } = await home.inbox.letter(email)
    const id = String(asked.json()['id'])
    const wrong = await call('POST', 'users/me/email/verify', { id, code: code === '000000' ? '111111' : '000000' })
    expect([wrong.status, wrong.json()['code']]).toEqual([401, 'wrong_code'])
    const stranger = await home.person()
    const theirs = await callerWith(home, stranger.browser)
    expect((await theirs.call('POST', 'users/me/email/verify', { id, code })).json()['code']).toBe('expired_code')
    const done = await call('POST', 'users/me/email/verify', { id, code })
    expect(done.json()).toMatchObject({ user: { email, email_verified: true } })
    home.pass(301)
    const stale = await call('POST', 'users/me/email', { email: newAddress() })
    expect([stale.status, stale.json()['code']]).toEqual([403, 'reauthentication_required'])
  })
})

describe('the page of security', () => {
  it('tells how one signs in and what happened, to nobody else', async () => {
    await backupCodesOf(home.ctx, person.user.user_id)
    const stranger = await home.person()
    const page = await person.browser.get('/account/security')
    for (const text of ['You signed in', 'New backup codes were made', person.user.email, '10 backup codes are left.'])
      expect(page.body).toContain(text)
    const other = await stranger.browser.get('/account/activity')
    expect(other.body).not.toContain('New backup codes were made')
    await home.db`update backup_codes set used_at = now() where user_id = ${person.user.user_id} and lookup <> (
      select min(lookup) from backup_codes where user_id = ${person.user.user_id})`
    expect((await person.browser.get('/account')).body).toContain('Only 1 backup code is left.')
  })

  it('AD-5: fifty events at a time, and a cursor that is worth something to its owner alone', async () => {
    const { user_id } = person.user
    await home.db`
      insert into events (id, type, at, severity, outcome, user_id)
      select ('01800000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'factor.renamed', now(), 'info', 'success', ${user_id}
      from generate_series(1, 60) n`
    const first = await person.browser.get('/account/activity')
    const older = /cursor=[^"]+/.exec(first.body)?.[0] ?? ''
    const count = (reply: Reply): number => reply.body.split('A second step got another name').length - 1
    const second = await person.browser.get(`/account/activity?${older}`)
    expect(count(first) + count(second)).toBe(60)
    expect(second.body).not.toContain('cursor=')
    const stranger = await home.person()
    for (const cursor of [older, 'cursor=x', 'cursor=v1.root.a.b.c'])
      expect((await stranger.browser.get(`/account/activity?${cursor}`)).location?.search).toBe('')
  })
})
