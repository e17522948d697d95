/** The check of an authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1; security rules AZ-1 to AZ-5, AZ-9). */
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AuthorizeClient, type Checked, checkAuthorizationRequest } from './authorization-request.ts'
import { matchRedirect } from './redirect-uri.ts'

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
const uri = 'https://app.example/cb'

const client: AuthorizeClient = {
  client_id: 'app_1',
  type: 'native',
  token_endpoint_auth_method: 'client_secret_basic',
  redirect_uris: [uri],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  response_modes: ['query', 'fragment', 'form_post'],
  scope: 'openid profile read',
  resources: ['https://api.example/', 'https://b.example/'],
  require_pkce: true,
}

type Change = Record<string, string | string[] | undefined>

const check = (change: Change = {}, of: Partial<AuthorizeClient> = {}): Checked => {
  const all: Change = {
    client_id: 'app_1',
    redirect_uri: uri,
    response_type: 'code',
    scope: 'openid',
    state: 's',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...change,
  }
  const entries = Object.entries(all).flatMap(([name, value]): [string, string[]][] =>
    value === undefined ? [] : [[name, [value].flat()]],
  )
  return checkAuthorizationRequest(new Map(entries), { ...client, ...of })
}

/** How a request ends, in a word: `ok`, the error by redirect, or the error on a page. */
const outcome = (checked: Checked): string => {
  if ('request' in checked) return 'ok'
  return `${checked.denial.error} ${checked.answer_to === undefined ? 'page' : 'redirect'}`
}

describe('a good request', () => {
  it('is taken over under the names of the wire, and what was not sent is not there', () => {
    const { request } = check() as Extract<Checked, { request: unknown }>
    expect(request).toEqual({
      client_id: 'app_1',
      redirect_uri: uri,
      redirect_uri_sent: true,
      response_mode: 'query',
      state: 's',
      scope: 'openid',
      resource: [],
      prompt: [],
      code_challenge: challenge,
    })
  })

  it('with everything', () => {
    const change = {
      response_mode: 'form_post',
      scope: 'read openid',
      resource: ['https://b.example/', 'https://api.example/'],
      prompt: 'login  consent',
      max_age: '0',
      nonce: 'n',
      login_hint: 'ada',
      id_token_hint: 'jwt',
      acr_values: 'a b',
      ui_locales: 'de en',
      display: 'popup',
      unknown: 'x',
    }
    expect(check(change)).toMatchObject({
      request: {
        response_mode: 'form_post',
        scope: 'read openid',
        resource: ['https://b.example/', 'https://api.example/'],
        prompt: ['login', 'consent'],
        max_age: 0,
        nonce: 'n',
        login_hint: 'ada',
        id_token_hint: 'jwt',
        acr_values: 'a b',
        ui_locales: 'de en',
      },
    })
  })

  it.each<[string, Change, Partial<AuthorizeClient>]>([
    ['without scope', { scope: undefined }, {}],
    ['without state', { state: undefined }, {}],
    [
      'without redirect_uri, when there is one and it is no OpenID request',
      { redirect_uri: undefined, scope: 'read' },
      {},
    ],
    [
      'without PKCE, by a confidential client that opted out, with a nonce',
      { code_challenge: undefined, code_challenge_method: undefined, nonce: 'n' },
      { require_pkce: false },
    ],
    ['with the largest max_age', { max_age: '999999999' }, {}],
  ])('%s', (_name, change, of) => {
    expect(outcome(check(change, of))).toBe('ok')
  })
})

