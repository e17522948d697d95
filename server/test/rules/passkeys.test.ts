/** Security rules PK-1 and PK-2 (security.md 1.4; WebAuthn Level 3 §7.2): what a passkey has to say before it signs anybody in. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse, type Person } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { handleOf, keepPasskey, type Lies, softKey, type SoftPasskey, softPasskey } from '../support/passkey.ts'
import { startInProcess } from '../support/in-process.ts'
import { decisionOf } from '../support/written.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})

type Owner = { person: Person; passkey: SoftPasskey; handle: string; row: string }

const owner = async (making: Partial<Parameters<typeof softPasskey>[0]> = {}): Promise<Owner> => {
  const person = await house.person()
  const passkey = softPasskey({ issuer: house.server.issuer, ...making })
  const { id } = await keepPasskey(house.ctx, person.user_id, { passkey, synced: making.synced ?? false })
  return { person, passkey, handle: handleOf(house.ctx, person.user_id), row: id }
}

const challengeOf = async (client: HttpClient): Promise<string> => {
  const reply = await client.request('/api/v1/auth/passkey/options', { method: 'POST', json: {} })
  expect(reply.status, reply.body).toBe(200)
  return reply.json<{ challenge: string }>().challenge
}

const answer = async (client: HttpClient, credential: unknown): Promise<Reply> =>
  await client.request('/api/v1/auth/passkey', { method: 'POST', json: { credential } })

const tryWith = async ({ passkey, handle }: Owner, lies: Lies = {}, client = house.server.client()): Promise<Reply> =>
  await answer(client, passkey.assert(await challengeOf(client), handle, lies))

const sessionsOf = async (person: Person): Promise<{ acr: string; amr: string[] }[]> =>
  await house.sql`select acr, amr from sessions where user_id = ${person.user_id} and ended_at is null`

/** The one refusal that there is: what is different in each is taken out. */
const expectRefused = async (reply: Reply, got?: RegExp): Promise<void> => {
  const { error_id, request_id, ...rest } = reply.json<Record<string, string>>()
  expect([reply.status, rest]).toEqual([
    401,
    {
      type: 'about:blank',
      title: expect.any(String) as unknown,
      status: 401,
      detail: 'That passkey did not work.',
      code: 'wrong_passkey',
    },
  ])
  expect(request_id).toBeTruthy()
  expect(
    Object.keys(reply.headers).filter(
      (name) => name === 'set-cookie' && reply.headers[name]?.some((one) => one.includes('session')),
    ),
  ).toEqual([])
  if (got) expect((await decisionOf(house.sql, error_id ?? '')).got).toMatch(got)
}

