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
    '/account/password': async () => {
      const opened = await open('/account/password')
      const { house, person } = opened
      const changed = async (): Promise<boolean> =>
        (await house.sql`select 1 from all_events where user_id = ${person.user_id} and type = 'user.password_changed'`)
          .length > 0
      return { ...opened, values: { password: 'three quiet lamps at dusk' }, hasHappened: changed }
    },
    '/account/email': async () => {
      const opened = await open('/account/email')
      const { house, person } = opened
      const asked = async (): Promise<boolean> =>
        (await house.sql`select 1 from one_time_tokens where user_id = ${person.user_id} and purpose = 'change_email'`)
          .length > 0
      return { ...opened, values: { email: `other-${person.email}` }, hasHappened: asked }
    },
    '/account/email/code': async () => {
      const { house, client, person, page: first } = await open('/account/email')
      const email = `other-${person.email}`
      const page = await client.walk(sendForm(client, first, '/account/email', { email }))
      const { code } = await inboxOf(house.server).letter(email)
      return { client, page, values: { code }, hasHappened: isNow({ house, client, person, page }, { email }) }
    },
    '/account/devices/forget': async () => {
      const { house, client, person } = await open('/account')
      await signIn(house.server.client(), person)
      const [device] = await house.sql<{ id: string }[]>`
        select id from devices where user_id = ${person.user_id} order by created_at desc limit 1`
      const page = await client.get('/account/sessions')
      const hasHappened = async (): Promise<boolean> =>
        (await house.sql`select 1 from devices where user_id = ${person.user_id}`).length === 1
      return { client, page, values: { device_id: device?.id ?? '' }, hasHappened }
    },
    '/account/data': async () => {
      const opened = await open('/account/data')
      const { house, person } = opened
      const asked = async (): Promise<boolean> =>
        (await house.sql`select 1 from exports where user_id = ${person.user_id}`).length > 0
      return { ...opened, values: {}, hasHappened: asked }
    },
    '/account/data/download': async () => {
      const { house, client, person, page: first } = await open('/account/data')
      await sendForm(client, first, '/account/data')
      const { link } = await inboxOf(house.server).letter(person.email, { kind: 'export_ready' })
      const taken = async (): Promise<boolean> =>
        (await house.sql`select 1 from exports where user_id = ${person.user_id} and downloaded_at is not null`)
          .length > 0
      return { client, page: await client.get(link), values: {}, hasHappened: taken }
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
