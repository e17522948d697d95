/**
 * Owns the further ways to sign in that person-paths.ts has no room for: as JSON, by form with a passkey, with a second step
 * that is set up on the way. Whoever builds another way adds a line.
 */
import { Secret, TOTP } from 'otpauth'
import { ask, type Person, signInOn } from './flow.ts'
import type { Form } from './form.ts'
import type { HttpClient, Reply } from './http.ts'
import { hasCode, isInside, ok, type Open, type Place } from './issuing-paths.ts'
import { handleOf, keepPasskey, softPasskey } from './passkey.ts'

const post = async (client: HttpClient, path: string, json: unknown): Promise<Reply> =>
  await client.request(`/api/v1/auth/${path}`, { method: 'POST', json })

/** Whoever is leaving may prove who they are, and is offered to stay: that is no sign-in. */
const completes = async (reply: Promise<Reply>): Promise<boolean> =>
  (await reply).json<{ status?: unknown }>().status === 'complete'

/** A letter that was asked for as JSON and has come. */
const letterOf = async (
  { inbox }: Place,
  { client, person, path }: { client: HttpClient; person: Person; path: 'email-code' | 'forgot-password' },
) => {
  const reply = await post(client, path, { login: person.email })
  const { code, link } = await inbox.letter(person.email)
  return { id: reply.json<{ id: string }>().id, code, token: new URL(link).searchParams.get('token') ?? '' }
}

const passkeyForm: Open = async ({ house }, person) => {
  const key = softPasskey({ issuer: house.server.issuer })
  await keepPasskey(house.ctx, person.user_id, { passkey: key })
  const client = house.server.client()
  const page = await client.get('/login')
  return async () => {
    const { challenge } = (await post(client, 'passkey/options', {})).json<{ challenge: string }>()
    const credential = JSON.stringify(key.assert(challenge, handleOf(house.ctx, person.user_id)))
    await client.walk(client.submit(page, { credential }, { form: ({ id }: Form) => id === 'passkey' }))
    return await isInside(client)
  }
}

const mailedCode: Open = async (place, person) => {
  const client = place.house.server.client()
  const { id, code } = await letterOf(place, { client, person, path: 'email-code' })
  return async () => (await completes(post(client, 'email-code/verify', { id, code }))) || (await isInside(client))
}

const mailedToken: Open = async (place, person) => {
  const client = place.house.server.client()
  const { token } = await letterOf(place, { client, person, path: 'email-code' })
  return async () => (await completes(post(client, 'email-code/verify', { token }))) || (await isInside(client))
}

const resetToken: Open = async (place, person) => {
  const client = place.house.server.client()
  const { token } = await letterOf(place, { client, person, path: 'forgot-password' })
  return async () => await ok(post(client, 'reset-password', { token, password: 'an entirely new sentence' }))
}

/** Nobody has a second step yet: the address is proved first, then an authenticator is set up. */
const enrolment = async (place: Place, client: HttpClient, person: Person): Promise<Reply> => {
  const first = await signInOn(client, await ask(client, place.apps.first, { acr_values: 'aal2' }), person)
  return await client.walk(client.submit(first, {}, { button: { name: 'send' } }))
}

const provesAddress: Open = async (place, person) => {
  const client = place.house.server.client()
  const page = await enrolment(place, client, person)
  const { code } = await place.inbox.letter(person.email)
  return async () => {
    const next = await client.walk(client.submit(page, { code }))
    return next.url.pathname === '/factor/enrol' && next.status === 200
  }
}

const setsUpAuthenticator: Open = async (place, person) => {
  const client = place.house.server.client()
  const mail = await enrolment(place, client, person)
  const { code } = await place.inbox.letter(person.email)
  const choice = await client.walk(client.submit(mail, { code }))
  const page = await client.get(`${choice.url.pathname}${choice.url.search}&kind=totp`)
  const [, secret = ''] = /<code class="secret"[^>]*>([A-Z2-7 ]+)</.exec(page.body) ?? []
  const totp = new TOTP({ secret: Secret.fromBase32(secret.replaceAll(' ', '')) })
  return async () => {
    const done = await client.walk(client.submit(page, { code: totp.generate() }))
    return hasCode(done) || (await isInside(client))
  }
}

/** The ways, by their names. */
export const signInPaths: Record<string, Open> = {
  'a passkey, by form': passkeyForm,
  'a code by mail, as JSON': mailedCode,
  'a link by mail, as JSON': mailedToken,
  'a link to set the password, as JSON': resetToken,
  'a sign-in that asks to prove the address': provesAddress,
  'a second step that is set up within the sign-in': setsUpAuthenticator,
}