describe('PK-1: what a passkey has to say', () => {
  it.each([-7, -8, -257] as const)('algorithm %i with everything right signs its owner in at phr', async (alg) => {
    const one = await owner({ alg })
    const client = house.server.client()
    const reply = await tryWith(one, {}, client)
    expect(reply.status, reply.body).toBe(200)
    expect(reply.json()).toMatchObject({ status: 'complete', user: { id: one.person.user_id } })
    expect(await sessionsOf(one.person)).toEqual([{ acr: 'phr', amr: ['hwk', 'user', 'mfa'] }])
    expect((await client.get('/account')).status).toBe(200)
  })

  it('RFC 8176 §2: a key that is copied to other devices is swk', async () => {
    const one = await owner({ synced: true })
    expect((await tryWith(one)).status).toBe(200)
    expect(await sessionsOf(one.person)).toEqual([{ acr: 'phr', amr: ['swk', 'user', 'mfa'] }])
  })

  it('UV: without a verified user it is one factor and no mfa', async () => {
    const one = await owner()
    expect((await tryWith(one, { uv: false })).status).toBe(200)
    expect(await sessionsOf(one.person)).toEqual([{ acr: 'aal1', amr: ['hwk', 'user'] }])
  })

  const other = 'https://elsewhere.example'
  const lies: [string, (one: Owner) => Lies, RegExp][] = [
    ['the type of a registration', () => ({ type: 'webauthn.create' }), /response type/],
    ['a challenge that nobody made', () => ({ challenge: 'a'.repeat(43) }), /challenge/],
    ['another origin', () => ({ origin: other }), /origin/],
    ['our origin with another port', () => ({ origin: house.server.issuer.replace(/\d+$/, '1') }), /origin/],
    ['our origin with a path', () => ({ origin: `${house.server.issuer}/` }), /origin/],
    ['crossOrigin', () => ({ crossOrigin: true }), /frame/],
    ['topOrigin', () => ({ topOrigin: other }), /frame/],
    ['crossOrigin with our own topOrigin', () => ({ crossOrigin: true, topOrigin: house.server.issuer }), /frame/],
    ['the hash of another domain', () => ({ rp_id: 'elsewhere.example' }), /RP ID/],
    ['no user present', () => ({ up: false }), /not present/],
    ['backed up without being eligible', () => ({ be: false, bs: true }), /backed up/],
    ['eligible for backup, which it was not at registration', () => ({ be: true }), /eligibility/],
    ['the signature of another key', () => ({ key: softKey(-7) }), /signature/],
    ['the signature of another algorithm', () => ({ key: softKey(-8) }), /./],
    ['rawId that is not id', () => ({ rawId: 'AAAA' }), /./],
    ['the id of nobody', () => ({ id: 'AAAA' }), /unknown credential/],
    ["another person's user handle", () => ({ userHandle: handleOf(house.ctx, 'somebody') }), /user handle/],
    ['no user handle', () => ({ userHandle: null }), /user handle/],
    [
      'authenticator data that was changed after signing',
      () => ({
        after: (response) => (response['authenticatorData'] = flipped(response['authenticatorData'] ?? '', 36)),
      }),
      /signature/,
    ],
    [
      'bytes behind the authenticator data',
      () => ({ after: (response) => (response['authenticatorData'] += 'AAAA') }),
      /./,
    ],
    ['no signature', () => ({ after: (response) => (response['signature'] = 'AA') }), /./],
    [
      'another spelling of the same bytes',
      () => ({ after: (response) => (response['clientDataJSON'] += '=') }),
      /read/,
    ],
  ]

  const flipped = (text: string, at: number): string => {
    const bytes = Buffer.from(text, 'base64url')
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return bytes.toString('base64url')
  }

  it.each(lies)('refuses %s', async (_, lie, got) => {
    const one = await owner()
    await expectRefused(await tryWith(one, lie(one)), got)
    expect(await sessionsOf(one.person)).toEqual([])
  })

  it.each([['backup eligibility that was there at registration', { be: false, bs: false }]])(
    'refuses the loss of %s',
    async (_, lie) => {
      const one = await owner({ synced: true })
      await expectRefused(await tryWith(one, lie), /eligibility/)
    },
  )

  it('accepts a backup that comes and goes', async () => {
    const one = await owner({ synced: true })
    expect((await tryWith(one, { bs: false })).status).toBe(200)
    const [row] = await house.sql`select backed_up from passkeys where id = ${one.row}`
    expect(row).toEqual({ backed_up: false })
  })

  it('refuses a key of an algorithm that is not on the list', async () => {
    for (const alg of [-37, -35] as const) {
      const one = await owner({ alg })
      await expectRefused(await tryWith(one), /algorithm/)
    }
  })

  it('refuses what cannot be read', async () => {
    const client = house.server.client()
    for (const credential of [null, 1, 'text', '{}', {}, [], { id: 'AAAA', rawId: 'AAAA', type: 'public-key' }])
      await expectRefused(await answer(client, credential), /read/)
  })
})

