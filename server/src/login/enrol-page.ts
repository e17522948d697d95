/** Owns the pages on which a first second step is set up within a sign-in (security rule MF-1). Start reading at `enrolRoutes`. */
import type { Ctx } from '../ctx.ts'
import { sentCode } from '../factors/codes.ts'
import { typedName } from '../factors/passkey-names.ts'
import { sendFirstCode, setUpPlace } from '../factors/set-up-codes.ts'
import { pendingTotp } from '../factors/set-up-totp.ts'
import { codeErrorOf, totpView } from '../factors/views.ts'
import { csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, isDenial, statusOf } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie, ownFormsOf } from '../sessions/cookie.ts'
import { loadSubject } from '../users/subject.ts'
import {
  type EnrolDue,
  type EnrolKind,
  type Enrolled,
  enrolEmail,
  enrolKinds,
  enrolPasskey,
  enrolSms,
  enrolTotp,
  setUpOf,
} from './enrol.ts'
import { pathOfStep, replyOf } from './reply.ts'
import { overPage, signInExtras, signInFrame, signInPage } from './sign-in-page.ts'
import { stuckPage } from './stuck-page.ts'

const path = '/factor/enrol'

const kindOf = (ctx: Ctx, due: EnrolDue, text: string | undefined): EnrolKind | undefined => {
  const kinds = enrolKinds(ctx, due)
  return kinds.find((kind) => kind === text) ?? (kinds.length === 1 ? kinds[0] : undefined)
}

const show = async (ctx: Ctx, request: HttpRequest, due: EnrolDue): Promise<Reply> => {
  const kind = kindOf(ctx, due, param(request.query, 'kind'))
  if (kind === 'totp') return await totpPage(ctx, request, due, { name: '' })
  if (kind === 'passkey') return await passkeyPage(ctx, due)
  if (kind !== undefined) return await codePage(ctx, request, due, { channel: kind })
  return await choicePage(ctx, request, due)
}

const choicePage = async (ctx: Ctx, request: HttpRequest, due: EnrolDue): Promise<Reply> => {
  const kinds = enrolKinds(ctx, due)
  if (kinds.length === 0) return await stuckPage(ctx, request, due)
  const href = (kind: EnrolKind): string => pathOf(ctx, `${path}?sign_in=${due.row.id}&kind=${kind}`)
  const data: PageData['factor-choose'] = {
    ...(await signInFrame(ctx, due, path)),
    kinds: kinds.map((kind) => ({ kind, href: href(kind) })),
  }
  return page('factor-choose', data, 200, signInExtras(due))
}

type TotpShown = Pick<PageData['factor-totp'], 'name' | 'error'>

const totpPage = async (ctx: Ctx, request: HttpRequest, due: EnrolDue, shown: TotpShown): Promise<Reply> => {
  const owner = await loadSubject(ctx.db, due.row.user_id)
  const pending = owner && (await pendingTotp(ctx, owner, request.now))
  if (pending === undefined) return overPage(ctx, request, path)
  if (isDenial(pending)) return refuse(ctx, pending, 'page', { route: path, request })
  const data = { ...(await signInFrame(ctx, due, path)), ...totpView(pending), ...shown }
  return page('factor-totp', data, shown.error === undefined ? 200 : 401, signInExtras(due))
}

const passkeyPage = async (ctx: Ctx, due: EnrolDue, denial?: Denial): Promise<Reply> => {
  const data: PageData['factor-passkey'] = {
    ...(await signInFrame(ctx, due, path)),
    options: pathOf(ctx, '/api/v1/auth/passkey/options'),
    ...(denial && { error: 'invalid_passkey' as const }),
  }
  return page('factor-passkey', data, denial ? statusOf(denial) : 200, signInExtras(due))
}

type CodeShown = { channel: 'email' | 'sms'; denial?: Denial; phone?: string }

const codePage = async (ctx: Ctx, request: HttpRequest, due: EnrolDue, shown: CodeShown): Promise<Reply> => {
  const { channel, denial, phone } = shown
  const anew = request.query.has('change') || denial?.error === 'invalid_phone'
  const place = setUpPlace(setUpOf(due, channel, request.now))
  const sent = anew || channel === 'email' ? undefined : await sentCode(ctx.db, place)
  const destination = channel === 'email' ? due.standing.email : sent?.address
  const data: PageData['factor-code'] = {
    ...(await signInFrame(ctx, due, path)),
    channel,
    sent: sent !== undefined,
    ...(channel === 'email' && { proved: true }),
    ...(destination != null && { destination }),
    ...(phone !== undefined && { phone }),
    ...(sent && { change: pathOf(ctx, `${path}?sign_in=${due.row.id}&kind=sms&change=1`) }),
    ...(denial && { error: codeErrorOf(denial) }),
  }
  return page('factor-code', data, denial ? (denial.status ?? 401) : 200, signInExtras(due))
}

