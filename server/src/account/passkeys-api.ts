/** Owns a person's passkeys as JSON: what the page of them does, for a script of ours or an application. */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import {
  addPasskey,
  creationOptions,
  type Keeper,
  missing,
  passkeysOf,
  type PasskeyView,
  removePasskey,
  renamePasskey,
} from '../factors/passkey-keeping.ts'
import { creationOptionsSchema } from '../factors/passkey-schemas.ts'
import { passkeysOn, switchedOff } from '../factors/passkeys.ts'
import { type ApiCall, apiRoute, instant } from '../http/api-route.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'

const base = '/api/v1/users/me/passkeys'

/** Both halves of a registration come from the same browser, or for the same sign-in through the same application. */
const keeperOf = ({ subject, browser, sid, client_id }: PersonPrincipal): Keeper => ({
  ...subject,
  bound_to: browser?.browser ?? `token|${client_id ?? ''}|${sid ?? ''}`,
})

const wire = ({ created_at, last_used_at, ...rest }: PasskeyView) => ({
  ...rest,
  created_at: created_at.toISOString(),
  last_used_at: last_used_at?.toISOString() ?? null,
})

const passkeySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    created_at: instant,
    last_used_at: instant.nullable(),
    synced: z.boolean().describe('it is copied to other devices of its owner'),
    discoverable: z
      .boolean()
      .nullable()
      .describe('whether it can sign in by itself; null where the browser did not say'),
  })
  .meta({ id: 'Passkey' })

type Answer = Promise<Reply | Denial>

const list = async (ctx: Ctx, { person }: ApiCall<unknown, unknown>): Answer =>
  json({ passkeys: (await passkeysOf(ctx, person.subject.id)).map(wire) })

const options = async (ctx: Ctx, { request, person }: ApiCall<unknown, unknown>): Answer =>
  requireFresh(ctx, request, person) ??
  (passkeysOn(ctx) ? json(await creationOptions(ctx, request, keeperOf(person))) : switchedOff)

const newBody = z.strictObject({
  credential: z.unknown().describe('WebAuthn §5.1 RegistrationResponseJSON'),
  name: z.string().max(200).optional(),
})

const add = async (ctx: Ctx, { request, person, body }: ApiCall<z.infer<typeof newBody>, unknown>): Answer => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  const keeper = keeperOf(person)
  const added = await addPasskey(ctx, request, { keeper, sid: person.sid, sent: body.credential, name: body.name })
  if (isDenial(added)) return added
  return json(wire(added), 201, { headers: { location: `${ctx.config.issuer}${base}/${added.id}` } })
}

const nameBody = z.strictObject({ name: z.string().max(200) })

const rename = async (ctx: Ctx, call: ApiCall<z.infer<typeof nameBody>, unknown>): Answer => {
  const { request, person, body, params } = call
  const { id: user_id } = person.subject
  const id = params['id'] ?? ''
  const denial = await renamePasskey(ctx, request, { user_id, id, name: body.name })
  if (denial) return denial
  const renamed = (await passkeysOf(ctx, user_id)).find((one) => one.id === id)
  return renamed === undefined ? missing : json(wire(renamed))
}

const remove = async (ctx: Ctx, { request, person, params }: ApiCall<unknown, unknown>): Answer => {
  const { subject, amr } = person
  const stale = requireFresh(ctx, request, person)
  return (
    stale ?? (await removePasskey(ctx, request, { user_id: subject.id, amr, id: params['id'] ?? '' })) ?? empty(204)
  )
}

const own = { tag: 'Passkeys', may: 'self' } as const

export const passkeysApiRoutes = [
  apiRoute({
    ...own,
    method: 'GET',
    path: base,
    summary: "A person's passkeys",
    answers: { 200: z.object({ passkeys: z.array(passkeySchema) }) },
    handler: list,
  }),
  apiRoute({
    ...own,
    method: 'POST',
    path: `${base}/options`,
    summary: 'What to ask a browser for a new passkey (WebAuthn PublicKeyCredentialCreationOptionsJSON)',
    answers: { 200: creationOptionsSchema },
    handler: options,
  }),
  apiRoute({
    ...own,
    method: 'POST',
    path: base,
    summary: 'Keep a passkey that a browser has made (WebAuthn RegistrationResponseJSON)',
    body: newBody,
    answers: { 201: passkeySchema },
    refuses: [409],
    handler: add,
  }),
  apiRoute({
    ...own,
    method: 'PATCH',
    path: `${base}/:id`,
    summary: 'Give a passkey another name',
    body: nameBody,
    answers: { 200: passkeySchema },
    handler: rename,
  }),
  apiRoute({
    ...own,
    method: 'DELETE',
    path: `${base}/:id`,
    summary: 'Remove a passkey',
    answers: { 204: 'empty' },
    refuses: [409],
    handler: remove,
  }),
]
