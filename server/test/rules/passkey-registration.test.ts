/** Security rules PK-1 and PK-2 (security.md 1.4; WebAuthn Level 3 §7.1): what a new passkey has to say before it is kept. */
import { beforeAll, describe, expect, it } from 'vitest'
import { callerOf } from '../support/api.ts'
import { type House, openHouse, type Person } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'
import { inboxOf } from '../support/inbox.ts'
import { add, expectProblem, listed, options, path } from '../support/own-passkeys.ts'
import { handleOf, keepPasskey, type Lies, type SoftPasskey, softKey, softPasskey } from '../support/passkey.ts'
import { decisionOf, eventsOf } from '../support/written.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})

const make = (making: Partial<Parameters<typeof softPasskey>[0]> = {}): SoftPasskey =>
  softPasskey({ issuer: house.server.issuer, ...making })

const signInWith = async (passkey: SoftPasskey, person: Person): Promise<Reply> => {
  const client = house.server.client()
  const asked = await client.request('/api/v1/auth/passkey/options', { method: 'POST', json: {} })
  const { challenge } = asked.json<{ challenge: string }>()
  const credential = passkey.assert(challenge, handleOf(house.ctx, person.user_id))
  return await client.request('/api/v1/auth/passkey', { method: 'POST', json: { credential } })
}

