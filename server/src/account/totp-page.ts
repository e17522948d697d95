/** Owns the page on which an authenticator app is set up (security rules LI-4, MF-2). */
import type { Ctx } from '../ctx.ts'
import { addTotp } from '../factors/keeping.ts'
import { typedName } from '../factors/passkey-names.ts'
import { pendingTotp } from '../factors/set-up-totp.ts'
import { totpView } from '../factors/views.ts'
import { csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { deny, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { ownForms } from '../sessions/cookie.ts'
import { afterAdding } from './backup-codes-page.ts'
import { factorsPath } from './factors-page.ts'
import { fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/factors/totp'

type Shown = Pick<PageData['factor-totp'], 'name' | 'error'>

const draw = async (ctx: Ctx, request: HttpRequest, own: Own, shown: Shown): Promise<Reply> => {
  const pending = ctx.config.factors.includes('totp') ? await pendingTotp(ctx, own.subject, request.now) : switchedOff
  if (isDenial(pending)) return refuse(ctx, pending, 'page', { route: path, request })
  const data: PageData['factor-totp'] = {
    ...totpView(pending),
    ...shown,
    action: pathOf(ctx, path),
    csrf: csrfToken(ctx, own.browser, ownForms(own)),
    back: pathOf(ctx, factorsPath),
  }
  return page('factor-totp', data, shown.error === undefined ? 200 : 401, withCookies(own))
}

/** A factor of a kind that the operator does not allow. */
const switchedOff = deny(
  'access_denied',
  'This kind of second step is switched off here.',
  { rule: 'the operator allows the kind (KEYWRIGHT_FACTORS)', expected: 'totp among the factors', got: 'without it' },
  { status: 403 },
)

const confirm = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const typed = param(request.form, 'name') ?? ''
  const name = typedName(typed)
  if (name === undefined) return await draw(ctx, request, own, { name: typed.slice(0, 200), error: 'name' })
  const facts = { id: param(request.form, 'id') ?? '', code: param(request.form, 'code') ?? '', name }
  const user_id = own.subject.id
  const refused = await addTotp(ctx, request, { ...facts, user_id })
  return refused ? await draw(ctx, request, own, { name, error: 'wrong_code' }) : await afterAdding(ctx, user_id)
}

export const totpRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'Set an authenticator app up',
    handler: signedIn(
      path,
      fresh(path, async (ctx, request, own) => await draw(ctx, request, own, { name: '' })),
    ),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Add an authenticator app by its first code',
    handler: ownForm(path, fresh(path, confirm)),
  }),
]
