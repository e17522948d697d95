/**
 * Owns one-time links and codes: opened when somebody asks, armed with secrets when the letter is written, used once. A
 * request for an address that nobody has opens one just the same, so that neither its answer nor its tries tell that
 * (security rules LI-1, RC-1, MF-3). Start reading at `openOneTime`.
 */
import { randomInt } from 'node:crypto'
import type postgres from 'postgres'
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { isUuid, secretBytes, secretText, uuidv7 } from '../io/ids.ts'
import { sameBytes } from '../io/secrets.ts'
import type { LetterFacts } from '../outbox/letter.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { hashToken, mintOpaque, parseOpaque, type PlainToken } from '../protocol/opaque-token.ts'
import {
  armOneTime,
  findLink,
  findLinkEver,
  findOpened,
  insertOneTime,
  type OneTime,
  type Purpose,
  reserveTry,
  useCode,
  useLink,
} from './one-time-store.ts'

export {
  dropOneTime,
  findBound,
  findOfBrowser,
  type OneTime,
  type Purpose,
  removeOneTime,
  voidBound,
  voidOfAddress,
  voidOfBrowser,
  voidOfUser,
  voidOfUserSince,
  voidPurpose,
} from './one-time-store.ts'

/** Security rule MF-3: a code of six digits lives ten minutes and bears five tries. */
const codeLifeMs = 600_000
const maxTries = 5

/** Lives of links in seconds (security.md 1.9). */
export const lifeSeconds: Record<Purpose, number> = {
  setup: 86_400,
  verify_email: 86_400,
  reset_password: 1800,
  undo_email: 7 * 86_400,
  not_me: 7 * 86_400,
  sign_in: 1800,
  factor: 600,
  change_email: 86_400,
  change_phone: 600,
  invite: 72 * 3600,
  cancel_erasure: 30 * 86_400,
  export: 86_400,
}

/**
 * What is worth nothing any more once a password or an address has changed (security rule RC-1). The ways back of somebody
 * who was robbed (not_me, undo_email, cancel_erasure) are not among them: a thief changes both.
 */
export const boundToCredentials: readonly Purpose[] = [
  'verify_email',
  'reset_password',
  'sign_in',
  'factor',
  'change_email',
  'change_phone',
  'export',
]

export type Opening = {
  purpose: Purpose
  user_id?: string | undefined
  /** The canonical address or number that the letter goes to: what is proved by it. */
  address?: string | undefined
  /** The account's credentials as they are (`credentialOf`); others later make this worthless. */
  credential?: string
  data?: Record<string, postgres.JSONValue>
  /** SHA-256 of the browser cookie in which the code may be typed; without it there is no code. A link works in any browser. */
  bound_to?: Buffer
  /** Another life than that of the purpose. */
  life_seconds?: number
  now: Date
}

/** Opens a link or code that has no secret yet. Returns its id. */
export const openOneTime = async (tx: Query, opening: Opening): Promise<string> => {
  const id = uuidv7(opening.now)
  await insertOneTime(tx, rowOf(id, opening, secretText()))
  return id
}

/** Opens a link and arms it at once, for letters that are written within the transaction of their cause, and for links that are shown. */
export const makeLink = async (tx: Query, opening: Opening): Promise<PlainToken> => {
  const token = mintOpaque(typeOf(opening.purpose), secretBytes())
  await insertOneTime(tx, rowOf(uuidv7(opening.now), opening, token))
  return token
}

/** The link of the first run has a type of its own, which its page says. */
const typeOf = (purpose: Purpose) => (purpose === 'setup' ? 'su' : 'ot')

const rowOf = (id: string, opening: Opening, secret: string) => ({
  id,
  token_hash: hashToken(secret),
  purpose: opening.purpose,
  user_id: opening.user_id ?? null,
  address: opening.address ?? null,
  credential: opening.credential ?? '',
  data: opening.data ?? {},
  bound_to: opening.bound_to ?? null,
  // From the opening on, and not from the letter on: whether there was a letter must not show when the code ends (LI-1).
  code_expires_at: opening.bound_to ? new Date(opening.now.getTime() + codeLifeMs) : null,
  created_at: opening.now,
  expires_at: new Date(opening.now.getTime() + (opening.life_seconds ?? lifeSeconds[opening.purpose]) * 1000),
})

