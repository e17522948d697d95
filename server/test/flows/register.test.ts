/** Registration: a wish, a letter, a proof, an account (product.md rows 14, 15; security rules LI-1, RC-1, SO-2, EM-2). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type App, ask, expectCode, expectPage, type House, openHouse, signIn } from '../support/flow.ts'
import { describe as describeReply, type HttpClient, type Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox
let app: App

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
  app = await house.app({ first_party: true })
})

let made = 0
const password = 'four calm green boats'
const newcomer = (): { email: string; name: string } => {
  made += 1
  return { email: `newcomer-${made}@example.com`, name: `Newcomer ${made}` }
}

/** Fills in the form; the answer is the page of the code. */
const register = async (client: HttpClient, fields: Record<string, string>, page?: Reply): Promise<Reply> =>
  await client.walk(client.submit(page ?? (await client.get('/register')), { password, ...fields }))

const accountOf = async (email: string): Promise<Record<string, unknown>[]> =>
  await house.sql`
  select u.id, u.name, u.username, u.email_verified, u.status, roles_of(u.id) as roles
  from users u where u.email_canonical = ${email}`

const typeCode = async (client: HttpClient, page: Reply, code: string): Promise<Reply> =>
  await client.walk(client.submit(page, { code }, { form: (form) => form.fields.some(({ name }) => name === 'code') }))

const pathOf = (link: string): string => link.slice(house.server.issuer.length)

describe('an account', () => {
  it('is made when the code is typed where it was asked for, and its person is signed in', async () => {
    const client = house.server.client()
    const { email, name } = newcomer()
    const page = await register(client, { email, name, username: 'First_One' })
    expectPage(page, 200, 'Confirm your email')
    expect(page.body).toContain(email)
    expect(await accountOf(email)).toEqual([])
    const letter = await inbox.letter(email, { kind: 'verify_email' })
    expect(letter.code).toMatch(/^\d{6}$/)
    expectPage(await typeCode(client, page, letter.code), 200, 'Your account')
    expect(await accountOf(email)).toEqual([
      expect.objectContaining({ name, username: 'first_one', email_verified: true, status: 'active', roles: ['user'] }),
    ])
    const [{ id = '' } = {}] = (await accountOf(email)) as { id?: string }[]
    const types = (await eventsOf(house.sql, { user_id: id })).map((event) => event.type)
    expect(types.toSorted()).toEqual(['login.succeeded', 'registration.completed', 'user.created'])
    await signIn(house.server.client(), { user_id: id, email, password, name })
  })

  it('leads back to the application that sent the person', async () => {
    const client = house.server.client()
    const { email, name } = newcomer()
    const login = await ask(client, app)
    const form = await client.get(/href="([^"]*\/register\?interaction=[^"]+)"/.exec(login.body)?.[1] ?? '')
    expectPage(form, 200, 'Create an account')
    expect(form.body).toContain(app.client_name)
    const page = await register(client, { email, name }, form)
    const { code } = await inbox.letter(email)
    expectCode(await typeCode(client, page, code), app, house.server.issuer)
  })

  it('RC-1: opening the link changes nothing, pressing its button in the same browser makes the account', async () => {
    const client = house.server.client()
    const { email, name } = newcomer()
    await register(client, { email, name })
    const { link } = await inbox.letter(email)
    for (const method of ['GET', 'HEAD', 'GET']) await client.request(pathOf(link), { method })
    await house.server.client().get(pathOf(link))
    expect(await accountOf(email)).toEqual([])
    const page = await client.get(pathOf(link))
    expectPage(page, 200, 'Confirm your email')
    expect(page.headers['referrer-policy']).toBe('strict-origin')
    expectPage(await client.walk(client.submit(page)), 200, 'Your account')
    expect(await accountOf(email)).toHaveLength(1)
    expectPage(await client.get(pathOf(link)), 400, 'This link no longer works')
  })

  it('SO-2: in another browser the password of the registration is nobody’s; the reader of the mail chooses one', async () => {
    const stranger = house.server.client()
    const { email } = newcomer()
    await register(stranger, { email, name: 'Not me', password: 'the stranger knows it' })
    const { link } = await inbox.letter(email)
    const owner = house.server.client()
    const page = await owner.get(pathOf(link))
    expectPage(page, 200, 'Finish your account')
    expect(page.body).toContain('autocomplete="new-password"')
    const bare = await owner.submit(page, { name: 'Me' })
    expect(bare.status, describeReply(bare)).toBe(422)
    expect(await accountOf(email)).toEqual([])
    expectPage(await owner.walk(owner.submit(bare, { name: 'Me', password })), 200, 'Your account')
    expect(await accountOf(email)).toEqual([expect.objectContaining({ name: 'Me' })])
    const wrong = await stranger.submit(await stranger.get('/login'), {
      login: email,
      password: 'the stranger knows it',
    })
    expect(wrong.status).toBe(401)
  })

  it('asks for another user name when the one that was chosen is taken, by code and by link', async () => {
    const client = house.server.client()
    const { email, name } = newcomer()
    await house.person({ username: 'taken_one' })
    const page = await register(client, { email, name, username: 'Taken_One' })
    const { code, link } = await inbox.letter(email)
    const byLink = await client.submit(await client.get(pathOf(link)))
    expect(byLink.status).toBe(422)
    expect(byLink.body).toContain('This username is taken')
    const byCode = await typeCode(client, page, code)
    expectPage(byCode, 422, 'Finish your account')
    expect(byCode.body).not.toContain('new-password')
    expectPage(await client.walk(client.submit(byCode, { username: 'free_one' })), 200, 'Your account')
    expect(await accountOf(email)).toEqual([expect.objectContaining({ username: 'free_one' })])
    await signIn(house.server.client(), { user_id: '', email, password, name })
  })
})

