/**
 * Owns the steps of people on the way to an account: register, type the code of a letter, follow its link, choose a
 * password. Start reading at `letterPath`.
 */
import { expect } from 'vitest'
import { describe, type HttpClient, type Reply } from './http.ts'
import type { ReceivedLetter } from './inbox.ts'

/** A password that the policy likes, for whoever needs one. */
export const goodPassword = 'four calm green boats'

let made = 0

/** An address that nobody has. */
export const freshAddress = (): string => `newcomer-${(made += 1)}-${process.pid}@example.com`

/** The link of a letter as a path of the server. */
export const letterPath = (letter: Pick<ReceivedLetter, 'link'>): string => {
  const { pathname, search } = new URL(letter.link)
  return pathname + search
}

/** The token of a letter's link. */
export const tokenOf = (letter: Pick<ReceivedLetter, 'link'>): string =>
  new URL(letter.link).searchParams.get('token') ?? ''

/** Fills in the form of a new account; the answer is the page of the code. */
export const register = async (client: HttpClient, fields: Record<string, string>, page?: Reply): Promise<Reply> =>
  await client.walk(client.submit(page ?? (await client.get('/register')), { password: goodPassword, ...fields }))

/** Types a code on its page and goes on. */
export const typeCode = async (client: HttpClient, page: Reply, code: string): Promise<Reply> =>
  await client.walk(client.submit(page, { code }, { form: ({ fields }) => fields.some(({ name }) => name === 'code') }))

/** Asks for another code on the same page. */
export const resend = async (client: HttpClient, page: Reply): Promise<Reply> =>
  await client.walk(client.submit(page, {}, { form: ({ action }) => action.endsWith('/resend') }))

/** Tells who one is, on the page of a forgotten password; the answer is the page of the code. */
export const recover = async (client: HttpClient, login: string): Promise<Reply> =>
  await client.walk(client.submit(await client.get('/recover'), { login }))

/** Asks for a sign-in by mail on the sign-in page; the answer is the page of the code. */
export const askForCode = async (client: HttpClient, login: string, page?: Reply): Promise<Reply> => {
  const { url, forms, body } = page ?? (await client.get('/login'))
  expect(body, describe(page ?? (await client.get('/login')))).toContain('formaction="/login/email"')
  const fields = forms[0]?.fields.map(({ name, value }): [string, string] => [name, value]) ?? []
  const form = [
    ...fields.filter(([name]) => name !== 'login' && name !== 'password'),
    ['login', login] as [string, string],
  ]
  return await client.walk(client.post('/login/email', form, { origin: url.origin }))
}
