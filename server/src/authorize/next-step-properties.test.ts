/** What must hold of every next step, whatever the facts are (security rules AZ-8, AZ-9, AZ-12, AZ-13). */
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { at, now, request } from '../../test/support/authorization.ts'
import type { RegisteredRedirect } from '../protocol/redirect-uri.ts'
import { nextStep, type StepFacts } from './next-step.ts'

const pages = ['login', 'factor', 'select', 'consent']
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
    .map(({ max_age, prompt, ...rest }) =>
      request({ ...rest, prompt: [...prompt], ...(max_age !== null && { max_age }) }),
    ),
  client: fc.record({
    first_party: fc.boolean(),
    consent: fc.constantFrom('remember', 'always'),
    token_endpoint_auth_method: fc.constantFrom('none', 'client_secret_basic'),
    default_max_age: maybe(fc.integer({ min: 0, max: 4000 })),
    default_acr_values: fc.subarray(['aal2']),
    scope: scopes.map((names) => names.join(' ')),
    resources,
  }),
  session: fc.option(
    fc.record({
      id: fc.constantFrom('s1', 's2'),
      user_id: fc.constantFrom('u1', 'u2'),
      auth_time: instant,
      acr: fc.constantFrom('aal1', 'aal2', 'phr'),
      device_trusted: fc.boolean(),
      actor_id: maybe(fc.constant('u9')),
    }),
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
  consents: fc.uniqueArray(
    fc.record({ resource: fc.constantFrom('', 'https://api.example/', 'https://b.example/'), scopes }),
    { selector: ({ resource }) => resource },
  ),
  policy: fc.constantFrom(undefined, 'aal2' as const),
  hinted: fc.option(fc.constantFrom('u1', 'u2'), { nil: undefined }),
  now: fc.constant(now),
})

/** Says what must hold of everything that is answered with a code. */
const expectWhenAnswered = (holds: (given: StepFacts, answered: NonNullable<StepFacts['session']>) => boolean): void =>
  assertAlways(
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
    assertAlways(
      fc.property(anyFacts, (given) => {
        const step = nextStep({ ...given, request: { ...given.request, prompt: ['none'] } })
        return !pages.includes(step.step)
      }),
      { numRuns: 3000 },
    )
  })

  it('AZ-8: prompt=login is satisfied only by a proof in this attempt, of this session, not older than the request', () => {
    expectWhenAnswered((given, answered) => !given.request.prompt.includes('login') || provedHere(given, answered))
  })

  it('AZ-8: max_age is satisfied only by a younger session or a proof in this attempt', () => {
    expectWhenAnswered((given, answered) => {
      const limit = given.request.max_age ?? given.client.default_max_age
      return (
        limit === null || now.getTime() - answered.auth_time.getTime() < limit * 1000 || provedHere(given, answered)
      )
    })
  })

  it('AZ-12: what is answered is the session of the browser, chosen where a choice was asked for', () => {
    expectWhenAnswered((given, answered) => {
      if (answered !== given.session) return false
      if (!given.request.prompt.includes('select_account')) return true
      const { proofs } = given
      return proofs?.session_id === answered.id && (proofs.selected_at !== null || proofs.proved_at !== null)
    })
  })

  it('AZ-12: an attempt that is not stored has proved nothing: no forced page is passed by', () => {
    assertAlways(
      fc.property(anyFacts, fc.constantFrom('login', 'consent', 'select_account'), (given, forced) => {
        const asked = { ...given.request, prompt: [forced] }
        return nextStep({ ...given, proofs: undefined, request: asked }).step !== 'respond'
      }),
      { numRuns: 1000 },
    )
  })

  it('AZ-13: answered means allowed: here, before, or nothing to ask', () => {
    expectWhenAnswered((given, answered) => {
      const here = given.proofs?.consented_at != null && given.proofs.session_id === answered.id
      if (here) return true
      if (given.request.prompt.includes('consent')) return false
      const posable =
        given.client.token_endpoint_auth_method === 'none' && !given.request.redirect_uri.startsWith('https:')
      if (posable) return false
      const asked = given.request.scope.split(' ').filter((name) => name !== '')
      const named = given.request.resource.length === 0 ? [''] : given.request.resource
      const allowed = new Map(given.consents.map((one) => [one.resource, one.scopes]))
      const known = named.every((uri) => allowed.has(uri) && asked.every((name) => allowed.get(uri)?.includes(name)))
      return given.client.first_party || known
    })
  })

  it('a refusal of the person, another person than the hinted one, and more than the client may have are never answered', () => {
    expectWhenAnswered((given, answered) => {
      const asked = given.request.scope.split(' ').filter((name) => name !== '')
      const has = asked.every((name) => given.client.scope.split(' ').includes(name))
      return given.proofs?.refused !== true && (given.hinted ?? answered.user_id) === answered.user_id && has
    })
  })

  it('the same facts give the same step, and are not changed', () => {
    assertAlways(
      fc.property(anyFacts, (given) => {
        const before = structuredClone(given)
        expect(nextStep(given)).toEqual(nextStep(given))
        expect(given).toEqual(before)
      }),
      { numRuns: 300 },
    )
  })
})
