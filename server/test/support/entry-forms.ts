/**
 * Owns the forms on the way to an account, for the test of all forms (rules/forms.test.ts): what a person would put in, and
 * how one sees that it had its effect. Start reading at `entryForms`.
 */
import { isDenial } from '../../src/protocol/errors.ts'
import { invite } from '../../src/signup/invitations.ts'
import { makeLink, type Purpose } from '../../src/users/one-time.ts'
import type { Prepared } from './account-forms.ts'
import { askForCode, freshAddress, goodPassword, letterPath, recover, register } from './entry.ts'
import type { House, Person } from './flow.ts'
import type { HttpClient, Reply } from './http.ts'
import { inboxOf, type ReceivedLetter } from './inbox.ts'

type Forms = Record<string, () => Promise<Prepared>>

/** The forms by their addresses. */
export const entryForms = (houseOf: () => House): Forms => ({
  ...askingForms(houseOf),
  ...codeForms(houseOf),
  ...linkForms(houseOf),
})

/** Whether a letter was queued for an address beside those that there were. */
const letters = async (house: House, email: string, before: number): Promise<boolean> =>
  (await house.sql`select 1 from one_time_tokens where address = ${email}`).length > before

const askingForms = (houseOf: () => House): Forms => {
  const asking = async (
    path: string,
    field: 'email' | 'login',
    more: Record<string, string> = {},
  ): Promise<Prepared> => {
    const house = houseOf()
    const email = freshAddress()
    const client = house.server.client()
    const values = { [field]: email, ...more }
    return { client, page: await client.get(path), values, hasHappened: async () => await letters(house, email, 0) }
  }
  return {
    '/register': async () => await asking('/register', 'email', { name: 'Ada', password: goodPassword }),
    '/recover': async () => await asking('/recover', 'login'),
    '/login/email': async () => await asking('/login', 'login'),
  }
}

type Asked = { house: House; client: HttpClient; page: Reply; email: string; letter: ReceivedLetter }

const codeForms = (houseOf: () => House): Forms => {
  const asked = async (ask: (client: HttpClient, person: Person) => Promise<Reply>): Promise<Asked> => {
    const house = houseOf()
    const person = await house.person()
    const client = house.server.client()
    const page = await ask(client, person)
    return { house, client, page, email: person.email, letter: await inboxOf(house.server).letter(person.email) }
  }
  const registering = async (): Promise<Asked> => {
    const house = houseOf()
    const email = freshAddress()
    const client = house.server.client()
    const page = await register(client, { email, name: 'Ada' })
    return { house, client, page, email, letter: await inboxOf(house.server).letter(email) }
  }
  const typing = async ({ house, client, page, letter }: Asked): Promise<Prepared> => {
    const id = page.url.searchParams.get('id') ?? ''
    const hasHappened = async (): Promise<boolean> =>
      (await house.sql`select 1 from one_time_tokens where id = ${id} and used_at is null and tries = 0`).length === 0
    return { client, page, values: { code: letter.code }, hasHappened }
  }
  const again = async ({ house, client, page }: Asked): Promise<Prepared> => {
    const id = page.url.searchParams.get('id') ?? ''
    const hasHappened = async (): Promise<boolean> =>
      (await house.sql`select 1 from one_time_tokens where id = ${id}`).length === 0
    return { client, page, values: {}, hasHappened }
  }
  const forReset = async (): Promise<Asked> => await asked(async (client, { email }) => await recover(client, email))
  const forSignIn = async (): Promise<Asked> =>
    await asked(async (client, { email }) => await askForCode(client, email))
  return {
    '/verify': async () => await typing(await registering()),
    '/verify/resend': async () => await again(await registering()),
    '/recover/code': async () => await typing(await forReset()),
    '/recover/resend': async () => await again(await forReset()),
    '/login/code': async () => await typing(await forSignIn()),
    '/login/code/resend': async () => await again(await forSignIn()),
  }
}

const linkForms = (houseOf: () => House): Forms => {
  const opened = async (path: string, purpose: Purpose, values: Record<string, string> = {}): Promise<Prepared> => {
    const house = houseOf()
    const { user_id, email } = await house.person()
    const [row] = await house.sql<{ changed_at: Date }[]>`
      select changed_at from password_credentials where user_id = ${user_id}`
    const credential = row?.changed_at.toISOString() ?? ''
    const token = await makeLink(house.sql, { purpose, user_id, address: email, credential, now: new Date() })
    const client = house.server.client()
    const hasHappened = async (): Promise<boolean> =>
      (
        await house.sql`
        select 1 from one_time_tokens where user_id = ${user_id} and purpose = ${purpose} and used_at is null`
      ).length === 0
    return { client, page: await client.get(`${path}?token=${token}`), values, hasHappened }
  }
  const invited = async (): Promise<Prepared> => {
    const house = houseOf()
    const email = freshAddress()
    const made = await invite(house.ctx, { email, roles: [] }, { letter: false })
    if (isDenial(made)) throw new Error(made.error)
    const client = house.server.client()
    const page = await client.get(letterPath({ link: made.link ?? '' }))
    const hasHappened = async (): Promise<boolean> =>
      (await house.sql`select 1 from users where email_canonical = ${email}`).length === 1
    return { client, page, values: { name: 'Ada', password: goodPassword }, hasHappened }
  }
  return {
    '/reset': async () => await opened('/reset', 'reset_password', { password: goodPassword }),
    '/login/link': async () => await opened('/login/link', 'sign_in'),
    '/not-me': async () => await opened('/not-me', 'not_me'),
    '/undo-email': async () => await opened('/undo-email', 'undo_email'),
    '/invite': invited,
  }
}
