/** What the token side records: type, severity, who and from where, in the transaction in which it happened. */
import { beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../src/events/catalog.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import { claimsOf, eventsOf, expectError, type Oauth, openOauth, type Person, tokensOf } from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let web: TestClient

beforeAll(async () => {
  oauth = await openOauth({ env: { KEYWRIGHT_AUDIT_TOKENS: 'all' } })
  ada = await oauth.person()
  web = await oauth.client()
})

const agent = 'tests/1.0 (events)'

describe('with audit_tokens = all', () => {
  it('a refresh is recorded for its person and session', async () => {
    const tokens = await oauth.grant(ada, web)
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    const reply = await oauth.token(web, form, { 'user-agent': agent })
    expect(await eventsOf(oauth.db, reply)).toEqual([
      {
        type: 'token.refreshed',
        severity: 'info',
        outcome: 'success',
        user_id: ada.user.user_id,
        client_id: web.client_id,
        session_id: claimsOf(tokens.id_token ?? '')['sid'],
        ip: expect.stringMatching(/^(127\.0\.0\.1|::1)$/) as string,
        data: { grant_type: 'refresh_token' },
      },
    ])
    const rows = await oauth.db<{ user_agent: string; at: Date }[]>`
      select user_agent, at from all_events where request_id = ${String(reply.headers['x-request-id'])}`
    const seen = rows.map((row) => [row.user_agent, Math.floor(row.at.getTime() / 1000)])
    expect(seen).toEqual([[agent, claimsOf(tokensOf(reply).access_token)['iat']]])
  })

  it('a refresh on the careful road is recorded too', async () => {
    const tokens = await oauth.grant(ada, web)
    const reply = await oauth.refresh(web, tokens.refresh_token, { scope: 'openid' })
    expect((await eventsOf(oauth.db, reply)).map((event) => event.type)).toEqual(['token.refreshed'])
  })

  it('client credentials are recorded for their client', async () => {
    const machine = await oauth.client({ type: 'machine' })
    const reply = await oauth.token(machine, { grant_type: 'client_credentials' })
    expect(await eventsOf(oauth.db, reply)).toMatchObject([
      {
        type: 'token.issued',
        outcome: 'success',
        user_id: null,
        client_id: machine.client_id,
        data: { grant_type: 'client_credentials' },
      },
    ])
  })
})

describe('what somebody should look at', () => {
  it('a replayed code is an alert', async () => {
    const code = await oauth.code(ada, web)
    tokensOf(await oauth.redeem(web, code))
    const reply = await oauth.redeem(web, code)
    expectError(reply, 400, 'invalid_grant')
    expect(await eventsOf(oauth.db, reply)).toMatchObject([
      { type: 'code.replayed', severity: 'alert', outcome: 'failure', client_id: web.client_id },
      { type: 'token.refused', severity: 'notice', outcome: 'failure', client_id: web.client_id },
    ])
  })

  it('a reused refresh token is an alert that names the person', async () => {
    const first = await oauth.grant(ada, web)
    const second = tokensOf(await oauth.refresh(web, first.refresh_token))
    tokensOf(await oauth.refresh(web, second.refresh_token))
    const reply = await oauth.refresh(web, first.refresh_token)
    expectError(reply, 400, 'invalid_grant')
    expect(await eventsOf(oauth.db, reply)).toMatchObject([
      { type: 'refresh_token.reused', severity: 'alert', outcome: 'failure', user_id: ada.user.user_id },
      { type: 'token.refused', client_id: web.client_id },
    ])
  })
})

describe('the change and its event', () => {
  /** Makes every event fail, as a full disk would. */
  const withoutEvents = async (work: () => Promise<unknown>): Promise<void> => {
    await oauth.db`alter table events add constraint no_more check (false) not valid`
    try {
      await work()
    } finally {
      await oauth.db`alter table events drop constraint no_more`
    }
  }

  it('commit together or not at all: a code that could not be recorded was not spent (AU-1)', async () => {
    const code = await oauth.code(ada, web)
    await withoutEvents(async () => expectError(await oauth.redeem(web, code), 500, 'server_error'))
    expect((await oauth.redeem(web, code)).status).toBe(200)
  })

  it('a refresh that could not be recorded did not rotate', async () => {
    const tokens = await oauth.grant(ada, web)
    await withoutEvents(async () => expectError(await oauth.refresh(web, tokens.refresh_token), 500, 'server_error'))
    const [row] = await oauth.db`
      select gen from refresh_families where id = ${String(claimsOf(tokens.access_token)['grant_id'])}`
    expect(row?.['gen']).toBe(1)
    expect((await oauth.refresh(web, tokens.refresh_token)).status).toBe(200)
  })

  it('a code that a wrong verifier would burn is not burnt when the refusal could not be recorded', async () => {
    const code = await oauth.code(ada, web)
    const wrong = async (): Promise<Reply> => await oauth.redeem(web, code, { code_verifier: 'A'.repeat(43) })
    await withoutEvents(async () => expectError(await wrong(), 500, 'server_error'))
    expect((await oauth.redeem(web, code)).status).toBe(200)
  })

  it('a reuse whose refusal could not be recorded revokes nothing', async () => {
    const first = await oauth.grant(ada, web)
    const second = tokensOf(await oauth.refresh(web, first.refresh_token))
    tokensOf(await oauth.refresh(web, second.refresh_token))
    await oauth.db`alter table events add constraint no_refusal check (type <> 'token.refused') not valid`
    try {
      expectError(await oauth.refresh(web, first.refresh_token), 500, 'server_error')
    } finally {
      await oauth.db`alter table events drop constraint no_refusal`
    }
    expect((await oauth.userinfo(first.access_token)).status).toBe(200)
    expectError(await oauth.refresh(web, first.refresh_token), 400, 'invalid_grant')
    expectError(await oauth.userinfo(first.access_token), 401, 'invalid_token')
  })

  it('a token whose revocation could not be recorded is alive', async () => {
    const { access_token } = await oauth.grant(ada, web)
    await withoutEvents(async () =>
      expectError(await oauth.post('/oauth/revoke', web, { token: access_token }), 500, 'server_error'),
    )
    expect((await oauth.userinfo(access_token)).status).toBe(200)
  })
})

it('everything that was recorded is in the catalogue, with its severity and outcome', async () => {
  const rows = await oauth.db<{ type: keyof typeof catalog; severity: string; outcome: string }[]>`
    select distinct type, severity, outcome from all_events`
  expect(rows.length).toBeGreaterThan(6)
  for (const { type, severity, outcome } of rows) expect(catalog[type]).toMatchObject({ severity, outcome })
})
