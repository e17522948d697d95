/** A person's passkeys at the JSON API: security rules PK-1, PK-2, LI-4, MF-4 (security.md 1.4), WebAuthn Level 3 §7.1. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf, callerWith } from '../support/api.ts'
import { type App, type House, openHouse, type Person, signIn, tokensOf } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'
import { inboxOf } from '../support/inbox.ts'
import { handleOf, keepPasskey, type Lies, type SoftPasskey, softKey, softPasskey } from '../support/passkey.ts'
import { decisionOf, eventsOf, moveSession } from '../support/written.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})

const path = 'users/me/passkeys'
const make = (making: Partial<Parameters<typeof softPasskey>[0]> = {}): SoftPasskey =>
  softPasskey({ issuer: house.server.issuer, ...making })

type Options = {
  challenge: string
  rp: { id: string; name: string }
  user: { id: string; name: string; displayName: string }
  excludeCredentials: { id: string }[]
}

const options = async ({ call }: Caller): Promise<Options> => {
  const reply = await call('POST', `${path}/options`, {})
  expect(reply.status, reply.body).toBe(200)
  return reply.json<Options>()
}

const add = async (caller: Caller, passkey = make(), lies: Lies = {}, name?: string): Promise<Reply> => {
  const { challenge } = await options(caller)
  return await caller.call('POST', path, {
    credential: passkey.attest(challenge, lies),
    ...(name !== undefined && { name }),
  })
}

const listed = async ({ call }: Caller): Promise<{ id: string; name: string }[]> =>
  (await call('GET', path)).json<{ passkeys: { id: string; name: string }[] }>().passkeys

const signInWith = async (
  passkey: SoftPasskey,
  person: Person,
): Promise<{ reply: Reply; caller: () => Promise<Caller> }> => {
  const client = house.server.client()
  const asked = await client.request('/api/v1/auth/passkey/options', { method: 'POST', json: {} })
  const { challenge } = asked.json<{ challenge: string }>()
  const credential = passkey.assert(challenge, handleOf(house.ctx, person.user_id))
  const reply = await client.request('/api/v1/auth/passkey', { method: 'POST', json: { credential } })
  return { reply, caller: async () => await callerWith(house, client) }
}

const expectProblem = (reply: Reply, status: number, code: string): void => {
  expect([reply.status, reply.json()['code']], reply.body).toEqual([status, code])
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
    expect((await signInWith(passkey, person)).reply.status).toBe(200)
    expect(await eventsOf(house.sql, { user_id: person.user_id })).toContainEqual(
      expect.objectContaining({ type: 'passkey.added', data: { passkey_id: reply.json()['id'], name: 'My  phone' } }),
    )
  })

  it('is named after its browser when nothing is known of it, and each name is another one', async () => {
    const caller = await callerOf(house, await house.person())
    for (let count = 0; count < 3; count += 1) expect((await add(caller)).status).toBe(201)
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
    expectProblem(await add(await callerOf(house, person)), 409, 'too_many_passkeys')
  })
})

describe('LI-4', () => {
  it('a proof of five minutes ago is too old to add or remove one, and young enough to read and name them', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const { challenge } = await options(caller)
    const credential = make().attest(challenge)
    const kept = await keepPasskey(house.ctx, person.user_id, { passkey: make() })
    await moveSession(house.sql, caller.client, { auth_time: -301 })
    // Copies of sessions are at most a second old.
    await expect
      .poll(async () => (await caller.call('POST', `${path}/options`, {})).status, { timeout: 5000 })
      .toBe(403)
    for (const reply of [
      await caller.call('POST', `${path}/options`, {}),
      await caller.call('POST', path, { credential }),
      await caller.call('DELETE', `${path}/${kept.id}`),
    ])
      expectProblem(reply, 403, 'reauthentication_required')
    expect((await caller.call('PATCH', `${path}/${kept.id}`, { name: 'Old' })).json()).toMatchObject({ name: 'Old' })
    expect((await listed(caller)).map(({ id }) => id)).toEqual([kept.id])
  })

  it('AD-4: not without the token of the page', async () => {
    const caller = await callerOf(house, await house.person())
    const headers = { 'x-csrf-token': '' }
    for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
      const at = method === 'POST' ? `${path}/options` : `${path}/x`
      expectProblem(await caller.call(method, at, method === 'DELETE' ? undefined : {}, headers), 403, 'access_denied')
    }
  })
})

describe('the end of a passkey', () => {
  it('is told by mail; it signs nobody in any more', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const passkey = make()
    const { id } = (await add(caller, passkey, {}, 'Key')).json<{ id: string }>()
    expect((await caller.call('DELETE', `${path}/${id}`)).status).toBe(204)
    expectProblem(await caller.call('DELETE', `${path}/${id}`), 404, 'not_found')
    expect((await inboxOf(house.server).letter(person.email, { kind: 'passkey_removed' })).text).toContain('Key')
    expectProblem((await signInWith(passkey, person)).reply, 401, 'wrong_passkey')
  })

  it("nobody names or removes another person's", async () => {
    const [ada, eve] = [await house.person(), await callerOf(house, await house.person())]
    const { id } = await keepPasskey(house.ctx, ada.user_id, { passkey: make() })
    expectProblem(await eve.call('DELETE', `${path}/${id}`), 404, 'not_found')
    expectProblem(await eve.call('PATCH', `${path}/${id}`, { name: 'Mine' }), 404, 'not_found')
    expectProblem(await eve.call('DELETE', `${path}/no-uuid`), 404, 'not_found')
  })

  it('a name says something, and not too much', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const { id } = await keepPasskey(house.ctx, person.user_id, { passkey: make() })
    for (const name of ['', '  ', '\u0007', 'x'.repeat(61)])
      expectProblem(await caller.call('PATCH', `${path}/${id}`, { name }), 400, 'invalid_name')
    expectProblem(await caller.call('PATCH', `${path}/${id}`, { name: 'x', id: 'y' }), 400, 'invalid_request')
    expect((await caller.call('PATCH', `${path}/${id}`, { name: 'x'.repeat(60) })).status).toBe(200)
  })

  it('the only way in stays: without a password and a proved address', async () => {
    const person = await house.person()
    const [one, two, old] = [make(), make(), make()]
    const row = await keepPasskey(house.ctx, person.user_id, { passkey: one })
    await house.sql`delete from password_credentials where user_id = ${person.user_id}`
    await house.sql`update users set email_verified = false where id = ${person.user_id}`
    const caller = await (await signInWith(one, person)).caller()
    expectProblem(await caller.call('DELETE', `${path}/${row.id}`), 409, 'last_way_in')
    // One that cannot sign in by itself is no way in.
    await keepPasskey(house.ctx, person.user_id, { passkey: old, discoverable: false })
    expectProblem(await caller.call('DELETE', `${path}/${row.id}`), 409, 'last_way_in')
    const other = await keepPasskey(house.ctx, person.user_id, { passkey: two })
    expect((await caller.call('DELETE', `${path}/${row.id}`)).status).toBe(204)
    expectProblem(await caller.call('DELETE', `${path}/${other.id}`), 409, 'last_way_in')
  })

  it('MF-4: the only passkey is not removed on its own word', async () => {
    const person = await house.person()
    const passkey = make()
    const { id } = await keepPasskey(house.ctx, person.user_id, { passkey })
    const caller = await (await signInWith(passkey, person)).caller()
    expectProblem(await caller.call('DELETE', `${path}/${id}`), 403, 'other_factor_needed')
    await signIn(house.server.client(), person)
    expect((await (await callerOf(house, person)).call('DELETE', `${path}/${id}`)).status).toBe(204)
  })

  it('two at once leave one way in', async () => {
    const person = await house.person()
    const [one, two] = [make(), make()]
    const rows = [
      await keepPasskey(house.ctx, person.user_id, { passkey: one }),
      await keepPasskey(house.ctx, person.user_id, { passkey: two }),
    ]
    await house.sql`delete from password_credentials where user_id = ${person.user_id}`
    await house.sql`update users set email_verified = false where id = ${person.user_id}`
    const caller = await (await signInWith(one, person)).caller()
    const replies = await Promise.all(rows.map(async ({ id }) => await caller.call('DELETE', `${path}/${id}`)))
    expect(replies.map(({ status }) => status).toSorted()).toEqual([204, 409])
  })
})

describe('an application that calls for a person', () => {
  let app: App
  const bearer = async (person: Person, client = house.server.client()): Promise<Caller> => {
    const api = `${house.server.issuer}/api/v1`
    app ??= await house.app({ first_party: true, resources: [api], scope: 'openid account' })
    const { access_token } = await tokensOf(client, app, person, { scope: 'openid account', resource: api })
    const headers = { authorization: `Bearer ${access_token}` }
    return {
      client,
      call: async (method, at, body) =>
        await house.server
          .client()
          .request(`/api/v1/${at}`, { method, headers, ...(body !== undefined && { json: body }) }),
    }
  }

  it('adds one with its token, whose two halves belong to one sign-in', async () => {
    const person = await house.person()
    const [caller, other] = [await bearer(person), await bearer(person)]
    const { challenge } = await options(caller)
    const credential = make().attest(challenge)
    expectProblem(await other.call('POST', path, { credential }), 400, 'invalid_passkey')
    expect((await caller.call('POST', path, { credential })).status).toBe(201)
    expect(await listed(caller)).toHaveLength(1)
  })

  it('LI-4, RFC 9470: is told to send the person through a fresh sign-in', async () => {
    const person = await house.person()
    const client = house.server.client()
    await signIn(client, person)
    await moveSession(house.sql, client, { auth_time: -301 })
    const caller = await bearer(person, client)
    const reply = await caller.call('POST', `${path}/options`, {})
    expectProblem(reply, 401, 'insufficient_user_authentication')
    expect(reply.headers['www-authenticate']).toMatch(/error="insufficient_user_authentication".*max_age="300"/)
  })
})