describe('a refusal', () => {
  const bare = { code_challenge: undefined, code_challenge_method: undefined }

  it.each<[string, Change, Partial<AuthorizeClient>, string]>([
    ['AZ-1: redirect_uri missing with openid', { redirect_uri: undefined }, {}, 'invalid_request page'],
    [
      'AZ-1: redirect_uri missing, two registered',
      { redirect_uri: undefined, scope: 'read' },
      { redirect_uris: [uri, 'https://b.example/'] },
      'invalid_request page',
    ],
    [
      'AZ-1: redirect_uri missing, none registered',
      { redirect_uri: undefined, scope: 'read' },
      { redirect_uris: [] },
      'invalid_request page',
    ],
    ['AZ-1: redirect_uri foreign', { redirect_uri: `${uri}/` }, {}, 'invalid_request page'],
    ['AZ-2: redirect_uri repeated', { redirect_uri: [uri, uri] }, {}, 'invalid_request page'],
    [
      'AZ-2: redirect_uri foreign comes before everything else',
      { redirect_uri: 'x', response_type: 'token', scope: 'x' },
      {},
      'invalid_request page',
    ],
    ['AZ-2: state repeated', { state: ['a', 'b'] }, {}, 'invalid_request redirect'],
    ['AZ-2: an unknown one repeated', { foo: ['a', 'b'] }, {}, 'invalid_request redirect'],
    ['AZ-5: response_mode', { response_mode: 'web_message' }, {}, 'invalid_request redirect'],
    [
      'AZ-5: response_mode of other clients',
      { response_mode: 'fragment' },
      { response_modes: ['query'] },
      'invalid_request redirect',
    ],
    ['response_type missing', { response_type: undefined }, {}, 'invalid_request redirect'],
    ['AZ-5: response_type token', { response_type: 'token' }, {}, 'unsupported_response_type redirect'],
    ['AZ-5: response_type not registered', {}, { response_types: [] }, 'unsupported_response_type redirect'],
    ['request', { request: 'x' }, {}, 'request_not_supported redirect'],
    ['request_uri', { request_uri: 'x' }, {}, 'request_uri_not_supported redirect'],
    ['registration', { registration: 'x' }, {}, 'registration_not_supported redirect'],
    ['the grant is not the client’s', {}, { grant_types: ['client_credentials'] }, 'unauthorized_client redirect'],
    ['AZ-9: scope', { scope: 'openid write' }, {}, 'invalid_scope redirect'],
    ['AZ-9: resource', { resource: 'https://api.example' }, {}, 'invalid_target redirect'],
    ['AZ-4: no challenge', bare, {}, 'invalid_request redirect'],
    ['AZ-4: no challenge, opted out, no nonce', bare, { require_pkce: false }, 'invalid_request redirect'],
    [
      'AZ-4: no challenge, opted out, nonce, public',
      { ...bare, nonce: 'n' },
      { require_pkce: false, token_endpoint_auth_method: 'none' },
      'invalid_request redirect',
    ],
    [
      'AZ-4: plain, opted out, nonce',
      { code_challenge_method: 'plain', nonce: 'n' },
      { require_pkce: false },
      'invalid_request redirect',
    ],
    ['AZ-8: prompt none with another', { prompt: 'none consent' }, {}, 'invalid_request redirect'],
    ['prompt unknown', { prompt: 'create' }, {}, 'invalid_request redirect'],
    ['prompt in capitals', { prompt: 'LOGIN' }, {}, 'invalid_request redirect'],
    ['max_age with a sign', { max_age: '-1' }, {}, 'invalid_request redirect'],
    ['max_age with a fraction', { max_age: '1.5' }, {}, 'invalid_request redirect'],
    ['max_age too large', { max_age: '1000000000' }, {}, 'invalid_request redirect'],
    ['max_age in words', { max_age: '1e3' }, {}, 'invalid_request redirect'],
  ])('%s', (_name, change, of, expected) => {
    expect(outcome(check(change, of))).toBe(expected)
  })

  it('goes to the mode that was asked for, and by query when that is what is wrong', () => {
    expect(check({ response_mode: 'fragment', response_type: 'token' })).toMatchObject({
      answer_to: { response_mode: 'fragment', redirect_uri: uri, state: 's' },
    })
    expect(check({ response_mode: 'x' })).toMatchObject({
      answer_to: { response_mode: 'query', redirect_uri: uri, state: 's' },
    })
    expect(check({ state: undefined, response_type: 'x' })).toHaveProperty('answer_to', {
      redirect_uri: uri,
      response_mode: 'query',
    })
  })
})

describe('whatever comes', () => {
  const names = [
    'client_id',
    'redirect_uri',
    'response_type',
    'response_mode',
    'scope',
    'state',
    'nonce',
    'prompt',
    'max_age',
    'resource',
    'code_challenge',
    'code_challenge_method',
    'request',
    'x',
  ]
  const value = fc.oneof(
    fc.constantFrom(
      uri,
      `${uri}/`,
      'code',
      'token',
      'query',
      'fragment',
      'openid',
      'openid read',
      'admin',
      'none',
      'login',
      'S256',
      'plain',
      challenge,
      '0',
      'https://api.example/',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  )
  const anyParams = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), fc.array(value, { minLength: 1, maxLength: 2 })), {
      selector: ([name]) => name,
    })
    .map((entries) => new Map(entries))
  const anyClient = fc.record({
    token_endpoint_auth_method: fc.constantFrom('none', 'client_secret_basic'),
    redirect_uris: fc.subarray([uri, 'http://127.0.0.1/cb', 'https://b.example/']),
    response_modes: fc.subarray(['query', 'fragment', 'form_post']),
    require_pkce: fc.boolean(),
  })

  it('an answer goes to a registered URI only, and what is accepted is within what the client may', () => {
    assertAlways(
      fc.property(anyParams, anyClient, (params, change) => {
        const of = { ...client, ...change }
        const checked = checkAuthorizationRequest(params, of)
        if (!('request' in checked)) {
          return (
            checked.answer_to === undefined ||
            matchRedirect(checked.answer_to.redirect_uri, of.redirect_uris) !== undefined
          )
        }
        const { request } = checked
        const own = of.scope.split(' ')
        return (
          matchRedirect(request.redirect_uri, of.redirect_uris) !== undefined &&
          of.response_modes.includes(request.response_mode) &&
          request.scope.split(' ').every((name) => name === '' || own.includes(name)) &&
          request.resource.every((one) => of.resources.includes(one)) &&
          (!request.prompt.includes('none') || request.prompt.length === 1) &&
          (request.code_challenge !== undefined ||
            (!of.require_pkce && of.token_endpoint_auth_method !== 'none' && request.nonce !== undefined)) &&
          [...params].every(([name, values]) => name === 'resource' || values.length === 1)
        )
      }),
      { numRuns: 5000 },
    )
  })
})
