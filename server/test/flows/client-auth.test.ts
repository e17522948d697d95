/** Client authentication at the token endpoint: RFC 6749 §2.3, §3.2.1, §5.2 and appendix B; RFC 7617 §2. */
import { hash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { rotateSecret } from '../../src/clients/manage.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import { basic, eventsOf, eventually, expectRefusal, type Headers, type Oauth, openOauth } from '../support/oauth.ts'

let oauth: Oauth
let basicClient: TestClient
let postClient: TestClient
let publicClient: TestClient
const grant_type = 'client_credentials'

beforeAll(async () => {
  oauth = await openOauth()
  basicClient = await oauth.client({ type: 'machine' })
  postClient = await oauth.client({ type: 'machine', token_endpoint_auth_method: 'client_secret_post' })
  publicClient = await oauth.client({ type: 'spa' })
})

type Form = Record<string, string | undefined>
const ask = async (form: Form, headers: Headers = {}, query = ''): Promise<Reply> =>
  await oauth.server.client().post(`/oauth/token${query}`, { grant_type, ...form }, headers)

const secretOf = (client: TestClient): string => client.client_secret ?? ''
const inForm = (client: TestClient): Form => ({ client_id: client.client_id, client_secret: secretOf(client) })
const inHeader = (client: TestClient): Headers => basic(client.client_id, secretOf(client))
const raw = (text: string): Headers => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

/** A code that does not exist: a client that proved itself gets invalid_grant, any other 401. */
const codeForm = { grant_type: 'authorization_code', code: 'kw_ac_x' }

describe('the registered method', () => {
  it('client_secret_basic, the scheme in any case (RFC 7617 §2)', async () => {
    expect((await ask({}, inHeader(basicClient))).status).toBe(200)
    const { authorization = '' } = inHeader(basicClient)
    expect((await ask({}, { authorization: authorization.replace('Basic', 'bAsIC') })).status).toBe(200)
  })

  it('client_secret_basic with the same client_id in the form', async () => {
    expect((await ask({ client_id: basicClient.client_id }, inHeader(basicClient))).status).toBe(200)
  })

  it('client_secret_post', async () => {
    expect((await ask(inForm(postClient))).status).toBe(200)
  })

  it('none: the client names itself', async () => {
    const reply = await ask({ ...codeForm, client_id: publicClient.client_id })
    await expectRefusal(oauth.db, reply, 400, 'invalid_grant')
  })

  it.each(['a+b', 'a/b=', '100%', 'a:b:c', 'a b', 'ü€\u{1f511}', '%41', '&client_id=x'])(
    'a secret with special characters survives form-url-encoding: %s (appendix B)',
    async (secret) => {
      const client = await oauth.client({ type: 'machine' })
      await oauth.db`
        insert into client_secrets (client_id, secret_hash, hint)
        values (${client.client_id}, ${hash('sha256', `${client.client_id}${secret}`, 'buffer')}, 'x')`
      const whole = `${client.client_id}${secret}`
      expect((await ask({}, basic(client.client_id, whole))).status).toBe(200)
      await expectRefusal(oauth.db, await ask({}, basic(client.client_id, `${whole}x`)), 401, 'invalid_client')
    },
  )
})

describe('invalid_client', () => {
  const cases: [string, () => Promise<Reply>, boolean][] = [
    ['a wrong secret by header', async () => await ask({}, basic(basicClient.client_id, 'wrong')), true],
    ['an unknown client by header', async () => await ask({}, basic('app_nobody', 'wrong')), true],
    ['no secret by header', async () => await ask({}, basic(basicClient.client_id, '')), true],
    ['a header without colon', async () => await ask({}, raw('app_x')), true],
    ['a header without client_id', async () => await ask({}, raw(':secret')), true],
    ['a header with broken percent-encoding', async () => await ask({}, raw('app_x:%zz')), true],
    ['a header with NUL', async () => await ask({}, raw('app_\0x:s')), true],
    ['a header that is no base64', async () => await ask({}, { authorization: 'Basic ***' }), true],
    ['an empty header', async () => await ask({}, { authorization: 'Basic ' }), true],
    ['another scheme', async () => await ask({}, { authorization: 'Bearer abc' }), true],
    ['a wrong secret by form', async () => await ask({ ...inForm(postClient), client_secret: 'wrong' }), false],
    ['an unknown client by form', async () => await ask({ client_id: 'app_nobody', client_secret: 'x' }), false],
    ['an unknown public client', async () => await ask({ ...codeForm, client_id: 'app_nobody' }), false],
    ['a client_id that is very long', async () => await ask({ client_id: 'x'.repeat(5000) }), false],
    ['nothing at all', async () => await ask({}), false],
    ['post by a client of basic', async () => await ask(inForm(basicClient)), false],
    ['basic by a client of post', async () => await ask({}, inHeader(postClient)), true],
    ['no secret by a confidential client', async () => await ask({ client_id: postClient.client_id }), false],
    [
      'a secret by a public client',
      async () => await ask({ ...codeForm, ...inForm(publicClient), client_secret: 'x' }),
      false,
    ],
    [
      'an assertion, which is not supported',
      async () =>
        await ask({
          client_assertion: 'a.b.c',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        }),
      false,
    ],
  ]

  it.each(cases)('%s: 401, with a challenge when the header was used (§5.2)', async (_name, send, challenge) => {
    const reply = await send()
    await expectRefusal(oauth.db, reply, 401, 'invalid_client')
    expect(reply.headers['www-authenticate']).toBe(challenge ? 'Basic realm="keywright", charset="UTF-8"' : undefined)
  })

  it('a failure of a known client is an event, of an unknown one is not', async () => {
    const known = await ask({}, basic(basicClient.client_id, 'wrong'))
    expect(await eventsOf(oauth.db, known)).toEqual([
      expect.objectContaining({
        type: 'client.authentication_failed',
        severity: 'warning',
        outcome: 'failure',
        client_id: basicClient.client_id,
        data: { method: 'client_secret_basic' },
      }),
    ])
    expect(await eventsOf(oauth.db, await ask({}, basic('app_nobody', 'wrong')))).toEqual([])
  })

  it('its decision record says what was wrong, but not the secret', async () => {
    const reply = await ask({}, basic(basicClient.client_id, 'hush-hush-hush'))
    const decision = await expectRefusal(oauth.db, reply, 401, 'invalid_client')
    expect(decision).toMatchObject({ expected: 'a live secret of the client', got: 'another secret' })
    expect(JSON.stringify(decision)).not.toContain('hush')
    const method = await expectRefusal(oauth.db, await ask(inForm(basicClient)), 401, 'invalid_client')
    expect(method).toMatchObject({ expected: 'client_secret_basic', got: 'client_secret_post' })
  })
})

describe('invalid_request', () => {
  it.each([
    ['a secret in header and form', () => inForm(basicClient)],
    ['another client_id in the form', () => ({ client_id: 'app_other' })],
  ])('two methods at once: %s (§2.3)', async (_name, form) => {
    await expectRefusal(oauth.db, await ask(form(), inHeader(basicClient)), 400, 'invalid_request')
  })

  it.each(['client_secret', 'client_assertion', 'code', 'refresh_token', 'token', 'password'])(
    '%s in the query (§2.3.1)',
    async (name) => {
      const reply = await ask({}, inHeader(basicClient), `?${name}=hush`)
      const decision = await expectRefusal(oauth.db, reply, 400, 'invalid_request')
      expect(JSON.stringify(decision)).not.toContain('hush')
    },
  )

  it.each(['client_id', 'client_secret', 'grant_type'])('%s twice (§3.2)', async (name) => {
    const reply = await oauth.server.client().post('/oauth/token', [
      ['grant_type', grant_type],
      ['client_id', postClient.client_id],
      ['client_secret', secretOf(postClient)],
      [name, 'again'],
    ])
    await expectRefusal(oauth.db, reply, 400, 'invalid_request')
    expect(reply.json().error_description).toBe(`The parameter ${name} is repeated.`)
  })
})

describe('the life of a secret', () => {
  it('two live ones during a rotation, one afterwards', async () => {
    const client = await oauth.client({ type: 'machine' })
    const rotated = await rotateSecret(oauth.ctx, client.client_id, 3600)
    const next = { ...client, client_secret: 'client_secret' in rotated ? rotated.client_secret : undefined }
    expect((await ask({}, inHeader(client))).status).toBe(200)
    const second = await eventually(async () => {
      const reply = await ask({}, inHeader(next))
      return reply.status === 200 ? reply : undefined
    })
    expect(second.status).toBe(200)
    expect((await ask({}, inHeader(client))).status).toBe(200)
    await oauth.db`update client_secrets set expires_at = now() - interval '1 second'
      where client_id = ${client.client_id} and expires_at is not null`
    const refused = await eventually(async () => {
      const reply = await ask({}, inHeader(client))
      return reply.status === 401 ? reply : undefined
    })
    await expectRefusal(oauth.db, refused, 401, 'invalid_client')
    expect((await ask({}, inHeader(next))).status).toBe(200)
  })

  it('a disabled client is refused like an unknown one, within two seconds', async () => {
    const client = await oauth.client({ type: 'machine' })
    expect((await ask({}, inHeader(client))).status).toBe(200)
    await oauth.db`update clients set status = 'disabled' where client_id = ${client.client_id}`
    const refused = await eventually(async () => {
      const reply = await ask({}, inHeader(client))
      return reply.status === 401 ? reply : undefined
    })
    await expectRefusal(oauth.db, refused, 401, 'invalid_client')
  })
})
