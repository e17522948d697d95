/** A passkey that is set up within a sign-in that needs one: rules MF-1, PK-1, AZ-12 (security.md 1.1, 1.4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type App, ask, expectPage, type House, openHouse, type Person, signInOn } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'
import { handleOf, type Lies, type SoftPasskey, softPasskey } from '../support/passkey.ts'

let house: House
let inbox: TestInbox
let app: App

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
  app = await house.app({ first_party: true })
})

/** Password and mailed code are proved, and the application asks for more. */
const proved = async (client: HttpClient, person: Person, acr_values = 'phr'): Promise<Reply> => {
  const page = await signInOn(client, await ask(client, app, { acr_values }), person)
  expectPage(page, 200, 'Confirm your email address')
  const sent = await client.walk(client.submit(page, {}, { button: { name: 'send' } }))
  const { code } = await inbox.letter(person.email, { kind: 'factor_code' })
  return await client.walk(client.submit(sent, { code }))
}

const optionsOf = async (client: HttpClient, page: Reply): Promise<Reply> => {
  const json = { interaction: page.url.searchParams.get('sign_in') ?? '' }
  return await client.request('/api/v1/auth/passkey/options', { method: 'POST', json })
}

const setUp = async (client: HttpClient, page: Reply, passkey: SoftPasskey, lies: Lies = {}): Promise<Reply> => {
  const { challenge } = (await optionsOf(client, page)).json<{ challenge: string }>()
  return await client.submit(page, { credential: JSON.stringify(passkey.attest(challenge, lies)) })
}

const sessionsOf = async (person: Person): Promise<readonly unknown[]> =>
  await house.sql`select acr, amr from sessions where user_id = ${person.user_id} and ended_at is null`

describe('MF-1: phr is demanded and no passkey is there', () => {
  it('after a mailed code the browser makes one, which completes the sign-in', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await proved(client, person)
    expectPage(page, 200, 'Set up a passkey')
    expect((await optionsOf(client, page)).json()).toMatchObject({
      user: { id: handleOf(house.ctx, person.user_id), name: person.email },
      attestation: 'none',
    })
    const passkey = softPasskey({ issuer: house.server.issuer })
    expectPage(await setUp(client, page, passkey), 200, 'Backup codes')
    expect(await sessionsOf(person)).toEqual([{ acr: 'phr', amr: ['pwd', 'hwk', 'user', 'mfa'] }])
    await inbox.letter(person.email, { kind: 'passkey_added' })
    expect(await house.sql`select credential_id from passkeys where user_id = ${person.user_id}`).toEqual([
      { credential_id: Buffer.from(passkey.id, 'base64url') },
    ])
  })

  it('before that nothing can be made', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await signInOn(client, await ask(client, app, { acr_values: 'phr' }), person)
    expect((await optionsOf(client, page)).json()).toMatchObject({ code: 'expired' })
  })

  it('PK-1: what proves no new key completes nothing, and may be tried again', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await proved(client, person)
    const passkey = softPasskey({ issuer: house.server.issuer })
    const refused = await setUp(client, page, passkey, { origin: 'https://elsewhere.example' })
    expectPage(refused, 400, 'Set up a passkey')
    expect(refused.body).toContain('The passkey could not be added')
    expect(await sessionsOf(person)).toEqual([])
    expectPage(await setUp(client, page, passkey), 200, 'Backup codes')
  })

  it('where two factors are demanded it is one of the ways, the first', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await proved(client, person, 'aal2')
    expectPage(page, 200, 'Set up a second step')
    expect([...page.body.matchAll(/kind=(\w+)"/g)].map(([, kind]) => kind)[0]).toBe('passkey')
  })
})
