/**
 * Owns what one record of an import may say: the members of JSON lines and the columns of CSV are the same, and those that
 * nobody knows are refused. Pure. Start reading at `readRecord`.
 */
import { z } from 'zod'
import { isTame } from '../http/tame.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { canonicalEmail, canonicalUsername } from './identifier.ts'

const text = z.string().max(2000)
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')])
/** A list in JSON; words between spaces or semicolons in CSV. */
const words = z.union([z.array(text), text.transform((line) => line.split(/[\s;]+/).filter((word) => word !== ''))])
const object = z.union([
  z.record(z.string(), z.unknown()),
  text.transform((json, context) => {
    const parsed = parseObject(json)
    if (parsed === undefined) context.addIssue('a JSON object')
    return parsed ?? {}
  }),
])

const record = z.strictObject({
  id: z
    .string()
    .regex(/^(?!app_|https?:)[\x21-\x7e]{1,255}$/)
    // DELETE /api/v1/users/me is about whoever calls, and always was: no account can be called so.
    .regex(/^(?!(?:me|import|export|invitations|\.\.?)$)/)
    .optional(),
  email: text.optional(),
  email_verified: flag.optional(),
  username: text.optional(),
  name: text.optional(),
  given_name: text.optional(),
  family_name: text.optional(),
  picture: z.url({ protocol: /^https?$/ }).optional(),
  locale: text.optional(),
  zoneinfo: text.optional(),
  phone_number: z
    .string()
    .regex(/^\+[1-9]\d{5,14}$/)
    .optional(),
  phone_number_verified: flag.optional(),
  status: z.enum(['active', 'disabled', 'locked']).optional(),
  roles: words.optional(),
  required_actions: z
    .union([z.array(z.string()), words])
    .pipe(z.array(z.enum(['verify_email', 'change_password', 'enrol_factor'])))
    .optional(),
  claims: object.optional(),
  password_hash: text.optional(),
  totp_secret: z
    .string()
    .transform((secret) => secret.replaceAll(/[\s=-]/g, '').toUpperCase())
    .pipe(z.string().regex(/^[A-Z2-7]{16,256}$/))
    .optional(),
  created_at: z.coerce.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59Z')).optional(),
})

type Parsed = z.output<typeof record>
/** A record that can become an account. */
export type ImportRecord = Parsed & { email_canonical: string | null; username_canonical: string | null }

/** The columns of CSV, in the order in which an export writes them. */
export const columns = Object.keys(record.shape) as (keyof Parsed)[]

/** Reads one. Empty cells say nothing. Refusals: `invalid_record`, naming the member and never its value. */
export const readRecord = (input: unknown): ImportRecord | Denial => {
  const plain =
    typeof input === 'object' && input !== null && !Array.isArray(input)
      ? Object.fromEntries(Object.entries(input).filter(([, value]) => value !== '' && value !== null))
      : undefined
  if (plain === undefined) return invalid('an object', 'something else')
  if (!isTame(plain)) return invalid('at most 32 levels, text without NUL', 'something else')
  const read = record.safeParse(plain)
  if (!read.success) {
    const [issue] = read.error.issues
    if (issue?.code === 'unrecognized_keys')
      return invalid(
        'known members only',
        shown(issue.keys.join(', ')),
        `it has an unknown member, ${shown(issue.keys.join(', '))}`,
      )
    const member = issue?.path[0]
    return invalid(`${String(member ?? 'a record')}: ${issue?.message ?? 'valid'}`, shown(String(member ?? '')))
  }
  return identified(read.data)
}

const identified = (data: Parsed): ImportRecord | Denial => {
  const email_canonical = data.email === undefined ? null : canonicalEmail(data.email)
  const username_canonical = data.username === undefined ? null : canonicalUsername(data.username)
  if (email_canonical === undefined) return invalid('email: one plain address (EM-1)', 'another text')
  if (username_canonical === undefined)
    return invalid('username: letters, digits, dot, dash, underscore', 'another text')
  if (email_canonical === null && username_canonical === null) return invalid('email or username', 'neither')
  return { ...data, email_canonical, username_canonical }
}

const parseObject = (json: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) && isTame(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const invalid = (expected: string, got: string, because = `expected ${expected}`): Denial =>
  deny(
    'invalid_record',
    `The record cannot be read: ${because}.`,
    { rule: 'a record has known members of the right form', expected, got },
    { status: 422 },
  )
