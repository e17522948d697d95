/**
 * Owns every way to get something out of this server in somebody's name: each is opened while all is well, and tried once
 * later. Whoever builds another way adds a line. Start reading at `personPaths`.
 */
import { callerOf } from './api.ts'
import { authenticatorOf } from './factors.ts'
import {
  answerOf,
  type App,
  ask,
  askSilently,
  decide,
  obtain,
  type Person,
  redeem,
  signInOn,
  tokensOf,
  typePassword,
} from './flow.ts'
import type { HttpClient, Reply } from './http.ts'
import {
  type Attempt,
  bearer,
  browserOf,
  hasCode,
  introspected,
  isInside,
  ok,
  type Open,
  type Place,
  refreshed,
} from './issuing-paths.ts'
import { handleOf, keepPasskey, softPasskey } from './passkey.ts'

/** An attempt with tokens of a scope. */
const withTokens =
  (
    which: keyof Place['apps'],
    params: Record<string, string>,
    use: (client: HttpClient, app: App, tokens: { access_token: string; refresh_token: string }) => Promise<boolean>,
  ): Open =>
  async ({ house, apps }, person) => {
    const client = house.server.client()
    const tokens = await tokensOf(client, apps[which], person, params)
    return async () => await use(house.server.client(), apps[which], tokens)
  }

/** A code that was issued, to be redeemed. */
const withCode =
  (which: keyof Place['apps']): Open =>
  async ({ house, apps }, person) => {
    const client = house.server.client()
    const { code = '' } = answerOf(await obtain(client, apps[which], person))
    return async () => await ok(redeem(client, apps[which], code))
  }

/** A sign-in whose password is proved and whose code is due. */
const secondStep =
  (from: (place: Place, client: HttpClient, person: Person) => Promise<Reply>): Open =>
  async (place, person) => {
    const phone = await authenticatorOf(place.house.ctx, person.user_id)
    const client = place.house.server.client()
    const page = await from(place, client, person)
    return async () => {
      const done = await client.walk(client.submit(page, { code: phone.code() }))
      return hasCode(done) || (await isInside(client))
    }
  }

const stepUp: Open = async (place, person) => {
  const client = await browserOf(place, person)
  const phone = await authenticatorOf(place.house.ctx, person.user_id)
  const page = await ask(client, place.apps.first, { acr_values: 'aal2' })
  return async () => hasCode(await client.walk(client.submit(page, { code: phone.code() })))
}

const passkey: Open = async ({ house }, person) => {
  const key = softPasskey({ issuer: house.server.issuer })
  await keepPasskey(house.ctx, person.user_id, { passkey: key })
  const client = house.server.client()
  return async () => {
    const options = await client.request('/api/v1/auth/passkey/options', { method: 'POST', json: {} })
    const { challenge } = options.json<{ challenge: string }>()
    const credential = key.assert(challenge, handleOf(house.ctx, person.user_id))
    await client.request('/api/v1/auth/passkey', { method: 'POST', json: { credential } })
    return await isInside(client)
  }
}

/** A letter that was asked for and has come. */
const letterOf = async (
  { house, inbox }: Place,
  { client, person, at }: { client: HttpClient; person: Person; at: '/login/email' | '/recover' },
) => {
  const page = await client.get(at === '/recover' ? at : '/login')
  const fields = page.forms[0]?.fields.map(({ name, value }): [string, string] => [name, value]) ?? []
  const form = [...fields.filter(([name]) => name !== 'login' && name !== 'password'), ['login', person.email]]
  const asked = await client.walk(client.post(at, form as [string, string][], { origin: house.server.issuer }))
  return { page: asked, ...(await inbox.letter(person.email)) }
}

const mailedCode: Open = async (place, person) => {
  const client = place.house.server.client()
  const { page, code } = await letterOf(place, { client, person, at: '/login/email' })
  return async () => {
    const choice = { form: (form: Reply['forms'][number]) => form.fields.some(({ name }) => name === 'code') }
    await client.walk(client.submit(page, { code }, choice))
    return await isInside(client)
  }
}

const mailedLink: Open = async (place, person) => {
  const client = place.house.server.client()
  const { link } = await letterOf(place, { client, person, at: '/login/email' })
  return async () => {
    const page = await client.get(link)
    if (page.forms.length > 0) await client.walk(client.submit(page))
    return await isInside(client)
  }
}

const resetLink: Open = async (place, person) => {
  const client = place.house.server.client()
  const { link } = await letterOf(place, { client, person, at: '/recover' })
  return async () => {
    const page = await client.walk(client.get(link))
    const form = page.forms.find(({ fields }) => fields.some(({ name }) => name === 'password'))
    if (form === undefined) return false
    const done = await client.walk(
      client.submit(page, { password: 'an entirely new sentence' }, { form: (one) => one === form }),
    )
    return done.status < 400
  }
}

/** Somebody who acts as another person; `who` of the two is the one that changes. */
const acting =
  (who: 'target' | 'actor', use: (place: Place, client: HttpClient) => Promise<Attempt>): Open =>
  async (place, person) => {
    const { house } = place
    const [actor, target] = who === 'actor' ? [person, await house.person()] : [await house.person(), person]
    await house.sql`
      insert into user_roles (user_id, role_id) select ${actor.user_id}, id from roles where name = 'admin' on conflict do nothing`
    const { call, client } = await callerOf(house, actor)
    const begun = await call('POST', `users/${target.user_id}/impersonate`, { reason: 'a test' })
    if (begun.status !== 201) throw new Error(`not acting: ${begun.status} ${begun.body}`)
    return await use(place, client)
  }

