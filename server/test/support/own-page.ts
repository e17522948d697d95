/**
 * Owns what tests of a person's own pages do again and again: sign in, send the form of a page, look for what is left of
 * somebody in the whole database. Start reading at `sendForm`.
 */
import type { Db } from '../../src/db/connect.ts'
import type { HttpClient, Reply } from './http.ts'

/** Sends the form of a page that posts to `action`. */
export const sendForm = async (
  client: HttpClient,
  page: Reply,
  action: string,
  values: Record<string, string> = {},
): Promise<Reply> => await client.submit(page, values, { form: (form) => form.action === action })

/** Proves oneself again on the sign-in page that a reply leads to, and goes on to where that leads. */
export const proveAgain = async (client: HttpClient, reply: Reply, password: string): Promise<Reply> => {
  const page = await client.walk(reply)
  if (page.url.pathname !== '/login') throw new Error(`not the sign-in page: ${page.url.pathname}`)
  const login = page.forms.flatMap(({ fields }) => fields).find(({ name }) => name === 'login')?.value ?? ''
  return await client.walk(client.submit(page, { login, password }))
}

/** The tables in which a text stands, in whatever column, with how many rows. */
export const findEverywhere = async (sql: Db, text: string): Promise<Record<string, number>> => {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = current_schema() and table_type = 'BASE TABLE'`
  const found: Record<string, number> = {}
  for (const { name } of tables) {
    const [row] = await sql<{ rows: number }[]>`
      select count(*)::int as rows from ${sql(name)} t where strpos(lower(t::text), ${text.toLowerCase()}) > 0`
    if ((row?.rows ?? 0) > 0) found[name] = row?.rows ?? 0
  }
  return found
}
