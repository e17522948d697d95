/** Owns the page of a person's second steps: what there is, what can be added, other names. */
import type { Ctx } from '../ctx.ts'
import { countBackupCodes } from '../factors/backup-codes.ts'
import { canSend } from '../factors/destination.ts'
import { listFactors, type OwnFactor, renameFactor } from '../factors/keeping.ts'
import { passkeysOf } from '../factors/passkey-keeping.ts'
import { typedName } from '../factors/passkey-names.ts'
import { passkeysOn } from '../factors/passkeys.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { param } from '../protocol/params.ts'
import { accountFrame, type Own, ownForm, signedIn, withCookies } from './frame.ts'

/** The list, where everything about second steps comes back to. */
export const factorsPath = '/account/factors'

const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { id: user_id, email } = own.subject
  const [factors, backup, passkeys] = await Promise.all([
    listFactors(ctx.db, user_id, email),
    countBackupCodes(ctx.db, user_id),
    passkeysOn(ctx) ? passkeysOf(ctx, user_id) : undefined,
  ])
  const data: PageData['account-factors'] = {
    ...accountFrame(ctx, request, own, 'security'),
    factors: factors.map((factor) => ({ ...viewOf(factor), remove: pathOf(ctx, removalPath(factor)) })),
    ...(passkeys && { passkeys: { count: passkeys.length, href: pathOf(ctx, '/account/passkeys') } }),
    ...(backup && { backup_codes: backup }),
    new_codes: pathOf(ctx, '/account/factors/backup-codes'),
    add: addable(ctx, own, factors).map((kind) => ({ kind, href: pathOf(ctx, `/account/factors/${kind}`) })),
    rename: pathOf(ctx, '/account/factors/rename'),
  }
  return page('account-factors', data, 200, withCookies(own))
}

const viewOf = ({ last_used_at, ...rest }: OwnFactor) => ({ ...rest, ...(last_used_at !== null && { last_used_at }) })

/** Where one is removed. */
export const removalPath = ({ kind, id }: Pick<OwnFactor, 'kind' | 'id'>): `/account/factors/${string}` =>
  `/account/factors/remove/${kind}/${id}`

/** What this person can add: what the operator allows and can be sent, and is not there already. */
const addable = (ctx: Ctx, { subject }: Own, factors: readonly OwnFactor[]): OwnFactor['kind'][] => {
  const has = (kind: OwnFactor['kind']): boolean => factors.some((factor) => factor.kind === kind)
  const possible = {
    totp: true,
    sms: canSend(ctx, 'sms'),
    email: canSend(ctx, 'email') && !has('email') && subject.email !== null && subject.email_verified,
  }
  return (['totp', 'sms', 'email'] as const).filter((kind) => ctx.config.factors.includes(kind) && possible[kind])
}

const rename = async (ctx: Ctx, request: HttpRequest, { subject }: Own): Promise<Reply> => {
  const name = typedName(param(request.form, 'name') ?? '')
  const id = param(request.form, 'id') ?? ''
  if (name === undefined) return redirectLocal(factorsPath)
  const refused = await renameFactor(ctx, request, { user_id: subject.id, id, name })
  return redirectLocal(refused ? factorsPath : `${factorsPath}?done=factor_renamed`)
}

export const factorsRoutes = [
  route({
    method: 'GET',
    path: factorsPath,
    auth: 'browser',
    errors: 'page',
    summary: "A person's second steps",
    handler: signedIn(factorsPath, show),
  }),
  route({
    method: 'POST',
    path: '/account/factors/rename',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Give an authenticator another name',
    handler: ownForm(factorsPath, rename),
  }),
]
