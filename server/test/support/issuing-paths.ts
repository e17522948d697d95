/**
 * Owns what the tables of issuing paths have in common: the house and its applications, and what counts as something issued.
 * The paths themselves are in person-paths.ts and client-paths.ts.
 */
import { type App, type House, type Person, signIn } from './flow.ts'
import type { HttpClient, Reply } from './http.ts'
import type { TestInbox } from './inbox.ts'

export type Place = {
  house: House
  inbox: TestInbox
  /**
   * May skip consent; has to ask; issues opaque tokens; a public client; may ask for tokens of the JSON API; serves the
   * resource `served`.
   */
  apps: Record<'first' | 'third' | 'opaque' | 'spa' | 'api' | 'server', App>
}

/** What the client `server` of a place serves. */
export const served = 'https://served.example'

/** Tries once; tells whether anything was issued, shown or signed in. */
export type Attempt = () => Promise<boolean>
/** Opens a way for a person who is fine; what it returns is tried when they are not. */
export type Open = (place: Place, person: Person) => Promise<Attempt>

/** Whether an answer gives an application a code. */
export const hasCode = (reply: Reply): boolean => reply.location?.searchParams.has('code') ?? false
/** Whether an answer is 200. */
export const ok = async (reply: Promise<Reply>): Promise<boolean> => (await reply).status === 200
/** The header of an access token. */
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
/** The header with which an application proves who it is. */
export const basic = ({ client_id, client_secret }: App) => ({
  authorization: `Basic ${Buffer.from(`${client_id}:${client_secret ?? ''}`).toString('base64')}`,
})

/** A browser in which somebody is signed in. */
export const browserOf = async ({ house }: Place, person: Person): Promise<HttpClient> => {
  const client = house.server.client()
  await signIn(client, person)
  return client
}

/** Whether somebody is signed in in a browser by now. */
export const isInside = async (client: HttpClient): Promise<boolean> => await ok(client.get('/account'))

/** Whether introspection calls a token active. */
export const introspected = async (client: HttpClient, app: App, token: string): Promise<boolean> =>
  (await client.post('/oauth/introspect', { token }, basic(app))).json<{ active: boolean }>().active

/** Whether a refresh gives tokens. */
export const refreshed = async (client: HttpClient, app: App, refresh_token: string): Promise<boolean> =>
  await ok(client.post('/oauth/token', { grant_type: 'refresh_token', refresh_token }, basic(app)))
