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

const refuse = (error: string, expected: string, got: string): Denial =>
  deny(error, 'This is no longer possible for this account or client.', {
    rule: 'the account and the client may act (G-3)',
    expected,
    got,
    remedy: 'Enable the account or the client again.',
  })
