/** Owns what an API key may be called and how long it may live. Pure but for the settings. */
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'

const dayMs = 86_400_000

/** How long a key lives when nobody says: 90 days (security rule AK-1), or less where the deployment wants that. */
export const defaultDays = ({ config }: Pick<Ctx, 'config'>): number => Math.min(90, config.api_key_max_days)

/** A key without an end, or with one that nobody lives to see, is refused. */
export const checkExpiry = (ctx: Pick<Ctx, 'config'>, expires_at: Date, now: Date): Denial | undefined => {
  const days = ctx.config.api_key_max_days
  const isRight = expires_at > now && expires_at.getTime() <= now.getTime() + days * dayMs
  return isRight ? undefined : invalid(`an end in the future, within ${days} days`, expires_at.toISOString())
}

/** A name that people can read in a list. */
export const checkName = (name: string): Denial | undefined => {
  const text = name.trim()
  const isRight = text !== '' && text.length <= 100 && !/\p{C}/u.test(text)
  return isRight ? undefined : invalid('a name of 1 to 100 printable characters', shown(text))
}

const invalid = (expected: string, got: string): Denial =>
  deny('invalid_request', `The API key cannot be so: expected ${expected}.`, {
    rule: 'a key has a name and an end (AK-1)',
    expected,
    got,
  })
