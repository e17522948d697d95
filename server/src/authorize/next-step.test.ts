/** Every row of the decision (OpenID Connect Core §3.1.2.1; security rules AZ-8, AZ-9, AZ-13). */
import { describe, expect, it } from 'vitest'
import { at, now, request } from '../../test/support/authorization.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import type { RegisteredRedirect } from '../protocol/redirect-uri.ts'
import { nextStep, type StepFacts } from './next-step.ts'

const client: StepFacts['client'] = {
  first_party: false,
  consent: 'remember',
  token_endpoint_auth_method: 'client_secret_basic',
  default_max_age: null,
  default_acr_values: [],
  scope: 'openid read write',
  resources: ['https://api.example/'],
}
const session = { id: 's1', user_id: 'u1', auth_time: at(-100), acr: 'aal1', device_trusted: false, actor_id: null }
const sure = { ...session, acr: 'aal2' }
const acted = { ...session, actor_id: 'u9' }
const trusted = { ...session, device_trusted: true }
const consents = [{ resource: '', scopes: ['openid', 'read'] }]
const nothing = {
  created_at: at(-10),
  session_id: null,
  proved_at: null,
  selected_at: null,
  consented_at: null,
  refused: false,
}

const facts = (change: Partial<StepFacts> = {}): StepFacts => ({
  request: request(),
  client,
  session,
  consents,
  hinted: undefined,
  policy: undefined,
  now,
  ...change,
})

/** The step in one word: the page, `respond`, or the error. */
const stepOf = (change: Partial<StepFacts>): string => {
  const step = nextStep(facts(change))
  return step.step === 'refuse' ? step.denial.error : step.step
}

const fresh = { ...session, auth_time: at(-5) }
const proved = { ...nothing, session_id: 's1', proved_at: at(-5) }
const prompt = (...values: string[]): Partial<StepFacts> => ({ request: request({ prompt: values }) })
const silent = (change: Partial<AuthorizationRequest> = {}) => request({ prompt: ['none'], ...change })

