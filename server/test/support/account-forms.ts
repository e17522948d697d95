/**
 * Owns the forms of a person's own pages, for the test of all forms (rules/forms.test.ts): what a person would put in, and
 * how one sees that it had its effect. Start reading at `accountForms`.
 */
import { type House, type Person, signIn } from './flow.ts'
import type { HttpClient, Reply } from './http.ts'
import { inboxOf } from './inbox.ts'
import { sendForm } from './own-page.ts'

/** A form as its page shows it, what a person would put in, and whether it has had its effect. */
export type Prepared = {
  house?: House
  client: HttpClient
  page: Reply
  values: Record<string, string>
  hasHappened: () => Promise<boolean>
}

type Opened = { house: House; client: HttpClient; person: Person; page: Reply }

/** The forms by their addresses. */
export const accountForms = (houseOf: () => House): Record<string, () => Promise<Prepared>> => {
  const open = async (path: string): Promise<Opened> => {
    const house = houseOf()
    const person = await house.person()
    const client = house.server.client()
    await signIn(client, person)
    return { house, client, person, page: await client.get(path) }
  }
  const isNow = (opened: Opened, what: Record<string, string>) => async (): Promise<boolean> => {
    const [row] = await opened.house.sql`select * from users where id = ${opened.person.user_id}`
    return Object.entries(what).every(([column, value]) => row?.[column] === value)
  }
  const leave = async (): Promise<Opened> => {
    const opened = await open('/account/delete')
    await sendForm(opened.client, opened.page, '/account/delete', { login: opened.person.email })
    return opened
  }
  return {
    '/account/profile': async () => {
      const opened = await open('/account/profile')
      return { ...opened, values: { name: 'Eve' }, hasHappened: isNow(opened, { name: 'Eve' }) }
    },
    '/account/delete': async () => {
      const opened = await open('/account/delete')
      const values = { login: opened.person.email }
      return { ...opened, values, hasHappened: isNow(opened, { status: 'pending_erasure' }) }
    },
    '/factor/erasure': async () => {
      const { house, person } = await leave()
      const client = house.server.client()
      const page = await signIn(client, person)
      return { client, page, values: {}, hasHappened: isNow({ house, client, person, page }, { status: 'active' }) }
    },
    '/keep-account': async () => {
      const { house, person } = await leave()
      const client = house.server.client()
      const { link } = await inboxOf(house.server).letter(person.email, { kind: 'erasure_requested' })
      const page = await client.get(link)
      return { client, page, values: {}, hasHappened: isNow({ house, client, person, page }, { status: 'active' }) }
    },
  }
}
