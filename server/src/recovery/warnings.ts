/**
 * Owns what the letters of warning say: what happened, when, where, and one link. Each has its link from the moment it is
 * written, and a letter that is written again voids the first one's. Start reading at `warningLetters`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { defineLetter, type DueLetter, type Letter, type LetterFacts } from '../outbox/letter.ts'
import type { LetterView } from '../pages/letters.ts'
import type { Message } from '../pages/messages.ts'
import { arm, textIn } from '../users/one-time.ts'
import { browserLabel } from '../users/user-agent.ts'
import { type WarningKind, warningKinds } from './warn.ts'

const daySeconds = 86_400

/** One kind of letter for each kind of warning. A week late it still helps: its link works that long. */
export const warningLetters: readonly Letter[] = warningKinds.map((kind) =>
  defineLetter({
    kind,
    channel: 'email',
    lifeSeconds: 7 * daySeconds,
    limit: 'notice',
    write: async (ctx, tx, letter) => await write(ctx, tx, kind, letter),
  }),
)

const write = async (ctx: Ctx, tx: Tx, kind: WarningKind, letter: DueLetter): Promise<LetterView | undefined> => {
  const { facts, user_id = null, now } = letter
  // No credential: a thief changes the password, and this is the way back from that.
  const armed = await arm(ctx, tx, { id: textIn(facts, 'one_time') ?? '', user_id, credential: '', now })
  if (armed === undefined) return undefined
  const undo = kind === 'email_changed'
  return {
    subject: { key: `warning.${kind}.subject` },
    paragraphs: [
      { key: `warning.${kind}.lead` },
      ...aboutOf(kind, facts),
      { key: 'warning.was_you' },
      { key: undo ? 'warning.undo' : 'warning.not_you' },
    ],
    link: {
      href: `${ctx.config.issuer}/${undo ? 'undo-email' : 'not-me'}?token=${armed.token}`,
      label: { key: undo ? 'warning.undo_link' : 'warning.not_you_link' },
    },
    facts: circumstancesOf(facts, letter.locale ?? 'en'),
    footnotes: [{ key: 'warning.link_life' }],
  }
}

/** Which one it was, where that is known. */
const aboutOf = (kind: WarningKind, facts: LetterFacts): Message[] => {
  const name = textIn(facts, 'name')
  const factor = textIn(facts, 'factor')
  const { left } = facts
  if (kind === 'backup_code_used' && typeof left === 'number')
    return [{ key: 'warning.codes_left', params: { count: left } }]
  if (name !== undefined)
    return [{ key: kind === 'api_key_added' ? 'warning.api_key_name' : 'warning.passkey_name', params: { name } }]
  return factor !== undefined && factor in factorMessages ? [factorMessages[factor as keyof typeof factorMessages]] : []
}

const factorMessages = {
  totp: { key: 'warning.factor.totp' },
  sms: { key: 'warning.factor.sms' },
  email: { key: 'warning.factor.email' },
  backup_code: { key: 'warning.factor.backup_code' },
} as const satisfies Record<string, Message>

const circumstancesOf = (facts: LetterFacts, locale: string): NonNullable<LetterView['facts']> => {
  const at = textIn(facts, 'at')
  const ip = textIn(facts, 'ip')
  return [
    ...(at === undefined ? [] : [{ label: { key: 'warning.when' } as const, value: new Date(at) }]),
    ...(ip === undefined
      ? []
      : [
          { label: { key: 'warning.browser' } as const, value: browserLabel(textIn(facts, 'user_agent') ?? null) },
          { label: { key: 'warning.place' } as const, value: placeOf(facts, { ip, locale }) },
        ]),
  ]
}

/** "Berlin, Germany (203.0.113.7)", in the reader's language as far as Intl knows it. */
const placeOf = ({ place }: LetterFacts, { ip, locale }: { ip: string; locale: string }): string => {
  if (typeof place !== 'object' || place === null) return ip
  const { city, country, country_code } = place as Record<string, unknown>
  const named = countryName(String(country_code), locale) ?? String(country)
  return typeof city === 'string' ? `${city}, ${named} (${ip})` : `${named} (${ip})`
}

const countryName = (code: string, locale: string): string | undefined =>
  /^[A-Z]{2}$/.test(code) ? new Intl.DisplayNames(locale, { type: 'region' }).of(code) : undefined
