/**
 * Owns /api/v1/users/me: a person reads and changes what is said of them, as their page does. Start reading at
 * `profileApiRoutes`.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant } from '../http/api-route.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { createdAt } from '../users/manage.ts'
import { addressParts, changeProfile, type Profile, type ProfileProblem, textClaims } from '../users/profile.ts'
import { each, personSchema, personView } from '../users/view.ts'

const text = z.string().max(2000).nullable().optional()
const profile = z.strictObject({
  ...each(textClaims, text),
  nickname: text.meta({ examples: ['Ada'] }),
  address: z.strictObject(each(addressParts, text)).nullable().optional(),
})
type Sent = z.infer<typeof profile>
const ownSchema = personSchema.extend({ created_at: instant.nullable() }).meta({ id: 'OwnAccount' })

/** A person with the version of what they see of themselves (RFC 9110 §8.8.3). */
const shown = (subject: Subject, created_at: Date | undefined) => {
  const user = { ...personView(subject), created_at: created_at?.toISOString() ?? null }
  return { user, etag: `"${createHash('sha256').update(JSON.stringify(user)).digest('base64url').slice(0, 22)}"` }
}

const answer = (subject: Subject, created_at: Date | undefined): Reply => {
  const { user, etag } = shown(subject, created_at)
  return json(user, 200, { headers: { etag } })
}

const read = async (ctx: Ctx, { person: { subject } }: ApiCall<unknown, unknown>): Promise<Reply> =>
  answer(subject, await createdAt(ctx, subject))

/** RFC 9110 §13.1.1: whoever names the version that they saw changes that one and no other. */
export const checkVersion = (
  request: HttpRequest,
  subject: Subject,
  created_at: Date | undefined,
): Denial | undefined => {
  const wanted = request.header('if-match')
  if (wanted === undefined || wanted.trim() === '*') return undefined
  const { etag } = shown(subject, created_at)
  return wanted.split(',').some((one) => one.trim() === etag) ? undefined : changedMeanwhile
}

const changedMeanwhile: Denial = deny(
  'precondition_failed',
  'This was changed meanwhile. Read it again, then repeat the change.',
  { rule: 'If-Match names the version that is changed (RFC 9110 §13.1.1)', expected: 'its ETag', got: 'another one' },
  { status: 412 },
)

/** PUT replaces a profile as a whole, PATCH (RFC 7396, but for the address: that one is replaced) what it names. */
const change =
  (whole: boolean) =>
  async (ctx: Ctx, { request, person: { subject }, body: sent }: ApiCall<Sent, unknown>): Promise<Reply | Denial> => {
    const created_at = await createdAt(ctx, subject)
    const outcome = await changeProfile(ctx, request, {
      user_id: subject.id,
      change: { ...(whole && nothing), ...known(sent) },
      allows: (current) => checkVersion(request, current, created_at),
    })
    if (isDenial(outcome)) return outcome
    return 'problems' in outcome ? invalid(outcome.problems) : answer(outcome, created_at)
  }

const nothing = Object.fromEntries([...textClaims, 'address'].map((name) => [name, null])) as Profile

/** Without the members that were not sent. */
const known = (sent: Sent): Partial<Profile> =>
  Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))

const sentences: Record<ProfileProblem, string> = {
  characters: 'has characters that cannot be shown',
  too_long: 'is too long',
  web_address: 'has to be an http or https address without user, password and fragment',
  https_address: 'has to be an https address without user, password and fragment',
  date: 'has to be a date of the past as YYYY-MM-DD, YYYY, or 0000-MM-DD',
  zone: 'has to be a time zone of the IANA list',
  language: 'has to be one of the languages of this service, with a region or without',
}

const invalid = (problems: Partial<Record<string, ProfileProblem>>): Denial => {
  const found = Object.entries(problems).flatMap(([member, problem]) => (problem ? [{ member, problem }] : []))
  const detail = found.map(({ member, problem }) => `${member} ${sentences[problem]}.`).join(' ')
  return deny(
    'invalid_profile',
    detail,
    {
      rule: 'a profile holds the claims of OpenID Connect Core §5.1',
      expected: 'valid values',
      got: found.map(({ member, problem }) => `${member}: ${problem}`).join(', '),
    },
    { status: 422, members: { errors: Object.fromEntries(found.map(({ member, problem }) => [member, problem])) } },
  )
}

const path = '/api/v1/users/me'

const own = { path, tag: 'One’s own account', may: 'self', answers: { 200: ownSchema } } as const

export const profileApiRoutes = [
  apiRoute({ ...own, method: 'GET', summary: 'Read what is said of oneself', handler: read }),
  apiRoute({
    ...own,
    method: 'PUT',
    summary: "Replace one's own profile",
    body: profile,
    refuses: [404, 412, 422],
    handler: change(true),
  }),
  apiRoute({
    ...own,
    method: 'PATCH',
    summary: "Change parts of one's own profile",
    body: profile,
    refuses: [404, 412, 422],
    handler: change(false),
  }),
]
