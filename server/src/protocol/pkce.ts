/**
 * Owns Proof Key for Code Exchange (RFC 7636), S256 only: `plain` protects nobody who can read the request.
 */
import { hash } from 'node:crypto'
import { type Denial, deny, shown } from './errors.ts'

/** RFC 7636 §4.2 with S256: 32 bytes of SHA-256 as base64url, so exactly 43 characters. */
const challengeForm = /^[A-Za-z0-9_-]{43}$/
/** RFC 7636 §4.1: 43 to 128 unreserved characters. */
const verifierForm = /^[A-Za-z0-9._~-]{43,128}$/

/** Checks the challenge of an authorization request. Outcome: the challenge, undefined when none is needed, or `invalid_request`. */
export const checkChallenge = (
  code_challenge: string | undefined,
  code_challenge_method: string | undefined,
  required: boolean,
): string | undefined | Denial => {
  if (code_challenge === undefined) {
    if (code_challenge_method !== undefined) return refuse('code_challenge with its method', 'the method alone')
    // RFC 9700 §2.1.1: public clients must use PKCE, confidential ones should.
    return required ? refuse('code_challenge', 'nothing') : undefined
  }
  // RFC 7636 §4.3: the method defaults to plain, which is refused here like any other than S256.
  if (code_challenge_method !== 'S256')
    return refuse('code_challenge_method S256', shown(code_challenge_method ?? 'plain (the default)'))
  if (!challengeForm.test(code_challenge)) return refuse('43 base64url characters', shown(code_challenge))
  return code_challenge
}

const refuse = (expected: string, got: string): Denial =>
  deny('invalid_request', 'PKCE with code_challenge_method S256 is required.', {
    rule: 'code_challenge (RFC 7636 §4.3, RFC 9700 §2.1.1)',
    expected,
    got,
    remedy: 'Send code_challenge = BASE64URL(SHA256(code_verifier)) and code_challenge_method=S256.',
  })

/** BASE64URL(SHA256(code_verifier)), RFC 7636 §4.2. Undefined for a verifier that is malformed. */
export const challengeOf = (code_verifier: string): string | undefined =>
  verifierForm.test(code_verifier) ? hash('sha256', code_verifier, 'base64url') : undefined

/** Tells whether the verifier is the one of the challenge (RFC 7636 §4.6); a verifier without a challenge is a downgrade (RFC 9700 §4.8.2). */
export const verifierMatches = (code_verifier: string | undefined, code_challenge: string | null): boolean => {
  if (code_challenge === null) return code_verifier === undefined
  return code_verifier !== undefined && challengeOf(code_verifier) === code_challenge
}
