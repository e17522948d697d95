/**
 * Owns the one question of a sign-in in progress: what comes next? Everything about prompt, max_age, hints, account
 * choice and consent is decided here, from recorded proofs, never from "this step was submitted" (security rule AZ-12).
 * Pure. Start reading at `nextStep`.
 */
import { type Acr, demandedAcr, satisfies } from '../protocol/acr.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { isImpersonable } from '../protocol/redirect-uri.ts'
import { decideResources } from '../protocol/resource.ts'
import { decideScope, parseScope } from '../protocol/scope.ts'
import type { LiveSession } from '../protocol/session.ts'
import { type Consent, isConsented } from './consented.ts'

type SessionFacts = Pick<LiveSession, 'id' | 'user_id' | 'auth_time' | 'acr' | 'device_trusted' | 'actor_id'>

export type StepFacts = {
  request: AuthorizationRequest
  client: {
    first_party: boolean
    consent: string
    token_endpoint_auth_method: string
    default_max_age: number | null
    default_acr_values: readonly string[]
    scope: string
    resources: readonly string[]
  }
  session: SessionFacts | undefined
  /** The level that deployment and roles ask of this person's sign-ins. */
  policy: Acr | undefined
  /** What this interaction has proved; undefined while it is not stored yet, which means: nothing. */
  proofs?:
    | {
        created_at: Date
        session_id: string | null
        proved_at: Date | null
        selected_at: Date | null
        consented_at: Date | null
        refused: boolean
      }
    | undefined
  /** What this person has allowed this client before. */
  consents: readonly Consent[]
  /** Subject of the id_token_hint, when one was sent and is ours. */
  hinted: string | undefined
  now: Date
}

export type Step =
  | { step: 'login' }
  /** The session has proved less than is asked for: a further factor, within it. */
  | { step: 'factor'; session: SessionFacts }
  | { step: 'select' }
  | { step: 'consent' }
  | { step: 'respond'; session: SessionFacts }
  | { step: 'refuse'; denial: Denial }

/** Decides the next step. With `prompt=none` every step that would need a page is a refusal (OpenID Connect Core §3.1.2.6). */
export const nextStep = (facts: StepFacts): Step => {
  const { request, session, proofs } = facts
  if (proofs?.refused)
    return refusal('access_denied', 'The person denied the request.', 'the person allows it', 'the person denied it')
  const narrowed = checkStillAllowed(facts)
  if (narrowed) return { step: 'refuse', denial: narrowed }
  const silent = request.prompt.includes('none')
  if (facts.hinted !== undefined && session !== undefined && session.user_id !== facts.hinted) {
    return refusal(
      'login_required',
      'Another person is signed in.',
      'the person of the id_token_hint',
      'another person',
    )
  }
  if (session !== undefined && session.actor_id !== null && needsThePerson(facts, session)) return notActed
  if (session === undefined || !isFreshEnough(facts, session))
    return silent ? notSignedIn(session !== undefined) : { step: 'login' }
  if (!isSureEnough(facts, session)) return silent ? notSure(session.acr) : { step: 'factor', session }
  if (request.prompt.includes('select_account') && !hasSelected(facts, session)) return { step: 'select' }
  if (needsConsent(facts, session)) return silent ? notConsented : { step: 'consent' }
  return { step: 'respond', session }
}

/** Security rule AZ-9: what the client has lost while a page was open is not granted any more. */
const checkStillAllowed = ({ request, client }: StepFacts): Denial | undefined => {
  const decided = [
    decideScope(request.scope, client.scope.split(' '), 'none'),
    decideResources(request.resource, client.resources),
  ]
  return decided.find(isDenial)
}

/** OpenID Connect Core §3.1.2.1: prompt=login and max_age want a proof that is newer than the request. */
const isFreshEnough = (
  { request, client, proofs, now }: StepFacts,
  session: { id: string; auth_time: Date },
): boolean => {
  const provedHere =
    proofs?.proved_at != null && proofs.session_id === session.id && session.auth_time >= proofs.created_at
  if (provedHere) return true
  if (request.prompt.includes('login')) return false
  const max_age = request.max_age ?? client.default_max_age ?? undefined
  return max_age === undefined || now.getTime() - session.auth_time.getTime() < max_age * 1000
}

/**
 * OpenID Connect Core §3.1.2.1: the level that the request or its client asks for is proved by this session. What policy asks
 * of everybody a trusted device may have stood in for (security rule MF-4); what an application asks for it may not.
 */
const isSureEnough = ({ request, client, policy }: StepFacts, { acr, device_trusted }: SessionFacts): boolean =>
  satisfies(acr, demandedAcr(request.acr_values?.split(' ') ?? [], client.default_acr_values)) &&
  (satisfies(acr, policy) || (device_trusted && satisfies('aal2', policy)))

/** Who acts as somebody else proves nothing and allows nothing in their name (security rule AD-4). */
const needsThePerson = (facts: StepFacts, session: SessionFacts): boolean =>
  !isFreshEnough(facts, session) || !isSureEnough(facts, session) || needsConsent(facts, session)

/** A choice counts for the session that was chosen; so does signing in afresh. */
const hasSelected = ({ proofs }: StepFacts, session: { id: string }): boolean =>
  proofs !== undefined && proofs.session_id === session.id && (proofs.selected_at !== null || proofs.proved_at !== null)

/** Security rule AZ-13. A consent given in this interaction is for exactly this request. */
const needsConsent = ({ request, client, proofs, consents }: StepFacts, session: { id: string }): boolean => {
  if (proofs?.consented_at != null && proofs.session_id === session.id) return false
  if (request.prompt.includes('consent')) return true
  // RFC 8252 §8.6: another program could pose as this client, so only the person can tell.
  if (client.token_endpoint_auth_method === 'none' && isImpersonable(request.redirect_uri)) return true
  if (client.consent === 'always') return true
  if (client.first_party) return false
  return !isConsented(consents, { scopes: parseScope(request.scope), resources: request.resource })
}

const refusal = (error: string, sentence: string, expected: string, got: string): Step => ({
  step: 'refuse',
  denial: deny(error, sentence, {
    rule: 'the request can be answered (OpenID Connect Core §3.1.2.6)',
    expected,
    got,
    remedy: 'Send the person here again, without prompt=none.',
  }),
})

const notSignedIn = (signedIn: boolean): Step =>
  refusal(
    'login_required',
    'The person has to sign in.',
    'a session that is fresh enough',
    signedIn ? 'an older sign-in' : 'no session',
  )

const notSure = (acr: string): Step =>
  refusal('interaction_required', 'The person has to prove more.', 'a session of the level asked for', acr)

const notConsented: Step = refusal(
  'consent_required',
  'The person has to consent.',
  'a consent for these scopes at these resources',
  'none, or a smaller one',
)

const notActed: Step = refusal(
  'access_denied',
  'Whoever acts for somebody else cannot do this.',
  'the person themselves',
  'somebody acting for them',
)