/**
 * Makes the secrets of an opened one, for the letter that is being written. A letter that is written again voids what the
 * first one held. Undefined when it was used, has expired or was voided: then there is nothing to send.
 */
export const arm = async (
  ctx: Ctx,
  tx: Tx,
  facts: { id: string; user_id: string | null; credential: string; now: Date },
): Promise<{ token: PlainToken; code: string } | undefined> => {
  const token = mintOpaque('ot', secretBytes())
  const code = String(randomInt(1_000_000)).padStart(6, '0')
  const { id, user_id, credential, now } = facts
  const secrets = {
    user_id,
    credential,
    token_hash: hashToken(token),
    code_mac: macOf(ctx, id, code),
  }
  return (await armOneTime(tx, id, secrets, now)) ? { token, code } : undefined
}

/** Security design 3.1: a short code is kept under a key that the database does not hold, salted with its row. */
const macOf = (ctx: Ctx, id: string, code: string): Buffer => ctx.secrets.mac('code', id, code)

/** A live link of this purpose, unused: GET shows, POST uses. */
export const peekLink = async (
  query: Query,
  purpose: Purpose,
  token: string,
  now: Date,
): Promise<OneTime | undefined> =>
  parseOpaque(typeOf(purpose), token) === undefined ? undefined : await findLink(query, hashToken(token), purpose, now)

/** A link of this purpose even when it was used or has expired, for as long as it is remembered: for a page that says so. */
export const findAnyLink = async (query: Query, purpose: Purpose, token: string): Promise<OneTime | undefined> =>
  parseOpaque(typeOf(purpose), token) === undefined ? undefined : await findLinkEver(query, hashToken(token), purpose)

/** Uses a link, once. Undefined for a used, expired, voided or foreign one. */
export const spendLink = async (
  query: Query,
  purpose: Purpose,
  token: string,
  now: Date,
): Promise<OneTime | undefined> =>
  parseOpaque(typeOf(purpose), token) === undefined ? undefined : await useLink(query, hashToken(token), purpose, now)

/** What was opened in this browser under this id and is alive; whether its letter went out makes no difference. */
export const findOwnOneTime = async (
  query: Query,
  facts: { id: string; purpose: Purpose; bound_to: Buffer; now: Date },
): Promise<OneTime | undefined> => (isUuid(facts.id) ? await findOpened(query, facts) : undefined)

export type CodeTry = { id: string; purpose: Purpose; code: string; bound_to: Buffer; now: Date }
export type CodeOutcome = { outcome: 'right'; oneTime: OneTime } | { outcome: 'wrong' | 'dead' }

/**
 * Tries a code. The try is counted before anything is compared, in a statement of its own that commits: call it outside of
 * a transaction that may roll back. `dead`: expired, used up, voided or unknown; a new code is needed.
 */
export const tryCode = async (ctx: Ctx, query: Query, attempt: CodeTry): Promise<CodeOutcome> => {
  const { id, purpose, bound_to, now } = attempt
  if (!isUuid(id)) return { outcome: 'dead' }
  const reserved = await reserveTry(query, { id, purpose, bound_to, now, tries: maxTries })
  if (reserved === undefined) return { outcome: 'dead' }
  const code = attempt.code.replaceAll(/[\s-]/g, '').normalize('NFKC')
  const mac = macOf(ctx, id, code)
  if (reserved.code_mac === null || !sameBytes(reserved.code_mac, mac))
    return { outcome: reserved.tries >= maxTries ? 'dead' : 'wrong' }
  const oneTime = await useCode(query, id, mac, now)
  return oneTime === undefined ? { outcome: 'dead' } : { outcome: 'right', oneTime }
}

/** A text of what went along with a letter, or a link; undefined where it is none. */
export const textIn = (data: OneTime['data'] | LetterFacts, name: string): string | undefined => {
  const value = data[name]
  return typeof value === 'string' ? value : undefined
}

/** Of a link that was used, has expired, was voided, or belongs to an account that has changed since. */
export const deadLink: Denial = deny(
  'dead_link',
  'This link was used already, has expired, or is not complete.',
  {
    rule: 'a link of a letter is used once, in time, for the account as it was (RC-1)',
    expected: 'a live link of this purpose',
    got: 'another one',
    remedy: 'Ask for a new letter.',
  },
  { status: 400 },
)
