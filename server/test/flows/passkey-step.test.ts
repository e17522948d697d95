/** A passkey as the second step of a sign-in and as the step-up of a session: rules PK-1, MF-1, MF-2, LI-3 (security.md 1.4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { authenticatorOf } from '../support/factors.ts'
import {
  answerOf,
  type App,
  ask,
  askSilently,
  expectPage,
  type House,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  signIn,
  signInOn,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { handleOf, keepPasskey, type Lies, type SoftPasskey, softPasskey } from '../support/passkey.ts'

let house: House
let app: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ first_party: true })
})

type Owner = { person: Person; passkey: SoftPasskey; row: string }

const owner = async (more: Parameters<typeof keepPasskey>[2] | object = {}): Promise<Owner> => {
  const person = await house.person()
  const passkey = softPasskey({ issuer: house.server.issuer })
  const { id } = await keepPasskey(house.ctx, person.user_id, { passkey, ...more })
  return { person, passkey, row: id }
}

/** The page of the second step, after the password: the application asks for two factors. */
const firstStep = async (client: HttpClient, person: Person, acr_values = 'aal2'): Promise<Reply> => {
  const page = await signInOn(client, await ask(client, app, { acr_values }), person)
  expectPage(page, 200, 'Confirm that it is you')
  return page
}

const signInId = (page: Reply): string => page.url.searchParams.get('sign_in') ?? ''

const optionsOf = async (client: HttpClient, body: object): Promise<Reply> =>
  await client.request('/api/v1/auth/passkey/options', { method: 'POST', json: body })

const challengeOf = async (client: HttpClient, body: object): Promise<string> => {
  const reply = await optionsOf(client, body)
  expect(reply.status, reply.body).toBe(200)
  return reply.json<{ challenge: string }>().challenge
}

const confirm = async (client: HttpClient, page: Reply, credential: unknown): Promise<Reply> =>
  await client.walk(client.submit(page, { credential: JSON.stringify(credential) }))

const confirmWith = async (client: HttpClient, page: Reply, passkey: SoftPasskey, lies: Lies = {}): Promise<Reply> => {
  const challenge = await challengeOf(client, { interaction: signInId(page) })
  return await confirm(client, page, passkey.assert(challenge, undefined, lies))
}

const idToken = async (client: HttpClient, answer: Reply): Promise<Record<string, unknown>> => {
  const tokens = await redeem(client, app, answerOf(answer).code ?? '')
  return payloadOf(tokens.json<{ id_token: string }>().id_token)
}

const expectRefused = (reply: Reply): void => {
  expectPage(reply, 401, 'Confirm that it is you')
  expect(reply.body).toContain('That passkey did not work')
}

describe('a passkey as the second step', () => {
  it('offers the passkeys of the person, and is phishing-resistant beside a password, verified or not', async () => {
    for (const uv of [true, false]) {
      const { person, passkey } = await owner({ transports: ['usb'] })
      const client = house.server.client()
      const page = await firstStep(client, person, 'phr')
      const options = await optionsOf(client, { interaction: signInId(page) })
      expect(options.json()).toMatchObject({
        rpId: 'localhost',
        userVerification: 'preferred',
        allowCredentials: [{ type: 'public-key', id: passkey.id, transports: ['usb'] }],
      })
      const token = await idToken(client, await confirmWith(client, page, passkey, { uv }))
      expect(token).toMatchObject({ acr: 'phr', amr: ['pwd', 'hwk', 'user', 'mfa'] })
    }
  })

  it("PK-1: another person's passkey proves nothing, whatever it calls itself", async () => {
    const [ada, eve] = [await owner(), await owner()]
    const client = house.server.client()
    const page = await firstStep(client, ada.person)
    expectRefused(await confirmWith(client, page, eve.passkey))
    const userHandle = handleOf(house.ctx, ada.person.user_id)
    expectRefused(await confirmWith(client, page, eve.passkey, { userHandle }))
    expectRefused(await confirmWith(client, page, ada.passkey, { userHandle: handleOf(house.ctx, eve.person.user_id) }))
    expect(answerOf(await confirmWith(client, page, ada.passkey))).toHaveProperty('code')
  })

  it('PK-1: a challenge for a sign-in proves no second step, and the other way round', async () => {
    const { person, passkey } = await owner()
    const client = house.server.client()
    const page = await firstStep(client, person)
    const handle = handleOf(house.ctx, person.user_id)
    expectRefused(await confirm(client, page, passkey.assert(await challengeOf(client, {}), handle)))
    const challenge = await challengeOf(client, { interaction: signInId(page) })
    const credential = passkey.assert(challenge, handle)
    const reply = await client.request('/api/v1/auth/passkey', { method: 'POST', json: { credential } })
    expect(reply.status).toBe(401)
  })

  it('PK-1: a challenge for one person proves no second step of another in the same browser', async () => {
    const [ada, eve] = [await owner(), await owner()]
    const client = house.server.client()
    const adas = await firstStep(client, ada.person)
    const eves = await firstStep(client, eve.person)
    const challenge = await challengeOf(client, { interaction: signInId(adas) })
    expectRefused(await confirm(client, eves, eve.passkey.assert(challenge, undefined)))
  })

  it('AZ-12: the options of a sign-in are for its browser, and while a passkey is due', async () => {
    const { person, passkey } = await owner()
    const client = house.server.client()
    const page = await firstStep(client, person)
    const stranger = house.server.client()
    for (const [who, interaction] of [
      [stranger, signInId(page)],
      [client, 'nothing'],
      [client, ''],
    ] as const)
      expect((await optionsOf(who, { interaction })).json()).toMatchObject({ code: 'expired' })
    expect(answerOf(await confirmWith(client, page, passkey))).toHaveProperty('code')
    expect((await optionsOf(client, { interaction: signInId(page) })).json()).toMatchObject({ code: 'expired' })
  })

  it('MF-2: five wrong answers end the sign-in', async () => {
    const { person, passkey } = await owner()
    const client = house.server.client()
    const page = await firstStep(client, person)
    for (let tries = 1; tries <= 5; tries += 1) expectRefused(await confirm(client, page, {}))
    expectPage(await confirmWith(client, page, passkey), 429, 'Confirm that it is you')
  })

  it('3.7: however often somebody who knows the password was wrong, the passkey stays open', async () => {
    const { person, passkey } = await owner()
    await house.sql`
      insert into factor_throttles (user_id, kind, consecutive, failures, blocked_until, updated_at)
      values (${person.user_id}, 'passkey', 1000, 1000, 'epoch', now())`
    const client = house.server.client()
    expect(answerOf(await confirmWith(client, await firstStep(client, person), passkey))).toHaveProperty('code')
  })

  it('without JavaScript the other ways are there', async () => {
    const { person } = await owner()
    await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await firstStep(client, person)
    expect(page.body).toContain('This browser cannot use passkeys here')
    expect(page.body).toMatch(/<a href="[^"]*kind=totp">/)
  })
})

