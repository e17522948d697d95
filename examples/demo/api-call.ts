/**
 * Owns calling the protected API with an access token, and telling what came of it. Never keeps the token.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiAnswer, Notice } from './pages.ts'
import { timeOf } from './pages.ts'
import type { Tokens } from './sign-in.ts'

/** Calls `GET /api/hello`. Always an answer: `status` is undefined when the API cannot be reached. */
export const callWithToken = async (resource: string, access_token: string): Promise<ApiAnswer> => {
  const began = performance.now()
  const answer = await request(resource, access_token)
  return { ...answer, at: new Date(), tookMs: Math.round(performance.now() - began) }
}

// Keywright's promise: whatever is revoked is refused everywhere within two seconds.
const promiseMs = 2000

/** After a sign-out: tries the token that we still hold until it is refused, for two seconds, and says what came. */
export const tryLastTime = async (resource: string, tokens: Tokens): Promise<Notice> => {
  const began = performance.now()
  for (;;) {
    const { status } = await callWithToken(resource, tokens.access_token)
    const ms = Math.round(performance.now() - began)
    if (status === 401) return refusedNotice(tokens, ms)
    if (ms > promiseMs) return stillGoodNotice(status)
    await sleep(100)
  }
}

const refusedNotice = (tokens: Tokens, ms: number): Notice => ({
  kind: 'good',
  title: 'You are signed out, and the tokens died with it.',
  text: `This application still held an access token, good until ${timeOf(tokens.expires_at)}. It was tried once more: the API refused it ${ms} ms after your return.`,
})

const stillGoodNotice = (status: number | undefined): Notice => ({
  kind: 'info',
  title: 'You are signed out in this browser.',
  text:
    status === 200
      ? 'The access token still worked, as it does when other devices stay signed in. This application has now revoked its own tokens.'
      : 'Whether the access token still worked could not be found out. This application has revoked its own tokens.',
})

const request = async (resource: string, access_token: string): Promise<Omit<ApiAnswer, 'at' | 'tookMs'>> => {
  try {
    const response = await fetch(`${resource}/hello`, {
      headers: { Authorization: `Bearer ${access_token}` },
      signal: AbortSignal.timeout(5000),
    })
    const www_authenticate = response.headers.get('WWW-Authenticate') ?? undefined
    return { status: response.status, www_authenticate, body: await response.text() }
  } catch {
    return { status: undefined, www_authenticate: undefined, body: 'The API did not answer.' }
  }
}