const post = async (ctx: Ctx, request: HttpRequest, due: EnrolDue): Promise<Reply> => {
  const kind = kindOf(ctx, due, param(request.form, 'kind'))
  if (kind === undefined) return await choicePage(ctx, request, due)
  if (kind === 'totp') return await postTotp(ctx, request, due)
  if (kind === 'passkey') return await postPasskey(ctx, request, due)
  if (kind === 'email') return await finish(ctx, request, due, await enrolEmail(ctx, request, due))
  if (request.form.has('send')) return await sendNumber(ctx, request, due)
  const code = (param(request.form, 'code') ?? '').slice(0, 100)
  const enrolled = await enrolSms(ctx, request, due, code)
  if (isDenial(enrolled)) return await codePage(ctx, request, due, { channel: 'sms', denial: enrolled })
  return await finish(ctx, request, due, enrolled)
}

const postTotp = async (ctx: Ctx, request: HttpRequest, due: EnrolDue): Promise<Reply> => {
  const typed = param(request.form, 'name') ?? ''
  const name = typedName(typed)
  if (name === undefined) return await totpPage(ctx, request, due, { name: typed.slice(0, 200), error: 'name' })
  const facts = { id: param(request.form, 'id') ?? '', code: param(request.form, 'code') ?? '', name }
  const enrolled = await enrolTotp(ctx, request, due, facts)
  if (isDenial(enrolled)) return await totpPage(ctx, request, due, { name, error: 'wrong_code' })
  return await finish(ctx, request, due, enrolled)
}

const postPasskey = async (ctx: Ctx, request: HttpRequest, due: EnrolDue): Promise<Reply> => {
  const enrolled = await enrolPasskey(ctx, request, due, param(request.form, 'credential'))
  if (!isDenial(enrolled)) return await finish(ctx, request, due, enrolled)
  ctx.decisions.record(enrolled, { route: path, request_id: request.request_id, now: request.now })
  return await passkeyPage(ctx, due, enrolled)
}

const sendNumber = async (ctx: Ctx, request: HttpRequest, due: EnrolDue): Promise<Reply> => {
  const setUp = setUpOf(due, 'sms', request.now)
  const phone = param(request.form, 'phone') ?? (await sentCode(ctx.db, setUpPlace(setUp)))?.address ?? ''
  const { email, email_verified, locale } = due.standing
  const owner = { email, email_verified, locale }
  const denial = await sendFirstCode(ctx, request, { setUp, owner, typed: phone, credential: due.row.credential })
  if (denial) return await codePage(ctx, request, due, { channel: 'sms', denial, phone: phone.slice(0, 60) })
  return redirectLocal(`${path}?sign_in=${due.row.id}&kind=sms`)
}

/** On to where the sign-in leads, over the page of the backup codes: nowhere else are they in plain. */
const finish = async (ctx: Ctx, request: HttpRequest, due: EnrolDue, enrolled: Enrolled | Denial): Promise<Reply> => {
  if (isDenial(enrolled)) return refuse(ctx, enrolled, 'page', { route: path, request })
  const { outcome, codes } = enrolled
  const reply = replyOf(ctx, outcome)
  if (reply === undefined) return overPage(ctx, request, path)
  if (codes.length === 0 || (outcome.kind !== 'complete' && outcome.kind !== 'pending')) return reply
  const isIn = outcome.kind === 'complete'
  const next = isIn ? outcome.to : pathOfStep(outcome.sign_in_id, outcome.step)
  const data: PageData['backup-codes'] = {
    codes,
    // The file is for whoever is signed in.
    ...(isIn && {
      download: {
        action: pathOf(ctx, '/account/factors/backup-codes/download'),
        csrf: csrfToken(ctx, due.browser.browser, ownFormsOf(due.row.user_id)),
      },
    }),
    continue_href: pathOf(ctx, next),
  }
  const cookies = isIn ? outcome.cookies : browserCookie(due.browser)
  const log = { user_id: due.row.user_id, login: isIn ? 'succeeded' : 'enrolled' }
  return page('backup-codes', data, 200, { ...signInExtras(due), cookies, log })
}

export const enrolRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'Set a first second step up, within a sign-in that needs one',
    handler: signInPage(path, 'enrol', show),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Prove the new second step, which completes the sign-in',
    handler: signInPage(path, 'enrol', post),
  }),
]