describe('PK-1: a challenge', () => {
  it('is answered once, right or wrong', async () => {
    const one = await owner()
    const client = house.server.client()
    const challenge = await challengeOf(client)
    const right = one.passkey.assert(challenge, one.handle)
    await expectRefused(await answer(client, one.passkey.assert(challenge, one.handle, { up: false })), /not present/)
    await expectRefused(await answer(client, right), /challenge/)
    const again = one.passkey.assert(await challengeOf(client), one.handle)
    expect((await answer(client, again)).status).toBe(200)
    await expectRefused(await answer(client, again), /challenge/)
  })

  it('is answered once by twenty at a time', async () => {
    const one = await owner()
    const client = house.server.client()
    const right = one.passkey.assert(await challengeOf(client), one.handle)
    const replies = await Promise.all(Array.from({ length: 20 }, async () => (await answer(client, right)).status))
    expect(replies.filter((status) => status === 200).length).toBe(1)
    expect(replies.filter((status) => status === 401).length).toBe(19)
  })

  it('is answered within five minutes: at the bound itself no more', async () => {
    const timed = await startInProcess()
    const { user_id } = await timed.user()
    const passkey = softPasskey({ issuer: timed.server.issuer })
    await keepPasskey(timed.ctx, user_id, { passkey })
    const client = timed.server.client()
    const [late, early] = [await challengeOf(client), await challengeOf(client)]
    timed.pass(299)
    expect((await answer(client, passkey.assert(early, handleOf(timed.ctx, user_id)))).status).toBe(200)
    timed.pass(1)
    await expectRefused(await answer(client, passkey.assert(late, handleOf(timed.ctx, user_id))))
  })

  it('is answered in the browser that asked', async () => {
    const one = await owner()
    const challenge = await challengeOf(house.server.client())
    const stranger = house.server.client()
    await challengeOf(stranger)
    await expectRefused(await answer(stranger, one.passkey.assert(challenge, one.handle)), /challenge/)
  })

  it.each(['register', 'factor'])('of a ceremony %s signs nobody in', async (purpose) => {
    const one = await owner()
    const client = house.server.client()
    const challenge = await challengeOf(client)
    await house.sql`update passkey_challenges set purpose = ${purpose} where used_at is null`
    await expectRefused(await answer(client, one.passkey.assert(challenge, one.handle)), /challenge/)
  })

  it('of somebody signs nobody in', async () => {
    const one = await owner()
    const client = house.server.client()
    const challenge = await challengeOf(client)
    await house.sql`update passkey_challenges set user_id = ${one.person.user_id} where used_at is null`
    await expectRefused(await answer(client, one.passkey.assert(challenge, one.handle)), /challenge/)
  })
})

describe('PK-2: the counter', () => {
  const eventsOf = async (person: Person): Promise<readonly unknown[]> =>
    await house.sql`
      select severity, data from all_events where type = 'passkey.counter_went_back' and user_id = ${person.user_id} order by at`

  it('that goes back is written down, and signs in all the same', async () => {
    const one = await owner()
    for (const count of [0, 0, 5, 9]) expect((await tryWith(one, { count })).status).toBe(200)
    expect(await eventsOf(one.person)).toEqual([])
    for (const count of [9, 3, 0]) expect((await tryWith(one, { count })).status).toBe(200)
    expect(await eventsOf(one.person)).toEqual(
      [9, 3, 0].map((got) => ({ severity: 'warning', data: { passkey_id: one.row, before: 9, got } })),
    )
    expect((await tryWith(one, { count: 10 })).status).toBe(200)
    expect(await eventsOf(one.person)).toHaveLength(3)
  })
})

describe('G-3: who may not act', () => {
  it.each(['disabled', 'locked'])('an account that is %s gets the same refusal', async (status) => {
    const one = await owner()
    await house.sql`update users set status = ${status} where id = ${one.person.user_id}`
    await expectRefused(await tryWith(one), /not active/)
  })

  it('passkeys that the operator has switched off prove nothing', async () => {
    const off = await openHouse({ env: { KEYWRIGHT_FACTORS: 'totp' } })
    const client = off.server.client()
    expect((await client.request('/api/v1/auth/passkey/options', { method: 'POST', json: {} })).status).toBe(403)
    expect((await client.get('/login')).body).not.toContain('data-passkey')
    await expectRefused(await answer(client, softPasskey({ issuer: off.server.issuer }).assert('a'.repeat(43), 'AAAA')))
  })

  it('AD-4: another site asks for nothing and answers nothing', async () => {
    const client = house.server.client()
    for (const path of ['/api/v1/auth/passkey/options', '/api/v1/auth/passkey']) {
      const headers = { origin: 'https://elsewhere.example' }
      expect((await client.request(path, { method: 'POST', json: {}, headers })).status).toBe(403)
    }
  })

  it('3.7: wrong passwords of strangers do not keep a passkey out', async () => {
    const one = await owner()
    const stranger = house.server.client()
    const page = await stranger.get('/login')
    const guesses = Array.from(
      { length: 9 },
      async () => await stranger.submit(page, { login: one.person.email, password: 'a wrong guess' }),
    )
    expect((await Promise.all(guesses)).map(({ status }) => status)).toContain(429)
    expect((await tryWith(one)).status).toBe(200)
  })
})