describe('the table', () => {
  it.each<[string, Partial<StepFacts>, string]>([
    ['a session and a consent', {}, 'respond'],
    ['no session', { session: undefined }, 'login'],
    ['no session, silently', { session: undefined, request: silent() }, 'login_required'],
    ['less than acr_values ask for', { request: request({ acr_values: 'aal2' }) }, 'factor'],
    ['less than acr_values ask for, silently', { request: silent({ acr_values: 'aal2' }) }, 'interaction_required'],
    ['as much as acr_values ask for', { request: request({ acr_values: 'urn:x aal2' }), session: sure }, 'respond'],
    ['a level that nobody knows', { request: request({ acr_values: 'urn:x' }) }, 'respond'],
    ['less than the client asks for', { client: { ...client, default_acr_values: ['aal2'] } }, 'factor'],
    ['less than policy asks for', { policy: 'aal2' }, 'factor'],
    ['a trusted device where policy asks', { policy: 'aal2', session: trusted }, 'respond'],
    ['a trusted device where a passkey is asked for', { policy: 'phr', session: trusted }, 'factor'],
    ['a trusted device where acr_values ask', { request: request({ acr_values: 'aal2' }), session: trusted }, 'factor'],
    ['somebody acting, with nothing to prove', { session: acted }, 'respond'],
    ['somebody acting, without a consent', { session: acted, consents: [] }, 'access_denied'],
    ['somebody acting, asked for a fresh proof', { session: acted, ...prompt('login') }, 'access_denied'],
    ['somebody acting, asked for more', { session: acted, policy: 'aal2' }, 'access_denied'],
    ['no consent', { consents: [] }, 'consent'],
    ['no consent, silently', { consents: [], request: silent() }, 'consent_required'],
    ['consent that is asked each time', { client: { ...client, consent: 'always' } }, 'consent'],
    [
      'consent that is asked each time, of a first-party client too',
      { client: { ...client, consent: 'always', first_party: true } },
      'consent',
    ],
    ['no consent of a first-party client', { consents: [], client: { ...client, first_party: true } }, 'respond'],
    ['a consent for less', { request: request({ scope: 'openid write' }) }, 'consent'],
    ['a consent without the resource', { request: request({ resource: ['https://api.example/'] }) }, 'consent'],
    [
      'a consent with the resource',
      {
        request: request({ resource: ['https://api.example/'] }),
        consents: [{ resource: 'https://api.example/', scopes: ['openid', 'read'] }],
      },
      'respond',
    ],
    [
      'a consent for other scopes with the resource',
      {
        request: request({ resource: ['https://api.example/'] }),
        consents: [...consents, { resource: 'https://api.example/', scopes: ['openid', 'write'] }],
      },
      'consent',
    ],
    [
      'a consent with a resource, and a request without any',
      { consents: [{ resource: 'https://api.example/', scopes: ['openid', 'read'] }] },
      'consent',
    ],
    ['no scope at all and no consent', { request: request({ scope: '' }), consents: [] }, 'consent'],
    ['no scope at all and a consent', { request: request({ scope: '' }) }, 'respond'],
    ['the person refused', { proofs: { ...proved, refused: true } }, 'access_denied'],
    [
      'the person refused, silently asked',
      { proofs: { ...proved, refused: true }, request: silent() },
      'access_denied',
    ],

    ['prompt=login and nothing proved', prompt('login'), 'login'],
    ['prompt=login and an attempt without a proof', { ...prompt('login'), proofs: nothing, session: fresh }, 'login'],
    ['prompt=login and a proof in this attempt', { ...prompt('login'), proofs: proved, session: fresh }, 'respond'],
    [
      'prompt=login and a proof at the very instant',
      { ...prompt('login'), proofs: proved, session: { ...session, auth_time: at(-10) } },
      'respond',
    ],
    ['prompt=login and a session older than the attempt', { ...prompt('login'), proofs: proved }, 'login'],
    [
      'prompt=login and the proof of another session',
      { ...prompt('login'), proofs: { ...proved, session_id: 's2' }, session: fresh },
      'login',
    ],
    ['max_age above the age', { request: request({ max_age: 101 }) }, 'respond'],
    ['max_age of the age', { request: request({ max_age: 100 }) }, 'login'],
    ['max_age below the age', { request: request({ max_age: 99 }) }, 'login'],
    ['max_age below the age, silently', { request: silent({ max_age: 99 }) }, 'login_required'],
    ['max_age 0', { request: request({ max_age: 0 }), session: { ...session, auth_time: now } }, 'login'],
    [
      'max_age 0 and a proof in this attempt',
      { request: request({ max_age: 0 }), proofs: proved, session: fresh },
      'respond',
    ],
    ['default_max_age below the age', { client: { ...client, default_max_age: 99 } }, 'login'],
    [
      'default_max_age below the age, max_age above',
      { client: { ...client, default_max_age: 99 }, request: request({ max_age: 101 }) },
      'respond',
    ],
    [
      'default_max_age 0',
      { client: { ...client, default_max_age: 0 }, session: { ...session, auth_time: now } },
      'login',
    ],

    ['the hinted person', { hinted: 'u1' }, 'respond'],
    ['another person than the hinted one', { hinted: 'u2' }, 'login_required'],
    [
      'another person than the hinted one, just signed in',
      { hinted: 'u2', proofs: proved, session: fresh },
      'login_required',
    ],
    ['a hint and no session', { hinted: 'u2', session: undefined }, 'login'],
    ['a hint and no session, silently', { hinted: 'u2', session: undefined, request: silent() }, 'login_required'],

    ['select_account and nothing chosen', prompt('select_account'), 'select'],
    ['select_account and no session', { ...prompt('select_account'), session: undefined }, 'login'],
    [
      'select_account and this one chosen',
      { ...prompt('select_account'), proofs: { ...nothing, session_id: 's1', selected_at: at(-1) } },
      'respond',
    ],
    [
      'select_account and another one chosen',
      { ...prompt('select_account'), proofs: { ...nothing, session_id: 's2', selected_at: at(-1) } },
      'select',
    ],
    [
      'select_account and a sign-in instead',
      { ...prompt('select_account'), proofs: proved, session: fresh },
      'respond',
    ],
    [
      'select_account login, chosen but not proved',
      { ...prompt('select_account', 'login'), proofs: { ...nothing, session_id: 's1', selected_at: at(-1) } },
      'login',
    ],

    ['prompt=consent in spite of a consent', prompt('consent'), 'consent'],
    [
      'prompt=consent of a first-party client',
      { ...prompt('consent'), client: { ...client, first_party: true } },
      'consent',
    ],
    [
      'prompt=consent and one in this attempt',
      { ...prompt('consent'), proofs: { ...nothing, session_id: 's1', consented_at: at(-1) } },
      'respond',
    ],
    [
      'a consent in this attempt by another session',
      { consents: [], proofs: { ...nothing, session_id: 's2', consented_at: at(-1) } },
      'consent',
    ],
    ['login before consent', { ...prompt('login', 'consent'), consents: [] }, 'login'],
    ['select before consent', { ...prompt('select_account', 'consent'), consents: [] }, 'select'],
    ['a scope the client has lost', { client: { ...client, scope: 'openid' } }, 'invalid_scope'],
    ['a resource the client has lost', { request: request({ resource: ['https://old.example/'] }) }, 'invalid_target'],
    [
      'a scope the client has lost, nobody signed in',
      { client: { ...client, scope: '' }, session: undefined },
      'invalid_scope',
    ],
  ])('%s', (_name, change, expected) => {
    expect(stepOf(change)).toBe(expected)
  })

  it.each(['http://127.0.0.1:9/cb', 'http://[::1]/cb', 'http://localhost/cb', 'com.example.app:/cb'])(
    'RFC 8252 §8.6: a public client at %s is asked about although it is allowed and first-party',
    (uri) => {
      const at8252 = { request: request({ redirect_uri: uri as RegisteredRedirect }) }
      const publicOne = { ...client, first_party: true, token_endpoint_auth_method: 'none' }
      expect(stepOf({ ...at8252, client: publicOne })).toBe('consent')
      expect(stepOf({ ...at8252, client: { ...publicOne, token_endpoint_auth_method: 'client_secret_basic' } })).toBe(
        'respond',
      )
      expect(stepOf({ client: publicOne })).toBe('respond')
    },
  )

  it('a refusal says what was expected and what came', () => {
    const step = nextStep(facts({ request: silent({ max_age: 1 }) }))
    expect(step).toMatchObject({
      denial: {
        error: 'login_required',
        because: { expected: 'a session that is fresh enough', got: 'an older sign-in' },
      },
    })
  })
})
