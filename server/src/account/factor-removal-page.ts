/**
 * Owns the page on which a second step is taken away: after a fresh proof, and with another factor than the one that goes (security
 * rules LI-4, MF-4). What counts as one, factors/removal.ts says. Start reading at `removalRoutes`.
 */
import type { Ctx } from '../ctx.ts'
import { destinationOf } from '../factors/destination.ts'
import { listFactors, missing, type OwnFactor } from '../factors/keeping.ts'
import { passkeysOf } from '../factors/passkey-keeping.ts'
import { type FactorKind, factorKinds } from '../factors/policy.ts'
import { proofNeeded, removalCode, removeWithProof, type Removing, sendRemovalCode } from '../factors/removing.ts'
import type { RemovalProof } from '../factors/removal.ts'
import { codeErrorOf } from '../factors/views.ts'
import { csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import type { Denial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { ownForms } from '../sessions/cookie.ts'
import { factorsPath, removalPath } from './factors-page.ts'
import { fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/factors/remove/:kind/:id'

type Handler = (ctx: Ctx, request: HttpRequest, own: Own, removing: Removing) => Promise<Reply>

/** For one of the person's own, after a proof that is young enough; whoever has to prove it comes back to the same page. */
const ofOwn =
  (handler: Handler) =>
  async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
    const { kind, id } = request.pathParams
    const factors = await listFactors(ctx.db, own.subject.id, own.subject.email)
    const factor = factors.find((one) => one.kind === kind && one.id === id)
    if (factor === undefined) return refuse(ctx, missing, 'page', { route: path, request })
    const removing = { ...removingOf(own, request), factor }
    return await fresh(removalPath(factor), async () => await handler(ctx, request, own, removing))(ctx, request, own)
  }

const removingOf = ({ session, browser }: Own, request: HttpRequest) => ({
  request,
  user_id: session.user_id,
  session_id: session.id,
  holder: browser,
  amr: session.amr,
})

type Shown = { kind?: FactorKind | undefined; denial?: Denial }

const draw = async (ctx: Ctx, own: Own, removing: Removing, { kind, denial }: Shown = {}): Promise<Reply> => {
  const { factor, user_id } = removing
  const needed = await proofNeeded(ctx, removing)
  const kinds = needed.proof === 'factor' ? needed.kinds : []
  const chosen = kind !== undefined && kinds.includes(kind) ? kind : kinds[0]
  const here = pathOf(ctx, removalPath(factor))
  const passkeys = await passkeysOf(ctx, user_id)
  const data: PageData['factor-remove'] = {
    action: here,
    csrf: csrfToken(ctx, own.browser, ownForms(own)),
    factor: { kind: factor.kind, name: factor.name },
    proof: needed.proof,
    ...(await sentView(ctx, removing, { needed, chosen })),
    ...(chosen !== undefined && { kind: chosen }),
    others: kinds.filter((one) => one !== chosen).map((one) => ({ kind: one, href: `${here}?kind=${one}` })),
    ...(passkeys.length > 0 && needed.proof !== 'given' && { passkey: againPath(ctx, factor) }),
    back: pathOf(ctx, factorsPath),
    ...(denial && { error: errorOf(denial) }),
  }
  return page('factor-remove', data, denial ? (denial.status ?? 401) : 200, withCookies(own))
}

/** A sign-in with a passkey proves it, too. */
const againPath = (ctx: Ctx, factor: OwnFactor): string =>
  pathOf(ctx, `/login?again=1&return_to=${encodeURIComponent(removalPath(factor))}`)

const errorOf = (denial: Denial) => {
  const error = codeErrorOf(denial)
  return error === 'invalid_phone' ? 'wrong_code' : error
}

type Asked = { needed: RemovalProof; chosen: FactorKind | undefined }

const sentView = async (ctx: Ctx, removing: Removing, { needed, chosen }: Asked) => {
  const channel = needed.proof === 'mail' ? 'email' : chosen
  if (channel !== 'email' && channel !== 'sms') return { sent: true }
  const [to, sent] = await Promise.all([destinationOf(ctx.db, removing.user_id, channel), removalCode(ctx, removing)])
  return { sent: sent?.data['channel'] === channel, ...(to && { destination: to.shown }) }
}

const kindOf = (text: string | undefined): FactorKind | undefined => factorKinds.find((one) => one === text)

const show: Handler = async (ctx, request, own, removing) =>
  await draw(ctx, own, removing, { kind: kindOf(param(request.query, 'kind')) })

const remove: Handler = async (ctx, request, own, removing) => {
  const kind = kindOf(param(request.form, 'kind'))
  if (request.form.has('send')) {
    const denial = await sendRemovalCode(ctx, removing, kind ?? 'email')
    if (denial) return await draw(ctx, own, removing, { kind, denial })
    return redirectLocal(`${removalPath(removing.factor)}${kind === undefined ? '' : `?kind=${kind}`}`)
  }
  const code = (param(request.form, 'code') ?? '').slice(0, 4096)
  const denial = await removeWithProof(ctx, removing, { kind, code })
  if (denial) return await draw(ctx, own, removing, { kind, denial })
  return redirectLocal(`${factorsPath}?done=factor_removed`)
}

export const removalRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'Remove a second step: what has to be proved for it',
    handler: signedIn(factorsPath, ofOwn(show)),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Remove a second step with another one',
    handler: ownForm(factorsPath, ofOwn(remove)),
  }),
]
