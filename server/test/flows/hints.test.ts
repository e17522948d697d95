/** What an application may tell of the person it expects and of its wishes (OpenID Connect Core §3.1.2.1). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  ask,
  askSilently,
  authorizePath,
  expectCode,
  expectRefusal,
  type House,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  signIn,
  signInOn,
  tokensOf,
} from '../support/flow.ts'
import { decisionOf } from '../support/written.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let ada: Person
let bob: Person
let own: App

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person()
  bob = await house.person()
  own = await house.app({ first_party: true })
})

const signedIn = async (person: Person): Promise<HttpClient> => {
  const client = house.server.client()
  await signIn(client, person)
  return client
}

describe('hints', () => {
  const hintOf = async (person: Person, of: App = own): Promise<string> =>
    (await tokensOf(house.server.client(), of, person)).id_token

  /** An ID token that this server could have issued, with other claims. */
  const forged = async (claims: Record<string, unknown>): Promise<string> => {
    const { signer } = house.ctx
    signer.load(await house.sql`select * from signing_keys`)
    return signer.sign('RS256', 'JWT', { iss: house.server.issuer, aud: own.client_id, sub: ada.user_id, ...claims })
  }

  it('id_token_hint of the person who is signed in: the code, silently too', async () => {
    const client = await signedIn(ada)
    const id_token_hint = await hintOf(ada)
    expect(await askSilently(client, own, { id_token_hint })).toBe('code')
    expectCode(await client.get(authorizePath(own, { id_token_hint })), own, house.server.issuer)
  })

  it('an expired id_token_hint is as good', async () => {
    const client = await signedIn(ada)
    const id_token_hint = await forged({ iat: 1_000_000_000, exp: 1_000_000_300 })
    expect(await askSilently(client, own, { id_token_hint })).toBe('code')
  })

  it('of another person: login_required, with a page allowed or not', async () => {
    const client = await signedIn(ada)
    const id_token_hint = await hintOf(bob)
    for (const prompt of ['none', undefined, 'login', 'select_account']) {
      const reply = await client.get(authorizePath(own, { id_token_hint, prompt }))
      const decision = await decisionOf(house.sql, expectRefusal(reply, own, 'login_required'))
      expect(decision.expected).toBe('the person of the id_token_hint')
    }
  })

  it('without a session: whoever signs in has to be the one of the hint', async () => {
    const id_token_hint = await hintOf(bob)
    const right = house.server.client()
    expectCode(await signInOn(right, await ask(right, own, { id_token_hint }), bob), own, house.server.issuer)
    const wrong = house.server.client()
    expectRefusal(await signInOn(wrong, await ask(wrong, own, { id_token_hint }), ada), own, 'login_required')
  })

  it.each<[string, () => Promise<string>]>([
    ['of another client', async () => await hintOf(ada, await house.app({ first_party: true }))],
    ['of another issuer', async () => await forged({ iss: 'https://issuer.example' })],
    ['that is an access token', async () => (await tokensOf(house.server.client(), own, ada)).access_token],
    ['with another signature', async () => (await hintOf(ada)).replace(/.{8}$/, 'AAAAAAAA')],
    ['without a signature', async () => `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.e30.`],
    ['that is nothing', async () => await Promise.resolve('nothing')],
  ])('an id_token_hint %s is invalid_request', async (_name, hint) => {
    const client = await signedIn(ada)
    const reply = await client.get(authorizePath(own, { id_token_hint: await hint() }))
    expectRefusal(reply, own, 'invalid_request')
  })

  it('login_hint fills the field in, as text', async () => {
    const loginOf = (page: Reply) => page.forms[0]?.fields.find(({ name }) => name === 'login')?.value
    const page = await ask(house.server.client(), own, { login_hint: ada.email })
    expect(loginOf(page)).toBe(ada.email)
    const hostile = await ask(house.server.client(), own, { login_hint: '"><script>alert(1)</script>' })
    expect(loginOf(hostile)).toBe('"><script>alert(1)</script>')
    expect(hostile.body).not.toContain('<script>alert')
  })

  it('ui_locales, acr_values, display and claims_locales are accepted, and what is not there is not claimed', async () => {
    const client = await signedIn(ada)
    const wishes = { ui_locales: 'xx de', acr_values: 'aal3 gold', display: 'wap', claims_locales: 'de' }
    const reply = await client.get(authorizePath(own, wishes))
    const code = expectCode(reply, own, house.server.issuer)
    const { id_token } = (await redeem(client, own, code)).json<{ id_token: string }>()
    expect(payloadOf(id_token).acr).toBe('aal1')
  })
})
