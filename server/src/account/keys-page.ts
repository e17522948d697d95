/** Owns the page of a person's API keys: what they have, a new one that is shown once, off and on, the end of one (security rule AK-1). */
import {
  createKey,
  type KeyActor,
  type KeyRow,
  listKeys,
  noSuchKey,
  removeKey,
  setKeyStatus,
} from '../api-keys/manage.ts'
import { keyView } from '../api-keys/view.ts'
import type { Ctx } from '../ctx.ts'
import { callerOf } from '../events/record.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, isDenial, statusOf } from '../protocol/errors.ts'
import { param, paramAll } from '../protocol/params.ts'
import { accountFrame, fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/keys'
/** How long a new key may live, in days; what the deployment does not allow is not offered. */
const lives = [7, 30, 90, 365]
const dayMs = 86_400_000

type Told = { denial?: Denial; made?: { name: string; key: string } }

const draw = async (ctx: Ctx, request: HttpRequest, own: Own, { denial, made }: Told = {}): Promise<Reply> => {
  const rows = await listKeys(ctx.db, { owner_id: own.subject.id, limit: 200, after: undefined })
  const data: PageData['account-keys'] = {
    ...accountFrame(ctx, request, own, 'security'),
    keys: rows.map((row) => ({
      id: row.id,
      name: row.name,
      masked: keyView(row).masked,
      rights: [...row.roles, ...row.permissions].map(({ name }) => name),
      state: stateOf(row, request.now),
      expires_at: row.expires_at,
      last_used_at: row.last_used_at,
    })),
    permissions: own.subject.permissions,
    days: lives.filter((days) => days <= ctx.config.api_key_max_days),
    make: pathOf(ctx, path),
    change: pathOf(ctx, `${path}/switch`),
    remove: pathOf(ctx, `${path}/delete`),
    back: pathOf(ctx, '/account/security'),
    ...(made && { made }),
    ...(denial && { error: errors.find((code) => code === denial.error) ?? 'invalid_request' }),
  }
  return page('account-keys', data, denial ? statusOf(denial) : 200, withCookies(own))
}

const stateOf = ({ expires_at, status }: KeyRow, now: Date): 'active' | 'inactive' | 'expired' => {
  if (expires_at <= now) return 'expired'
  return status === 'active' ? 'active' : 'inactive'
}

const errors = ['invalid_request', 'beyond_ceiling', 'too_many_keys', 'not_found'] as const

const refused = async (ctx: Ctx, request: HttpRequest, own: Own, denial: Denial): Promise<Reply> => {
  ctx.decisions.record(denial, { route: path, request_id: request.request_id, now: request.now })
  return await draw(ctx, request, own, { denial })
}

const actorOf = (request: HttpRequest, { subject }: Own): KeyActor => ({
  by: { actor_id: subject.id, ...callerOf(request) },
  giver: subject,
  request,
  now: request.now,
})

/** No redirect: the key is in this answer and nowhere else. */
const make = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const days = Number(param(request.form, 'days') ?? 0)
  const name = param(request.form, 'name') ?? ''
  const wish = {
    owner_id: own.subject.id,
    name,
    ...(lives.includes(days) && { expires_at: new Date(request.now.getTime() + days * dayMs) }),
    rights: { by: 'name' as const, roles: [], permissions: paramAll(request.form, 'permission') },
  }
  const made = await createKey(ctx, wish, actorOf(request, own))
  if (isDenial(made)) return await refused(ctx, request, own, made)
  return await draw(ctx, request, own, { made: { name: made.row.name, key: made.key } })
}

/** Of a key of one's own; another's is not there. */
const guardOf = (own: Own) => (row: { owner_id: string }) => (row.owner_id === own.subject.id ? undefined : noSuchKey)

const change = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const status = param(request.form, 'to') === 'active' ? 'active' : 'inactive'
  const id = param(request.form, 'id') ?? ''
  const done = await setKeyStatus(ctx, { id, status, guard: guardOf(own) }, actorOf(request, own))
  return isDenial(done) ? await refused(ctx, request, own, done) : redirectLocal(`${path}?done=key_${status}`)
}

const remove = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const id = param(request.form, 'id') ?? ''
  const denial = await removeKey(ctx, { id, guard: guardOf(own) }, actorOf(request, own))
  return denial ? await refused(ctx, request, own, denial) : redirectLocal(`${path}?done=key_deleted`)
}

export const keysRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: "A person's API keys",
    handler: signedIn(path, async (ctx, request, own) => await draw(ctx, request, own)),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Make an API key, and show it once',
    handler: ownForm(path, fresh(path, make)),
  }),
  route({
    method: 'POST',
    path: `${path}/switch`,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Switch an API key off or on',
    handler: ownForm(path, change),
  }),
  route({
    method: 'POST',
    path: `${path}/delete`,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Delete an API key',
    handler: ownForm(path, remove),
  }),
]
