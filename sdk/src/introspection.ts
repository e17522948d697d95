/** Owns asking the issuer what a token or an API key is worth (RFC 7662), with copies where they are allowed. */
import { basicOf, type ClientCredentials } from './credentials.ts'
import { askJson, type Fetch } from './http.ts'
import type { Endpoints } from './issuer.ts'
import { frozen, sha256 } from './text.ts'

/** What the issuer says of a token that is active; undefined for every other one. Throws when it says nothing. */
export type Introspect = (token: string) => Promise<Record<string, unknown> | undefined>

type Options = { endpoints: Endpoints; fetch: Fetch; credentials: ClientCredentials }

/** Makes the question. */
export const createIntrospection =
  ({ endpoints, fetch, credentials }: Options): Introspect =>
  async (token) => {
    const { body } = await askJson(fetch, await endpoints('introspection_endpoint'), {
      method: 'POST',
      headers: { authorization: basicOf(credentials), 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token }).toString(),
    })
    return body['active'] === true ? frozen(body) : undefined
  }

const mostCopies = 10_000

type Copy = { said: Promise<Record<string, unknown> | undefined>; until: number }

/** The same with copies of good answers for so many milliseconds, counted from before the question; questions under way are shared. */
export const withCopies = (introspect: Introspect, ttlMs: number): Introspect => {
  if (ttlMs <= 0) return introspect
  const copies = new Map<string, Copy>()
  return async (token) => {
    // What is kept is no secret.
    const name = await sha256(token)
    const known = copies.get(name)
    if (known !== undefined && known.until > performance.now()) return await known.said
    const copy: Copy = { said: introspect(token), until: performance.now() + ttlMs }
    copies.delete(name)
    copies.set(name, copy)
    if (copies.size > mostCopies) copies.delete(copies.keys().next().value ?? name)
    const forget = (): void => {
      if (copies.get(name) === copy) copies.delete(name)
    }
    copy.said.then((said) => said ?? forget(), forget)
    return await copy.said
  }
}
