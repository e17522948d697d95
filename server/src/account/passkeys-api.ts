/** Owns a person's passkeys as JSON: what the page of them does, for a script of ours or an application. */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import {
  addPasskey,
  creationOptions,
  type Keeper,
  passkeysOf,
  type PasskeyView,
  removePasskey,
  renamePasskey,
} from '../factors/passkey-keeping.ts'
import { passkeysOn, switchedOff } from '../factors/passkeys.ts'
import { refuse } from '../http/errors.ts'
import { readBody } from '../http/json-body.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Route, route } from '../http/route.ts'
import { isDenial } from '../protocol/errors.ts'

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

type Handler = (ctx: Ctx, request: HttpRequest, person: PersonPrincipal) => Promise<Reply>

const list: Handler = async (ctx, _request, person) =>
  json({ passkeys: (await passkeysOf(ctx, person.subject.id)).map(wire) })

const options: Handler = async (ctx, request, person) => {
  const denial = requireFresh(ctx, request, person) ?? (passkeysOn(ctx) ? undefined : switchedOff)
  if (denial) return refuse(ctx, denial, 'problem', { route: `${base}/options`, request })
  return json(await creationOptions(ctx, request, keeperOf(person)))
}

const newBody = z.strictObject({ credential: z.unknown(), name: z.string().max(200).optional() })

const add: Handler = async (ctx, request, person) => {
  const where = { route: base, request }
  const stale = requireFresh(ctx, request, person)
  if (stale) return refuse(ctx, stale, 'problem', where)
  const body = readBody(newBody, request)
  if (isDenial(body)) return refuse(ctx, body, 'problem', where)
  const keeper = keeperOf(person)
  const added = await addPasskey(ctx, request, { keeper, sid: person.sid, sent: body.credential, name: body.name })
  if (isDenial(added)) return refuse(ctx, added, 'problem', where)
  return json(wire(added), 201, { headers: { location: `${ctx.config.issuer}${base}/${added.id}` } })
}

const nameBody = z.strictObject({ name: z.string().max(200) })

const rename: Handler = async (ctx, request, { subject }) => {
  const where = { route: `${base}/:id`, request }
  const body = readBody(nameBody, request)
  if (isDenial(body)) return refuse(ctx, body, 'problem', where)
  const id = request.pathParams['id'] ?? ''
  const denial = await renamePasskey(ctx, request, { user_id: subject.id, id, name: body.name })
  if (denial) return refuse(ctx, denial, 'problem', where)
  const renamed = (await passkeysOf(ctx, subject.id)).find((one) => one.id === id)
  return json(renamed && wire(renamed))
}

const remove: Handler = async (ctx, request, person) => {
  const { subject, amr } = person
  const stale = requireFresh(ctx, request, person)
  const id = request.pathParams['id'] ?? ''
  const denial = stale ?? (await removePasskey(ctx, request, { user_id: subject.id, amr, id }))
  return denial ? refuse(ctx, denial, 'problem', { route: `${base}/:id`, request }) : empty(204)
}

type Own = Pick<Route, 'method' | 'path' | 'summary' | 'accepts'> & { handler: Handler }

const own = ({ accepts, ...rest }: Own): Route =>
  route({ ...rest, ...(accepts && { accepts }), auth: 'person', may: 'self', errors: 'problem' })

export const passkeysApiRoutes = [
  own({ method: 'GET', path: base, summary: "A person's passkeys", handler: list }),
  own({
    method: 'POST',
    path: `${base}/options`,
    accepts: 'json',
    summary: 'What to ask a browser for a new passkey (WebAuthn PublicKeyCredentialCreationOptionsJSON)',
    handler: options,
  }),
  own({
    method: 'POST',
    path: base,
    accepts: 'json',
    summary: 'Keep a passkey that a browser has made (WebAuthn RegistrationResponseJSON)',
    handler: add,
  }),
  own({
    method: 'PATCH',
    path: `${base}/:id`,
    accepts: 'json',
    summary: 'Give a passkey another name',
    handler: rename,
  }),
  own({ method: 'DELETE', path: `${base}/:id`, summary: 'Remove a passkey', handler: remove }),
]
