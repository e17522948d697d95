/** Owns the page of a person's passkeys: what they have, a new one, another name, the end of one. */
import type { Ctx } from '../ctx.ts'
import { addPasskey, passkeysOf, removePasskey, renamePasskey } from '../factors/passkey-keeping.ts'
import { passkeysOn } from '../factors/passkeys.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, isDenial, statusOf } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { accountFrame, fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/passkeys'

const draw = async (ctx: Ctx, request: HttpRequest, own: Own, denial?: Denial): Promise<Reply> => {
  const passkeys = await passkeysOf(ctx, own.session.user_id)
  const again = pathOf(ctx, `/login?again=1&return_to=${encodeURIComponent(path)}`)
  const data: PageData['account-passkeys'] = {
    ...accountFrame(ctx, request, own, 'security'),
    passkeys,
    ...(passkeysOn(ctx) && {
      add: { action: pathOf(ctx, path), options: pathOf(ctx, '/api/v1/users/me/passkeys/options') },
    }),
    rename: pathOf(ctx, '/account/passkeys/rename'),
    remove: pathOf(ctx, '/account/passkeys/remove'),
    again,
    ...(denial && { error: denial.error as NonNullable<PageData['account-passkeys']['error']> }),
  }
  return page('account-passkeys', data, denial ? statusOf(denial) : 200, withCookies(own))
}

const refused = async (ctx: Ctx, request: HttpRequest, own: Own, denial: Denial): Promise<Reply> => {
  ctx.decisions.record(denial, { route: path, request_id: request.request_id, now: request.now })
  return await draw(ctx, request, own, denial)
}

const add = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const keeper = { ...own.subject, bound_to: own.browser }
  const added = await addPasskey(ctx, request, { keeper, sid: own.session.id, sent: param(request.form, 'credential') })
  return isDenial(added) ? await refused(ctx, request, own, added) : redirectLocal(`${path}?done=passkey_added`)
}

const rename = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const [id, name] = [param(request.form, 'id') ?? '', param(request.form, 'name') ?? '']
  const denial = await renamePasskey(ctx, request, { user_id: own.session.user_id, id, name })
  return denial ? await refused(ctx, request, own, denial) : redirectLocal(`${path}?done=passkey_renamed`)
}

const remove = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { user_id, amr } = own.session
  const denial = await removePasskey(ctx, request, { user_id, amr, id: param(request.form, 'id') ?? '' })
  return denial ? await refused(ctx, request, own, denial) : redirectLocal(`${path}?done=passkey_removed`)
}

export const passkeysRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: "A person's passkeys",
    handler: signedIn(path, async (ctx, request, own) => await draw(ctx, request, own)),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Keep a passkey that the browser has made',
    handler: ownForm(path, fresh(path, add)),
  }),
  route({
    method: 'POST',
    path: '/account/passkeys/rename',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Give a passkey another name',
    handler: ownForm(path, rename),
  }),
  route({
    method: 'POST',
    path: '/account/passkeys/remove',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Remove a passkey',
    handler: ownForm(path, fresh(path, remove)),
  }),
]