const actedCode = async ({ apps }: Place, client: HttpClient): Promise<Attempt> =>
  await Promise.resolve(async () => (await askSilently(client, apps.first)) === 'code')

const actedToken = async ({ apps }: Place, client: HttpClient): Promise<Attempt> => {
  const { code = '' } = answerOf(await ask(client, apps.first))
  const { access_token } = (await redeem(client, apps.first, code)).json<{ access_token: string }>()
  return async () => await ok(client.get('/oauth/userinfo', bearer(access_token)))
}

/** Every way in which something is issued to, or shown of, a person. */
export const personPaths: Record<string, Open> = {
  'authorize with a session': async (place, person) => {
    const client = await browserOf(place, person)
    return async () => (await askSilently(client, place.apps.first)) === 'code'
  },
  'consent on an open page': async (place, person) => {
    const client = place.house.server.client()
    const page = await signInOn(client, await ask(client, place.apps.third), person)
    return async () => hasCode(await decide(client, page, 'allow'))
  },
  'account chooser on an open page': async (place, person) => {
    const client = await browserOf(place, person)
    const page = await ask(client, place.apps.first, { prompt: 'select_account' })
    const session_id = page.forms[0]?.buttons[0]?.value ?? ''
    return async () =>
      hasCode(await client.walk(client.submit(page, {}, { button: { name: 'session_id', value: session_id } })))
  },
  'password on an open page of an application': async (place, person) => {
    const client = place.house.server.client()
    const page = await ask(client, place.apps.first)
    return async () => {
      const reply = await client.walk(typePassword(client, page, person.email, person.password))
      return hasCode(reply) || (await isInside(client))
    }
  },
  password: async ({ house }, person) => {
    const client = house.server.client()
    const page = await Promise.resolve(client.get('/login'))
    return async () => {
      await client.walk(typePassword(client, page, person.email, person.password))
      return await isInside(client)
    }
  },
  'code exchange, confidential': withCode('first'),
  'code exchange, public': withCode('spa'),
  'refresh within the session': withTokens(
    'first',
    {},
    async (client, app, { refresh_token }) => await refreshed(client, app, refresh_token),
  ),
  'refresh of offline access': withTokens(
    'first',
    { scope: 'openid offline_access' },
    async (client, app, { refresh_token }) => await refreshed(client, app, refresh_token),
  ),
  'UserInfo with a JWT': withTokens(
    'first',
    {},
    async (client, _app, { access_token }) => await ok(client.get('/oauth/userinfo', bearer(access_token))),
  ),
  'UserInfo with an opaque token': withTokens(
    'opaque',
    {},
    async (client, _app, { access_token }) => await ok(client.get('/oauth/userinfo', bearer(access_token))),
  ),
  'UserInfo with a token of offline access': withTokens(
    'first',
    { scope: 'openid offline_access' },
    async (client, _app, { access_token }) => await ok(client.get('/oauth/userinfo', bearer(access_token))),
  ),
  'introspection of a JWT': withTokens(
    'first',
    {},
    async (client, app, { access_token }) => await introspected(client, app, access_token),
  ),
  'introspection of an opaque token': withTokens(
    'opaque',
    {},
    async (client, app, { access_token }) => await introspected(client, app, access_token),
  ),
  'introspection of a refresh token': withTokens(
    'first',
    { scope: 'openid offline_access' },
    async (client, app, { refresh_token }) => await introspected(client, app, refresh_token),
  ),
  'the own page': async (place, person) => {
    const client = await browserOf(place, person)
    return async () => await isInside(client)
  },
  'the JSON API by cookie': async ({ house }, person) => {
    const { client } = await callerOf(house, person)
    return async () => (await ok(client.get('/api/v1/users/me'))) || (await ok(client.get('/api/v1/auth/session')))
  },
  'the JSON API by cookie, to change something': async ({ house }, person) => {
    const { call } = await callerOf(house, person)
    return async () => await ok(call('PATCH', 'users/me', { nickname: 'Somebody' }))
  },
  'the JSON API by token': async (place, person) => {
    const { house, apps } = place
    const resource = `${house.server.issuer}/api/v1`
    const client = house.server.client()
    const { access_token } = await tokensOf(client, apps.api, person, { scope: 'openid account', resource })
    return async () => await ok(house.server.client().get('/api/v1/users/me', bearer(access_token)))
  },
  passkey,
  'a code by mail': mailedCode,
  'a link by mail': mailedLink,
  'the second step': secondStep(
    async (_place, client, person) => await signInOn(client, await client.get('/login'), person),
  ),
  'the second step for an application': secondStep(
    async ({ apps }, client, person) => await signInOn(client, await ask(client, apps.first), person),
  ),
  'a step-up': stepUp,
  'a link to set the password': resetLink,
  'somebody who acts as the person': acting('target', actedCode),
  'the person, acting as somebody': acting('actor', actedCode),
  'a token of somebody who acts as the person': acting('target', actedToken),
  'a token of the person, acting as somebody': acting('actor', actedToken),
}
