/** Owns the pages on which codes by mail or text message are chosen: the address is proved by a first one (security rules LI-4, MF-3). */
import type { Ctx } from '../ctx.ts'
import { type Channel, sentCode } from '../factors/codes.ts'
import { canSend } from '../factors/destination.ts'
import { addChannel } from '../factors/keeping.ts'
import { proveAddress, sendFirstCode, type SetUp, setUpPlace } from '../factors/set-up-codes.ts'
import { codeErrorOf } from '../factors/views.ts'
import { csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { ownForms } from '../sessions/cookie.ts'
import { afterAdding } from './backup-codes-page.ts'
import { factorsPath } from './factors-page.ts'
import { fresh, type Own, type OwnPath, ownForm, signedIn, withCookies } from './frame.ts'

const pathOfChannel = (channel: Channel): OwnPath => `/account/factors/${channel}`

const setUpOf = (channel: Channel, { session, browser }: Own, now: Date): SetUp => ({
  user_id: session.user_id,
  channel,
  browser,
  within: session.id,
  now,
})

type Shown = { denial?: Denial; phone?: string }

const draw = async (
  ctx: Ctx,
  request: HttpRequest,
  own: Own,
  { channel, denial, phone }: Shown & { channel: Channel },
): Promise<Reply> => {
  const path = pathOfChannel(channel)
  const isAllowed = ctx.config.factors.includes(channel) && canSend(ctx, channel)
  if (!isAllowed) return refuse(ctx, switchedOff(channel), 'page', { route: path, request })
  const anew = request.query.has('change') || denial?.error === 'invalid_phone'
  const sent = anew ? undefined : await sentCode(ctx.db, setUpPlace(setUpOf(channel, own, request.now)))
  const destination = sent?.address ?? (channel === 'email' ? own.subject.email : null)
  const data: PageData['factor-code'] = {
    action: pathOf(ctx, path),
    csrf: csrfToken(ctx, own.browser, ownForms(own)),
    channel,
    sent: sent !== undefined,
    ...(destination !== null && { destination }),
    ...(phone !== undefined && { phone }),
    ...(channel === 'sms' && sent && { change: pathOf(ctx, `${path}?change=1`) }),
    back: pathOf(ctx, factorsPath),
    ...(denial && { error: codeErrorOf(denial) }),
  }
  return page('factor-code', data, denial ? (denial.status ?? 401) : 200, withCookies(own))
}

const switchedOff = (channel: Channel): Denial =>
  deny(
    'access_denied',
    'This kind of second step is switched off here.',
    {
      rule: 'the operator allows the kind (KEYWRIGHT_FACTORS) and a way to send it',
      expected: `${channel} among the factors, and a way out`,
      got: 'one of them is missing',
    },
    { status: 403 },
  )

const post =
  (channel: Channel) =>
  async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> =>
    request.form.has('send') ? await send(ctx, request, own, channel) : await prove(ctx, request, own, channel)

const send = async (ctx: Ctx, request: HttpRequest, own: Own, channel: Channel): Promise<Reply> => {
  const setUp = setUpOf(channel, own, request.now)
  const again = param(request.form, 'phone') ?? (await sentCode(ctx.db, setUpPlace(setUp)))?.address ?? ''
  const sending = { setUp, owner: own.subject, typed: again, credential: '' }
  const denial = await sendFirstCode(ctx, request, sending)
  if (denial) return await draw(ctx, request, own, { channel, denial, phone: again.slice(0, 60) })
  return redirectLocal(pathOfChannel(channel))
}

const prove = async (ctx: Ctx, request: HttpRequest, own: Own, channel: Channel): Promise<Reply> => {
  const code = (param(request.form, 'code') ?? '').slice(0, 100)
  const address = await proveAddress(ctx, setUpOf(channel, own, request.now), code)
  if (isDenial(address)) return await draw(ctx, request, own, { channel, denial: address })
  const user_id = own.subject.id
  const denial = await addChannel(ctx, request, { user_id, sid: own.session.id, channel, address })
  return denial ? await draw(ctx, request, own, { channel, denial }) : await afterAdding(ctx, user_id)
}

export const codesRoutes = (['email', 'sms'] as const).flatMap((channel) => {
  const path = pathOfChannel(channel)
  const what = channel === 'sms' ? 'text message' : 'mail'
  return [
    route({
      method: 'GET',
      path,
      auth: 'browser',
      errors: 'page',
      summary: `Choose codes by ${what}`,
      handler: signedIn(
        path,
        fresh(path, async (ctx, request, own) => await draw(ctx, request, own, { channel })),
      ),
    }),
    route({
      method: 'POST',
      path,
      auth: 'browser',
      errors: 'page',
      accepts: 'form',
      limit: 'login',
      summary: `Have a first code sent by ${what}, or choose it with that code`,
      handler: ownForm(path, fresh(path, post(channel))),
    }),
  ]
})
