/** Every row of the decision, and what must hold whatever the facts are (OpenID Connect Core §3.1.2.1; AZ-8, AZ-9, AZ-12, AZ-13). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import type { RegisteredRedirect } from '../protocol/redirect-uri.ts'
import { nextStep, type StepFacts } from './next-step.ts'

const now = new Date('2026-03-01T12:00:00Z')
const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1000)

const request = (change: Partial<AuthorizationRequest> = {}): AuthorizationRequest => ({
  client_id: 'app_1',
  redirect_uri: 'https://app.example/cb' as RegisteredRedirect,
  redirect_uri_sent: true,
  response_mode: 'query',
  scope: 'openid read',
  resource: [],
  prompt: [],
  ...change,
})

const client: StepFacts['client'] = {
  first_party: false,
  token_endpoint_auth_method: 'client_secret_basic',
  default_max_age: null,
  scope: 'openid read write',
  resources: ['https://api.example/'],
}
const session = { id: 's1', user_id: 'u1', auth_time: at(-100) }
const consent = { scopes: ['openid', 'read'], resources: [] }
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
  consent,
  hinted: undefined,
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
    ['no consent', { consent: undefined }, 'consent'],
    ['no consent, silently', { consent: undefined, request: silent() }, 'consent_required'],
    ['no consent of a first-party client', { consent: undefined, client: { ...client, first_party: true } }, 'respond'],
    ['a consent for less', { request: request({ scope: 'openid write' }) }, 'consent'],
    ['a consent without the resource', { request: request({ resource: ['https://api.example/'] }) }, 'consent'],
    [
      'a consent with the resource',
      {
        request: request({ resource: ['https://api.example/'] }),
        consent: { ...consent, resources: ['https://api.example/'] },
      },
      'respond',
    ],
    ['no scope at all and no consent', { request: request({ scope: '' }), consent: undefined }, 'consent'],
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
      { consent: undefined, proofs: { ...nothing, session_id: 's2', consented_at: at(-1) } },
      'consent',
    ],
    ['login before consent', { ...prompt('login', 'consent'), consent: undefined }, 'login'],
    ['select before consent', { ...prompt('select_account', 'consent'), consent: undefined }, 'select'],
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

const pages = ['login', 'select', 'consent']
const instant = fc.integer({ min: -4000, max: 0 }).map(at)
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null, freq: 2 })
const scopes = fc.subarray(['openid', 'read', 'write'])
const resources = fc.subarray(['https://api.example/', 'https://b.example/'])

const anyFacts: fc.Arbitrary<StepFacts> = fc.record({
  request: fc
    .record({
      prompt: fc.oneof(fc.constant(['none']), fc.subarray(['login', 'consent', 'select_account'])),
      max_age: maybe(fc.integer({ min: 0, max: 4000 })),
      scope: scopes.map((names) => names.join(' ')),
      resource: resources,
      redirect_uri: fc
        .constantFrom('https://app.example/cb', 'http://127.0.0.1/cb', 'com.example.app:/cb')
        .map((uri) => uri as RegisteredRedirect),
    })
    .map(({ max_age, ...rest }) => request({ ...rest, ...(max_age !== null && { max_age }) })),
  client: fc.record({
    first_party: fc.boolean(),
    token_endpoint_auth_method: fc.constantFrom('none', 'client_secret_basic'),
    default_max_age: maybe(fc.integer({ min: 0, max: 4000 })),
    scope: scopes.map((names) => names.join(' ')),
    resources,
  }),
  session: fc.option(
    fc.record({ id: fc.constantFrom('s1', 's2'), user_id: fc.constantFrom('u1', 'u2'), auth_time: instant }),
    { nil: undefined, freq: 6 },
  ),
  proofs: fc.option(
    fc.record({
      created_at: instant,
      session_id: maybe(fc.constantFrom('s1', 's2')),
      proved_at: maybe(instant),
      selected_at: maybe(instant),
      consented_at: maybe(instant),
      refused: fc.boolean(),
    }),
    { nil: undefined },
  ),
  consent: fc.option(fc.record({ scopes, resources }), { nil: undefined }),
  hinted: fc.option(fc.constantFrom('u1', 'u2'), { nil: undefined }),
  now: fc.constant(now),
})

/** Says what must hold of everything that is answered with a code. */
const whenAnswered = (holds: (given: StepFacts, answered: NonNullable<StepFacts['session']>) => boolean): void =>
  fc.assert(
    fc.property(anyFacts, (given) => {
      const step = nextStep(given)
      return step.step !== 'respond' || holds(given, step.session)
    }),
    { numRuns: 3000 },
  )