describe('an address with an account', () => {
  it('LI-1: gets the same page, and a letter that says so; nothing changes', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await register(client, { email: person.email, name: 'Somebody' })
    expectPage(page, 200, 'Confirm your email')
    const letter = await inbox.letter(person.email)
    expect(letter.subject).toBe('You have an account already')
    expect([letter.code, letter.link]).toEqual(['', `${house.server.issuer}/login`])
    const tried = await typeCode(client, page, '000000')
    expect([tried.status, tried.body.includes('That code did not work')]).toEqual([401, true])
    await signIn(house.server.client(), person)
  })

  it('SO-2: whoever proves an address that nobody had proved takes the account over, and what it had is gone', async () => {
    const person = await house.person({ email_verified: false, roles: ['user'] })
    const thief = house.server.client()
    await signIn(thief, person)
    const owner = house.server.client()
    const page = await register(owner, { email: person.email, name: 'The owner', password: 'only the owner knows' })
    const { code } = await inbox.letter(person.email)
    expectPage(await typeCode(owner, page, code), 200, 'Your account')
    expect((await thief.get('/account')).location?.pathname).toBe('/login')
    const wrong = await thief.submit(await thief.get('/login'), { login: person.email, password: person.password })
    expect(wrong.status).toBe(401)
    await signIn(house.server.client(), { ...person, password: 'only the owner knows' })
    expect(await accountOf(person.email)).toEqual([
      expect.objectContaining({ id: person.user_id, name: 'The owner', email_verified: true, roles: ['user'] }),
    ])
    const types = (await eventsOf(house.sql, { user_id: person.user_id })).map((event) => event.type)
    expect(types).toContain('user.address_proved')
  })

  it('the first who proves it has it: another registration of the address is worth nothing afterwards', async () => {
    const [one, two] = [house.server.client(), house.server.client()]
    const { email, name } = newcomer()
    const first = await register(one, { email, name })
    const letter = await inbox.letter(email)
    await register(two, { email, name: 'The other' })
    const other = await inbox.letter(email, { after: letter })
    expectPage(await typeCode(one, first, letter.code), 200, 'Your account')
    expectPage(await two.get(pathOf(other.link)), 400, 'This link no longer works')
    expect(await accountOf(email)).toEqual([expect.objectContaining({ name })])
  })
})
