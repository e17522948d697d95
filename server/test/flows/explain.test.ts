/** Every refusal keeps its private reason, which `keywright explain` shows and the caller never sees (security rule G-8). */
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import { basic, decisionOf, type Oauth, openOauth, type Person } from '../support/oauth.ts'
import { cli } from '../support/server.ts'

let oauth: Oauth
let ada: Person
let web: TestClient

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
  web = await oauth.client()
})

const errorId = (reply: Reply): string => reply.json<{ error_id: string }>().error_id

describe('the same answer for different reasons', () => {
  type Case = [string, () => Promise<Reply>, { expected: string | RegExp; got: string | RegExp }]
  const cases: Case[] = [
    [
      'an unknown code',
      async () => await oauth.redeem(web, { code: 'kw_ac_x', code_verifier: 'x', redirect_uri: web.redirect_uri }),
      { expected: 'a code of this server', got: 'something else' },
    ],
    [
      "another client's code",
      async () => await oauth.redeem(await oauth.client(), await oauth.code(ada, web)),
      { expected: 'a code of this client', got: 'a code of another client' },
    ],
    [
      'another redirect_uri',
      async () => await oauth.redeem(web, await oauth.code(ada, web), { redirect_uri: 'https://other.example/' }),
      { expected: /^redirect_uri https:/, got: 'https://other.example/' },
    ],
    [
      'another verifier',
      async () => await oauth.redeem(web, await oauth.code(ada, web), { code_verifier: 'A'.repeat(43) }),
      { expected: 'the code_verifier of the challenge', got: 'another code_verifier' },
    ],
    [
      'no verifier',
      async () => await oauth.redeem(web, await oauth.code(ada, web), { code_verifier: undefined }),
      { expected: 'the code_verifier of the challenge', got: 'no code_verifier' },
    ],
    [
      'an expired code',
      async () => {
        const code = await oauth.code(ada, web)
        await oauth.db`update authorization_codes set expires_at = '2020-01-01' where client_id = ${web.client_id} and used_at is null`
        return await oauth.redeem(web, code)
      },
      { expected: 'use before 2020-01-01T00:00:00.000Z', got: /^\d{4}-/ },
    ],
  ]

  it.each(cases)('%s', async (_name, send, { expected, got }) => {
    const reply = await send()
    expect(reply.json()).toEqual({
      error: 'invalid_grant',
      error_description: 'The code is not valid.',
      error_id: expect.stringMatching(/^err_[0-9A-Za-z]{12}$/) as string,
    })
    const decision = await decisionOf(oauth.db, errorId(reply))
    expect(decision.expected).toMatch(expected)
    expect(decision.got).toMatch(got)
    expect(decision.rule).toMatch(/RFC \d+/)
  })
})

describe('keywright explain', () => {
  it('shows check, expected, got and remedy, in words and as JSON', async () => {
    const reply = await oauth.token(
      { ...web, client_secret: 'wrong' },
      { grant_type: 'client_credentials' },
      { 'x-request-id': 'explained-request' },
    )
    const error_id = errorId(reply)
    const words = await cli(['explain', error_id], { env: oauth.server.env })
    expect(words.code).toBe(0)
    for (const part of [
      'invalid_client',
      'a live secret of the client',
      'another secret',
      'RFC 6749',
      'explained-request',
    ])
      expect(words.stdout).toContain(part)
    const record = await cli(['explain', error_id, '--json'], { env: oauth.server.env })
    expect(record.json).toMatchObject({
      error_id,
      error: 'invalid_client',
      error_description: 'Client authentication failed.',
      rule: 'client authentication (RFC 6749 §2.3)',
      expected: 'a live secret of the client',
      got: 'another secret',
      remedy: 'Check client_id, secret and token_endpoint_auth_method of the client.',
      route: '/oauth/token',
      request_id: 'explained-request',
    })
  })

  it('refuses an id that is none in one sentence', async () => {
    const unknown = await cli(['explain', 'err_000000000000'], { env: oauth.server.env })
    expect([unknown.code, unknown.stdout]).toEqual([1, ''])
    expect(unknown.stderr.trim().split('\n')).toHaveLength(1)
  })
})

describe('the record', () => {
  it('cannot be made to hold control characters, or to grow (bounded place)', async () => {
    const reply = await oauth.server
      .client()
      .post(
        '/oauth/token',
        { grant_type: 'client_credentials' },
        basic(`app_\r\n\u001b[31m${'x'.repeat(1500)}`, 'secret'),
      )
    const { got } = await decisionOf(oauth.db, errorId(reply))
    expect(got).toMatch(/^unknown client app_\ufffd\ufffd\ufffd\[31mx+… \(\d+ characters\)$/)
    expect(got?.length).toBeLessThan(300)
  })

  it('names the error_id and the client in the log line of the request too', async () => {
    const reply = await oauth.token(web, { grant_type: 'nonsense' })
    const line = await oauth.server.untilLog((one) => one['error_id'] === errorId(reply))
    expect(line).toMatchObject({ status: 400, error: 'unsupported_grant_type', client_id: web.client_id })
  })
})
