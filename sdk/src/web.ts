/** Owns the answer of a guard as the web knows it: a Response. */
import { KeywrightError, problemOf } from './errors.ts'

/** The answer to a refusal; anything else is thrown on. */
export const responseOf = (error: unknown, realm?: string): Response => {
  if (!(error instanceof KeywrightError)) throw error
  const { status, headers, body } = problemOf(error, realm)
  return new Response(JSON.stringify(body), { status, headers })
}