describe('a passkey as the first step', () => {
  const passkeyFirst = async (client: HttpClient, { person, passkey }: Owner, lies: Lies): Promise<Reply> => {
    const page = await ask(client, app, { acr_values: 'phr' })
    const credential = passkey.assert(await challengeOf(client, {}), handleOf(house.ctx, person.user_id), lies)
    const form = { form: ({ action }: { action: string }) => action.endsWith('/login/passkey') }
    return await client.walk(client.submit(page, { credential: JSON.stringify(credential) }, form))
  }

  it('with a verified user needs nothing else', async () => {
    const one = await owner()
    const client = house.server.client()
    expect(await idToken(client, await passkeyFirst(client, one, {}))).toMatchObject({ acr: 'phr' })
  })

  it('MF-1: without a verified user it needs another factor, which is not a passkey', async () => {
    const one = await owner()
    const client = house.server.client()
    const page = await passkeyFirst(client, one, { uv: false })
    expectPage(page, 200, 'Confirm that it is you')
    expect(page.body).not.toContain('data-passkey')
    expect((await optionsOf(client, { interaction: signInId(page) })).json()).toMatchObject({ code: 'expired' })
    const answer = await client.walk(client.submit(page, { code: one.person.password }))
    expect(await idToken(client, answer)).toMatchObject({ acr: 'phr', amr: ['hwk', 'user', 'pwd', 'mfa'] })
  })

  it('I2: removed between the steps, it proves nothing any more', async () => {
    const one = await owner()
    const client = house.server.client()
    const page = await passkeyFirst(client, one, { uv: false })
    await house.sql`delete from passkeys where id = ${one.row}`
    expectPage(await client.submit(page, { code: one.person.password }), 400, 'This page has expired')
    expect(await askSilently(client, app)).toBe('login_required')
  })
})

describe('a step-up', () => {
  it('LI-3: to phr by a passkey within the session, which goes on under a new secret', async () => {
    const { person, passkey } = await owner()
    const client = house.server.client()
    await signIn(client, person)
    const rows = async (): Promise<readonly { id: string; hash: string; acr: string }[]> =>
      await house.sql`select id, encode(token_hash, 'hex') as hash, acr from sessions where user_id = ${person.user_id}`
    const [before] = await rows()
    expect(await askSilently(client, app, { acr_values: 'phr' })).toBe('interaction_required')
    const page = await ask(client, app, { acr_values: 'phr' })
    expectPage(page, 200, 'Confirm that it is you')
    const token = await idToken(client, await confirmWith(client, page, passkey))
    expect(token).toMatchObject({ acr: 'phr', sid: before?.id })
    const [after] = await rows()
    expect([after?.id, after?.acr]).toEqual([before?.id, 'phr'])
    expect(after?.hash).not.toBe(before?.hash)
  })
})
