/** The library's main door: verify tokens and API keys. Guards, webhooks and the API client have doors of their own. */
export type { AccessTokenClaims } from './claims.ts'
export type { ClientCredentials, Credentials, KeyCredentials } from './credentials.ts'
export { challengeOf, type ErrorCode, KeywrightError, type Problem, problemOf, type Reason } from './errors.ts'
export type { Auth, Needs } from './needs.ts'
export type { OnFeedLost, VerifierOptions } from './options.ts'
export { createVerifier, type Verifier } from './verifier.ts'
