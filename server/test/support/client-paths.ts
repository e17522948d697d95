/**
 * Owns every way to get something out of this server as a client, or about one: each is opened while all is well, and tried
 * once later. Whoever builds another way adds a line.
 */
import {
  answerOf,
  type App,
  ask,
  decide,
  obtain,
  type Person,
  redeem,
  signInOn,
  tokensOf,
  typePassword,
} from './flow.ts'
import {
  type Attempt,
  basic,
  bearer,
  browserOf,
  hasCode,
  introspected,
  ok,
  type Place,
  refreshed,
  served,
} from './issuing-paths.ts'

/** Every way in which something is issued to a client, or told to one. */
export const clientPaths: Record<string, (place: Place, app: App, person: Person) => Promise<Attempt>> = {
  'client credentials': async ({ house }, app) => {
    const form = { grant_type: 'client_credentials', scope: 'read' }
    return await Promise.resolve(async () => await ok(house.server.client().post('/oauth/token', form, basic(app))))
  },
  'a token of its own at introspection': async ({ house }, app) => {
    const form = { grant_type: 'client_credentials', scope: 'read' }
    const reply = await house.server.client().post('/oauth/token', form, basic(app))
    const { access_token } = reply.json<{ access_token: string }>()
    return async () =>
      (await house.server.client().post('/oauth/introspect', { token: access_token }, basic(app))).body.includes(
        '"active":true',
      )
  },
  'authorize with a session': async (place, app, person) => {
    const client = await browserOf(place, person)
    return async () => hasCode(await client.walk(ask(client, app)))
  },
  'consent on an open page': async ({ house }, app, person) => {
    const client = house.server.client()
    const page = await signInOn(client, await ask(client, app, { prompt: 'consent' }), person)
    return async () => hasCode(await decide(client, page, 'allow'))
  },
  'sign-in on an open page': async ({ house }, app, person) => {
    const client = house.server.client()
    const page = await ask(client, app)
    return async () => hasCode(await client.walk(typePassword(client, page, person.email, person.password)))
  },
  'code exchange': async ({ house }, app, person) => {
    const client = house.server.client()
    const { code = '' } = answerOf(await obtain(client, app, person))
    return async () => await ok(redeem(client, app, code))
  },
  refresh: async ({ house }, app, person) => {
    const client = house.server.client()
    const { refresh_token } = await tokensOf(client, app, person, { scope: 'openid offline_access' })
    return async () => await refreshed(client, app, refresh_token)
  },
  UserInfo: async ({ house }, app, person) => {
    const client = house.server.client()
    const { access_token } = await tokensOf(client, app, person)
    return async () => await ok(client.get('/oauth/userinfo', bearer(access_token)))
  },
  'introspection by another client': async ({ house, apps }, app, person) => {
    const client = house.server.client()
    const { access_token } = await tokensOf(client, app, person, { resource: served })
    return async () => await introspected(client, apps.server, access_token)
  },
}