describe('a new passkey', () => {
  it('is asked for as WebAuthn §5.4 has it: no attestation, the three algorithms, a handle that says nothing', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const asked = await options(caller)
    expect(asked).toEqual({
      challenge: expect.stringMatching(/^[\w-]{43}$/) as unknown,
      rp: { id: 'localhost', name: 'Keywright' },
      user: { id: handleOf(house.ctx, person.user_id), name: person.email, displayName: person.name },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: 'public-key', alg })),
      timeout: 300_000,
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'preferred', requireResidentKey: false, userVerification: 'preferred' },
      attestation: 'none',
      extensions: { credProps: true },
    })
    expect(Buffer.from(asked.user.id, 'base64url').length).toBe(32)
    expect(asked.user.id).not.toContain(person.user_id)
  })

  it('I2: is not kept for a session that ends while the call is under way: a thief’s, when the account is taken back', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const { challenge } = await options(caller)
    const reply = await house.sql.begin(async (tx) => {
      await tx`select 1 from users where id = ${person.user_id} for update`
      const call = caller.call('POST', path, { credential: make().attest(challenge) })
      await expect
        .poll(
          async () =>
            await house.sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        )
        .not.toEqual([])
      await tx`update sessions set ended_at = now(), ended_because = 'taken back' where user_id = ${person.user_id}`
      return { call }
    })
    expectProblem(await reply.call, 400, 'invalid_passkey')
    expect(await house.sql`select 1 from passkeys where user_id = ${person.user_id}`).toEqual([])
  })

  it.each([-7, -8, -257] as const)('of algorithm %i is kept, told by mail, and signs in', async (alg) => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const passkey = make({ alg, synced: true })
    const reply = await add(caller, passkey, {}, '  My  phone ')
    expect(reply.status, reply.body).toBe(201)
    const view = {
      id: expect.any(String) as unknown,
      name: 'My  phone',
      created_at: expect.stringMatching(/^20.*Z$/) as unknown,
      last_used_at: null,
      synced: true,
      discoverable: true,
    }
    expect(reply.json()).toEqual(view)
    expect(await listed(caller)).toEqual([view])
    const [row] = await house.sql`
      select alg, transports, backup_eligible, backed_up, user_verified from passkeys where user_id = ${person.user_id}`
    const transports = ['internal', 'hybrid']
    expect(row).toEqual({ alg, transports, backup_eligible: true, backed_up: true, user_verified: true })
    const letter = await inboxOf(house.server).letter(person.email, { kind: 'passkey_added' })
    expect(letter.text).toContain('My  phone')
    expect(letter.link).toContain(house.server.issuer)
    expect((await signInWith(passkey, person)).status).toBe(200)
    expect(await eventsOf(house.sql, { user_id: person.user_id })).toContainEqual(
      expect.objectContaining({ type: 'passkey.added', data: { passkey_id: reply.json()['id'], name: 'My  phone' } }),
    )
  })

  it('is named after its browser when nothing is known of it, and each name is another one', async () => {
    const caller = await callerOf(house, await house.person())
    for (let count = 0; count < 3; count += 1) expect((await add(caller, make())).status).toBe(201)
    const [first = ''] = (await listed(caller)).map(({ name }) => name)
    expect(first).not.toBe('')
    expect((await listed(caller)).map(({ name }) => name)).toEqual([first, `${first} 2`, `${first} 3`])
    expect((await options(caller)).excludeCredentials).toHaveLength(3)
  })

  const lies: [string, Lies, RegExp][] = [
    ['the type of a sign-in', { type: 'webauthn.get' }, /response type/],
    ['a challenge that nobody made', { challenge: 'a'.repeat(43) }, /challenge/],
    ['another origin', { origin: 'https://elsewhere.example' }, /origin/],
    ['crossOrigin', { crossOrigin: true }, /frame/],
    ['topOrigin', { topOrigin: 'https://elsewhere.example' }, /frame/],
    ['the hash of another domain', { rp_id: 'elsewhere.example' }, /RP ID/],
    ['no user present', { up: false }, /present/],
    ['backed up without being eligible', { bs: true }, /backed up/],
    ['an algorithm that is not on the list', { key: softKey(-35) }, /alg/],
    ['RSA with padding that is not on the list', { key: softKey(-37) }, /alg/],
    ['rawId that is not id', { rawId: 'AAAA' }, /./],
    ['another id than the authenticator says', { id: 'AAAA' }, /credential id/],
    ['an attestation with certificates', { fmt: 'packed', attStmt: new Map([['x5c', [new Uint8Array(9)]]]) }, /packed/],
    ['an attestation of a TPM', { fmt: 'tpm' }, /tpm/],
    ['a statement where there is none', { attStmt: new Map([['sig', new Uint8Array(9)]]) }, /./],
    [
      'its own attestation that does not hold',
      {
        fmt: 'packed',
        attStmt: new Map<string, unknown>([
          ['alg', -7],
          ['sig', new Uint8Array(9)],
        ]),
      },
      /./,
    ],
  ]

  it.each(lies)('PK-1: is refused with %s', async (_, lie, got) => {
    const caller = await callerOf(house, await house.person())
    const reply = await add(caller, make(), lie)
    expectProblem(reply, 400, 'invalid_passkey')
    expect((await decisionOf(house.sql, reply.json<{ error_id: string }>().error_id)).got).toMatch(got)
    expect(await listed(caller)).toEqual([])
  })

  it('PK-1: is refused where nothing can be read', async () => {
    const caller = await callerOf(house, await house.person())
    for (const credential of [null, 1, 'text', {}, make().assert('a'.repeat(43), undefined)])
      expectProblem(await caller.call('POST', path, { credential }), 400, 'invalid_passkey')
  })

  it('PK-1: a challenge is answered once, by whom and where it was made', async () => {
    const [ada, eve] = [await callerOf(house, await house.person()), await callerOf(house, await house.person())]
    const { challenge } = await options(ada)
    const credential = make().attest(challenge)
    expectProblem(await eve.call('POST', path, { credential }), 400, 'invalid_passkey')
    expect((await ada.call('POST', path, { credential })).status).toBe(201)
    expectProblem(await ada.call('POST', path, { credential }), 400, 'invalid_passkey')
    const signingIn = await ada.client.request('/api/v1/auth/passkey/options', { method: 'POST', json: {} })
    const other = make().attest(signingIn.json<{ challenge: string }>().challenge)
    expectProblem(await ada.call('POST', path, { credential: other }), 400, 'invalid_passkey')
  })

  it('PK-2: with a credential id that somebody has already: 409, whoever it is', async () => {
    const [ada, eve] = [await callerOf(house, await house.person()), await callerOf(house, await house.person())]
    const passkey = make()
    expect((await add(ada, passkey)).status).toBe(201)
    for (const caller of [ada, eve]) expectProblem(await add(caller, passkey), 409, 'known_passkey')
    expect(await listed(eve)).toEqual([])
  })

  it('WebAuthn §7.1: with a credential id that is too long', async () => {
    const caller = await callerOf(house, await house.person())
    expectProblem(await add(caller, make({ id_bytes: 1024 })), 400, 'invalid_passkey')
    expect((await add(caller, make({ id_bytes: 1023 }))).status).toBe(201)
  })

  it('is refused where there are twenty', async () => {
    const person = await house.person()
    for (let count = 0; count < 20; count += 1) await keepPasskey(house.ctx, person.user_id, { passkey: make() })
    expectProblem(await add(await callerOf(house, person), make()), 409, 'too_many_passkeys')
  })
})
