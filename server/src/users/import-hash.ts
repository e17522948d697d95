/**
 * Owns which password hashes of other systems are taken over (security design 3.6; docs/passwords.md has the list). Every
 * hash names its own cost, so it is looked at before anything is computed. Start reading at `checkImportedHash`.
 */
import type { Ctx } from '../ctx.ts'
import { tooCostly } from '../io/hash-costs.ts'
import { readHash } from '../io/hash-formats.ts'
import { type Denial, deny } from '../protocol/errors.ts'

/** Tells why a hash cannot be taken over: `unsupported_hash`. The reason never holds the hash itself. */
export const checkImportedHash = (text: string): Denial | undefined => {
  const stored = readHash(text)
  if (stored === undefined) return refuse('The form of this password hash is not known.', schemeOf(text))
  const excess = tooCostly(stored)
  return excess === undefined
    ? undefined
    : refuse('This password hash costs more to compare than is accepted.', `${stored.kind}: ${excess}`)
}

/** The text to store for a hash of another system. Refusal: `unsupported_hash`. Throws Unavailable when the hashing queue is full. */
export const adoptHash = async (ctx: Ctx, text: string): Promise<string | Denial> =>
  checkImportedHash(text) ?? (await ctx.hashing.adopt(text))

/** What a hash says of its own form; nothing of what follows it. */
const schemeOf = (text: string): string => {
  const named = /^(?:\{[A-Za-z0-9.-]{1,20}\}|\$[a-z0-9-]{1,20}\$|[a-z0-9_:]{1,30}\$)/.exec(text)?.[0]
  return named === undefined ? `${text.length} characters of no known form` : `the form ${named}`
}

const refuse = (sentence: string, got: string): Denial =>
  deny(
    'unsupported_hash',
    sentence,
    {
      rule: 'imported password hashes are salted, of a known form and within bounds (security design 3.6)',
      expected: 'a form of docs/passwords.md within its bounds',
      got,
      remedy: 'Import the account without a password; its owner then sets one by mail.',
    },
    { status: 422 },
  )