const provedHere = ({ proofs }: StepFacts, { id, auth_time }: { id: string; auth_time: Date }): boolean =>
  proofs?.proved_at != null && proofs.session_id === id && auth_time >= proofs.created_at

describe('whatever the facts are', () => {
  it('AZ-8: prompt=none is never a page', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const step = nextStep({ ...given, request: { ...given.request, prompt: ['none'] } })
        return !pages.includes(step.step)
      }),
      { numRuns: 3000 },
    )
  })

  it('AZ-8: prompt=login is satisfied only by a proof in this attempt, of this session, not older than the request', () => {
    whenAnswered((given, answered) => !given.request.prompt.includes('login') || provedHere(given, answered))
  })

  it('AZ-8: max_age is satisfied only by a younger session or a proof in this attempt', () => {
    whenAnswered((given, answered) => {
      const limit = given.request.max_age ?? given.client.default_max_age
      return (
        limit === null || now.getTime() - answered.auth_time.getTime() < limit * 1000 || provedHere(given, answered)
      )
    })
  })

  it('AZ-12: what is answered is the session of the browser, chosen where a choice was asked for', () => {
    whenAnswered((given, answered) => {
      if (answered !== given.session) return false
      if (!given.request.prompt.includes('select_account')) return true
      const { proofs } = given
      return proofs?.session_id === answered.id && (proofs.selected_at !== null || proofs.proved_at !== null)
    })
  })

  it('AZ-12: an attempt that is not stored has proved nothing: no forced page is passed by', () => {
    fc.assert(
      fc.property(anyFacts, fc.constantFrom('login', 'consent', 'select_account'), (given, forced) => {
        const asked = { ...given.request, prompt: [forced] }
        return nextStep({ ...given, proofs: undefined, request: asked }).step !== 'respond'
      }),
      { numRuns: 1000 },
    )
  })

  it('AZ-13: answered means allowed: here, before, or nothing to ask', () => {
    whenAnswered((given, answered) => {
      const here = given.proofs?.consented_at != null && given.proofs.session_id === answered.id
      if (here) return true
      if (given.request.prompt.includes('consent')) return false
      const posable =
        given.client.token_endpoint_auth_method === 'none' && !given.request.redirect_uri.startsWith('https:')
      if (posable) return false
      const asked = given.request.scope.split(' ').filter((name) => name !== '')
      const known =
        asked.every((name) => given.consent?.scopes.includes(name)) &&
        given.request.resource.every((uri) => given.consent?.resources.includes(uri))
      return given.client.first_party || (given.consent !== undefined && known)
    })
  })

  it('a refusal of the person, another person than the hinted one, and more than the client may have are never answered', () => {
    whenAnswered((given, answered) => {
      const asked = given.request.scope.split(' ').filter((name) => name !== '')
      const has = asked.every((name) => given.client.scope.split(' ').includes(name))
      return given.proofs?.refused !== true && (given.hinted ?? answered.user_id) === answered.user_id && has
    })
  })

  it('the same facts give the same step, and are not changed', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const before = structuredClone(given)
        expect(nextStep(given)).toEqual(nextStep(given))
        expect(given).toEqual(before)
      }),
      { numRuns: 300 },
    )
  })
})
