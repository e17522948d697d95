/** Owns a person's second steps as JSON: what the pages of them do, for a script of ours or an application. */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { countBackupCodes, makeBackupCodes } from '../factors/backup-codes.ts'
import { sentCode } from '../factors/codes.ts'
import { canSend } from '../factors/destination.ts'
import { addChannel, addTotp, listFactors, missing, type OwnFactor, renameFactor } from '../factors/keeping.ts'
import { typedName } from '../factors/passkey-names.ts'
import { factorKinds } from '../factors/policy.ts'
import { removeWithProof, type Removing, sendRemovalCode } from '../factors/removing.ts'
import { proveAddress, sendFirstCode, type SetUp, setUpPlace } from '../factors/set-up-codes.ts'
import { pendingTotp } from '../factors/set-up-totp.ts'
import { type ApiCall, apiRoute } from '../http/api-route.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { factorSchema, listSchema, pendingSchema, sentSchema } from './factor-schemas.ts'

const base = '/api/v1/users/me/factors'

type Plain = ApiCall<unknown, unknown>
type Answer = Promise<Reply | Denial>

/** Where the codes of this person may be typed: their browser, or the application that calls for them. */
const holderOf = ({ browser, sid, client_id }: PersonPrincipal): string =>
  browser?.browser ?? `token|${client_id ?? ''}|${sid ?? ''}`

const wire = ({ created_at, last_used_at, ...rest }: OwnFactor) => ({
  ...rest,
  created_at: created_at.toISOString(),
  last_used_at: last_used_at?.toISOString() ?? null,
})

const list = async (ctx: Ctx, { person: { subject } }: Plain): Answer => {
  const [factors, codes] = await Promise.all([
    listFactors(ctx.db, subject.id, subject.email),
    countBackupCodes(ctx.db, subject.id),
  ])
  const backup_codes = { left: codes?.left ?? 0, created_at: codes?.created_at.toISOString() ?? null }
  return json({ factors: factors.map(wire), backup_codes })
}

/** After a proof that is young enough (security rule LI-4). */
const fresh =
  <B>(handler: (ctx: Ctx, call: ApiCall<B, unknown>) => Answer) =>
  async (ctx: Ctx, call: ApiCall<B, unknown>): Answer =>
    requireFresh(ctx, call.request, call.person) ?? (await handler(ctx, call))

const beginBody = z.strictObject({
  kind: z.enum(['totp', 'sms', 'email']),
  phone_number: z.string().max(100).optional(),
})

/** Begins the set-up of one: a secret for an app, or a first code on its way. */
const begin = async (ctx: Ctx, { request, person, body }: ApiCall<z.infer<typeof beginBody>, unknown>): Answer => {
  const { kind } = body
  if (!ctx.config.factors.includes(kind) || (kind !== 'totp' && !canSend(ctx, kind))) return switchedOff(kind)
  if (kind === 'totp') {
    const pending = await pendingTotp(ctx, person.subject, request.now)
    if (isDenial(pending)) return pending
    const { id, secret, uri: otpauth_uri } = pending
    return json({ status: 'pending', kind, id, secret, otpauth_uri }, 201)
  }
  const setUp = setUpOf(person, kind, request.now)
  const typed = body.phone_number ?? ''
  const denial = await sendFirstCode(ctx, request, { setUp, owner: person.subject, typed, credential: '' })
  if (denial) return denial
  const sent = await sentCode(ctx.db, setUpPlace(setUp))
  return json({ status: 'code_sent', kind, destination: sent?.address ?? null }, 202)
}

const setUpOf = (person: PersonPrincipal, channel: 'email' | 'sms', now: Date): SetUp => ({
  user_id: person.subject.id,
  channel,
  browser: holderOf(person),
  within: person.sid ?? '',
  now,
})

const confirmBody = z.strictObject({
  kind: z.enum(['totp', 'sms', 'email']),
  id: z.string().max(100).optional(),
  name: z.string().max(200).optional(),
  code: z.string().max(100),
})

type Confirmed = z.infer<typeof confirmBody>

/** The first right code: from here on the factor counts. */
const confirm = async (ctx: Ctx, { request, person, body }: ApiCall<Confirmed, unknown>): Answer => {
  const { kind, code } = body
  const denial =
    kind === 'totp'
      ? await confirmApp(ctx, request, person, body)
      : await prove(ctx, request, person, { channel: kind, code })
  return denial ?? (await added(ctx, person, body))
}

const confirmApp = async (
  ctx: Ctx,
  request: HttpRequest,
  { subject }: PersonPrincipal,
  { id = '', name, code }: Confirmed,
): Promise<Denial | undefined> => {
  const called = typedName(name ?? 'Authenticator app')
  return called === undefined
    ? invalidName
    : await addTotp(ctx, request, { user_id: subject.id, id, name: called, code })
}

const prove = async (
  ctx: Ctx,
  request: HttpRequest,
  person: PersonPrincipal,
  { channel, code }: { channel: 'sms' | 'email'; code: string },
): Promise<Denial | undefined> => {
  const address = await proveAddress(ctx, setUpOf(person, channel, request.now), code)
  if (isDenial(address)) return address
  return await addChannel(ctx, request, { user_id: person.subject.id, sid: person.sid, channel, address })
}

const added = async (ctx: Ctx, { subject }: PersonPrincipal, { kind, id }: Confirmed): Answer => {
  const factors = await listFactors(ctx.db, subject.id, subject.email)
  const factor = factors.find((one) => one.kind === kind && (kind !== 'totp' || one.id === id))
  return factor === undefined ? missing : json(wire(factor), 201)
}

