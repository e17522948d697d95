/**
 * Owns the gate that every issuing path asks before it acts for somebody (security rule G-3). Pure.
 */
import { type Denial, deny } from './errors.ts'

export type GateFacts = {
  user?: { id: string; status: string } | null
  client?: { client_id: string; status: string } | null
}

/** Refuses whoever is disabled, locked, deleted or leaving. `error` is the code the asking endpoint owes its caller. */
export const mayAct = (facts: GateFacts, error: string): Denial | undefined => {
  if (facts.client === null || (facts.client && facts.client.status !== 'enabled')) {
    return refuse(error, 'an enabled client', facts.client?.status ?? 'no such client')
  }
  if (facts.user === null || (facts.user && facts.user.status !== 'active')) {
    return refuse(error, 'an active account', facts.user?.status ?? 'no such account')
  }
  return undefined
}

/**
 * The gate of a sign-in's proofs: besides whoever may act, those who are leaving. All that they are offered is to stay: no
 * session and no token comes of it while their status is what it is, because whatever issues one asks `mayAct`.
 */
export const maySignIn = (user: { id: string; status: string }, error: string): Denial | undefined =>
  user.status === 'pending_erasure' ? undefined : mayAct({ user }, error)

const refuse = (error: string, expected: string, got: string): Denial =>
  deny(error, 'This is no longer possible for this account or client.', {
    rule: 'the account and the client may act (G-3)',
    expected,
    got,
    remedy: 'Enable the account or the client again.',
  })
