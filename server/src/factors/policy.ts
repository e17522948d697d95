/**
 * Owns the question whether a sign-in is complete, and what it still needs: a second factor, the enrolment of one, or
 * something else that the account has to do first (security rule MF-1). Decided from recorded proofs only. Pure. Start
 * reading at `signInStep`.
 */
import { type Acr, acrOf, satisfies, strongest } from '../protocol/acr.ts'

/** What can be the second step of a sign-in. `password` is one where the first was something else. */
export const factorKinds = ['passkey', 'totp', 'sms', 'email', 'backup_code', 'password'] as const
export type FactorKind = (typeof factorKinds)[number]

/** What has to be done before a sign-in is complete; kept in users.required_actions. */
export type RequiredAction = 'verify_email' | 'change_password' | 'enrol_factor'

export type PolicyFacts = {
  /** What this sign-in has proved (RFC 8176). */
  amr: readonly string[]
  /** What the application asks for. A trusted device never stands in for it. */
  demanded: Acr | undefined
  /** What deployment and roles ask of everybody. */
  policy: Acr | undefined
  /** The second steps that this person can take. */
  kinds: readonly FactorKind[]
  /** The person has chosen to be asked for a second step. */
  two_step: boolean
  /** This browser is trusted by its owner, for a while (security rule MF-4). */
  trusted_device: boolean
  /** The person has proved their address in this sign-in, which allows to enrol a factor. */
  mailed: boolean
  /** There is a proved address that a code can be sent to. */
  can_mail: boolean
  actions: readonly RequiredAction[]
  /** The account is about to be deleted: there is nothing to do in it but to keep it. */
  leaving: boolean
}

export type SignInStep =
  | { step: 'complete'; acr: Acr; device_trusted: boolean }
  | { step: 'factor'; kinds: FactorKind[] }
  /** Nothing is enrolled: a code by mail is the second proof before something may be (security rule MF-1). */
  | { step: 'prove_mail' }
  | { step: 'enrol'; needs: Acr }
  | { step: 'action'; action: RequiredAction }
  /** The person is leaving, and may stay. */
  | { step: 'erasure' }
  /** Nothing is enrolled and no address is proved: an administrator has to help. */
  | { step: 'stuck' }

/** Decides what comes next. A session begins at `complete` and at nothing else. */
export const signInStep = (facts: PolicyFacts): SignInStep => {
  const acr = acrOf(facts.amr)
  const usual = strongest([facts.policy, facts.two_step ? 'aal2' : undefined])
  const trusted = facts.trusted_device && satisfies('aal2', usual)
  const isEnough = satisfies(acr, facts.demanded) && (satisfies(acr, usual) || trusted)
  const needs = strongest([facts.demanded, trusted ? undefined : usual]) ?? 'aal2'
  if (facts.leaving) return leavingStep(facts, isEnough ? undefined : needs)
  if (!isEnough) return needed(facts, needs)
  const action = nextAction(facts)
  return action ?? { step: 'complete', acr, device_trusted: !satisfies(acr, usual) }
}

/** Everything that can be proved is; nothing is enrolled on the way out. Whoever stays goes on as everybody does. */
const leavingStep = (facts: PolicyFacts, needs: Acr | undefined): SignInStep => {
  const kinds = needs === undefined ? [] : usableKinds(facts, needs)
  return kinds.length > 0 ? { step: 'factor', kinds } : { step: 'erasure' }
}

const needed = (facts: PolicyFacts, needs: Acr): SignInStep => {
  const kinds = usableKinds(facts, needs)
  return kinds.length > 0 ? { step: 'factor', kinds } : enrolment(facts, needs)
}

const enrolment = (facts: PolicyFacts, needs: Acr): SignInStep => {
  if (facts.mailed) return { step: 'enrol', needs }
  return facts.can_mail ? { step: 'prove_mail' } : { step: 'stuck' }
}

/**
 * The second steps that lead to a level: what proved the first step proves no second one, and only a passkey, first or
 * second, is phishing-resistant.
 */
export const usableKinds = ({ kinds, amr }: Pick<PolicyFacts, 'kinds' | 'amr'>, needs: Acr): FactorKind[] => {
  const isUsed = (kind: FactorKind): boolean => amr.includes(firstStep[kind] ?? '') && !amr.includes('mfa')
  const passkeyFirst = isPasskey(amr)
  return factorKinds.filter((kind) => {
    if (!kinds.includes(kind) || isUsed(kind) || (kind === 'password' && amr.includes('pwd'))) return false
    if (kind === 'passkey' && passkeyFirst) return false
    return needs !== 'phr' || passkeyFirst || kind === 'passkey'
  })
}

const isPasskey = (amr: readonly string[]): boolean => amr.includes('swk') || amr.includes('hwk')

/** What stands in `amr` when this kind was the only step so far: a lone `otp` came by mail. */
const firstStep: Partial<Record<FactorKind, string>> = { password: 'pwd', email: 'otp' }

const nextAction = (facts: PolicyFacts): SignInStep | undefined => {
  const [action] = order.filter((one) => facts.actions.includes(one))
  if (action === undefined) return undefined
  return action === 'enrol_factor' ? enrolment(facts, 'aal2') : { step: 'action', action }
}

const order: readonly RequiredAction[] = ['verify_email', 'change_password', 'enrol_factor']