const nameBody = z.strictObject({ name: z.string().max(200) })

const rename = async (ctx: Ctx, call: ApiCall<z.infer<typeof nameBody>, unknown>): Answer => {
  const { request, body, params } = call
  const { subject } = call.person
  const name = typedName(body.name)
  if (name === undefined) return invalidName
  const id = params['id'] ?? ''
  const denial = await renameFactor(ctx, request, { user_id: subject.id, id, name })
  if (denial) return denial
  const factor = (await listFactors(ctx.db, subject.id, subject.email)).find((one) => one.id === id)
  return factor === undefined ? missing : json(wire(factor))
}

const removingOf = async (ctx: Ctx, request: HttpRequest, person: PersonPrincipal): Promise<Removing | Denial> => {
  const { subject, sid = '', browser } = person
  // What a token's sign-in proved it does not say: then the password counts as used.
  const amr = browser ? person.amr : ['pwd']
  const factors = await listFactors(ctx.db, subject.id, subject.email)
  const factor = factors.find((one) => one.id === request.pathParams['id'])
  if (factor === undefined) return missing
  return { request, user_id: subject.id, session_id: sid, holder: holderOf(person), amr, factor }
}

/** Without a body: right after a sign-in with a passkey. Otherwise `…/remove` takes the proof (security rule MF-4). */
const removeAtOnce = async (ctx: Ctx, { request, person }: Plain): Answer => {
  const removing = await removingOf(ctx, request, person)
  if (isDenial(removing)) return removing
  return (await removeWithProof(ctx, removing, { kind: undefined, code: '' })) ?? empty(204)
}

const removeBody = z.strictObject({ kind: z.enum(factorKinds), code: z.string().max(4096).optional() })

const remove = async (ctx: Ctx, { request, person, body }: ApiCall<z.infer<typeof removeBody>, unknown>): Answer => {
  const removing = await removingOf(ctx, request, person)
  if (isDenial(removing)) return removing
  return (await removeWithProof(ctx, removing, { kind: body.kind, code: body.code ?? '' })) ?? empty(204)
}

const sendBody = z.strictObject({ kind: z.enum(['email', 'sms']) })

const send = async (ctx: Ctx, { request, person, body }: ApiCall<z.infer<typeof sendBody>, unknown>): Answer => {
  const removing = await removingOf(ctx, request, person)
  if (isDenial(removing)) return removing
  return (await sendRemovalCode(ctx, removing, body.kind)) ?? json({ status: 'code_sent', kind: body.kind }, 202)
}

const codes = async (ctx: Ctx, { request, person: { subject, sid } }: Plain): Answer => {
  const made = await makeBackupCodes(ctx, request, { user_id: subject.id, sid })
  return isDenial(made) ? made : json({ codes: made }, 201)
}

const switchedOff = (kind: string): Denial =>
  deny(
    'access_denied',
    'This kind of second step is switched off here.',
    {
      rule: 'the operator allows the kind (KEYWRIGHT_FACTORS) and a way to send it',
      expected: `${kind} among the factors, and a way out`,
      got: 'one of them is missing',
    },
    { status: 403 },
  )

const invalidName: Denial = deny('invalid_name', 'A name has 1 to 60 characters.', {
  rule: 'a factor has a name',
  expected: '1 to 60 characters',
  got: 'none, or more',
})

const own = { tag: 'Second steps', may: 'self' } as const
const login = { ...own, limit: 'login' } as const
export const factorsApiRoutes = [
  apiRoute({
    ...own,
    method: 'GET',
    path: base,
    summary: "A person's second steps",
    answers: { 200: listSchema },
    handler: list,
  }),
  apiRoute({
    ...login,
    method: 'POST',
    path: base,
    summary: 'Begin to set a second step up',
    body: beginBody,
    answers: { 201: pendingSchema, 202: sentSchema },
    refuses: [409, 422],
    handler: fresh(begin),
  }),
  apiRoute({
    ...login,
    method: 'POST',
    path: `${base}/confirm`,
    summary: 'Add a second step by its first code',
    body: confirmBody,
    answers: { 201: factorSchema },
    refuses: [404, 409, 422],
    handler: fresh(confirm),
  }),
  apiRoute({
    ...login,
    method: 'POST',
    path: `${base}/backup-codes`,
    summary: 'Make ten new backup codes; the old ones are void',
    answers: { 201: z.object({ codes: z.array(z.string()).describe('shown now and never again') }) },
    refuses: [409],
    handler: fresh(codes),
  }),
  apiRoute({
    ...own,
    method: 'PATCH',
    path: `${base}/:id`,
    summary: 'Give an authenticator another name',
    body: nameBody,
    answers: { 200: factorSchema },
    handler: rename,
  }),
  apiRoute({
    ...login,
    method: 'POST',
    path: `${base}/:id/remove`,
    summary: 'Remove a second step with another one',
    body: removeBody,
    answers: { 204: 'empty' },
    handler: fresh(remove),
  }),
  apiRoute({
    ...login,
    method: 'POST',
    path: `${base}/:id/remove/send`,
    summary: 'Have a code sent that confirms a removal',
    body: sendBody,
    answers: { 202: z.object({ status: z.literal('code_sent'), kind: z.enum(['email', 'sms']) }) },
    handler: fresh(send),
  }),
  apiRoute({
    ...own,
    method: 'DELETE',
    path: `${base}/:id`,
    summary: 'Remove a second step after a sign-in with a passkey',
    answers: { 204: 'empty' },
    handler: fresh(removeAtOnce),
  }),
]
