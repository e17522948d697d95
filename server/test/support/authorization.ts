/** Owns a checked authorization request for tests of what is decided on it, at one instant. */
import type { AuthorizationRequest } from '../../src/protocol/authorization-request.ts'
import type { RegisteredRedirect } from '../../src/protocol/redirect-uri.ts'

export const now = new Date('2026-03-01T12:00:00Z')
export const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1000)

/** A request of app_1 for `openid read`, without resources and prompts, unless said otherwise. */
export const request = (change: Partial<AuthorizationRequest> = {}): AuthorizationRequest => ({
  client_id: 'app_1',
  redirect_uri: 'https://app.example/cb' as RegisteredRedirect,
  redirect_uri_sent: true,
  response_mode: 'query',
  scope: 'openid read',
  resource: [],
  prompt: [],
  ...change,
})
