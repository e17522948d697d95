/** Owns the pages of backup codes: how many are left, new ones, shown once and as a file (security rule MF-4). */
import type { Ctx } from '../ctx.ts'
import { countBackupCodes, makeBackupCodes, plainCode, shownCode } from '../factors/backup-codes.ts'
import { csrfToken } from '../http/csrf.ts'
import { pathOf } from '../http/paths.ts'
import { bytes, page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { ownForms } from '../sessions/cookie.ts'
import { factorsPath } from './factors-page.ts'
import { fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/factors/backup-codes'

/** The way on after a second step was added: to backup codes for whoever has none, else back to the list. */
export const afterAdding = async (ctx: Ctx, user_id: string): Promise<Reply> => {
  const left = (await countBackupCodes(ctx.db, user_id))?.left ?? 0
  return redirectLocal(left === 0 ? `${path}?first=1` : `${factorsPath}?done=factor_added`)
}

const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const counted = await countBackupCodes(ctx.db, own.subject.id)
  const data: PageData['backup-codes-new'] = {
    action: pathOf(ctx, path),
    csrf: csrfToken(ctx, own.browser, ownForms(own)),
    ...(counted && { left: counted.left, created_at: counted.created_at }),
    back: pathOf(ctx, factorsPath),
    is_first: request.query.has('first'),
  }
  return page('backup-codes-new', data, 200, withCookies(own))
}

/** No redirect: the codes are in this answer and nowhere else. */
const make = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const codes = await makeBackupCodes(ctx, request, { user_id: own.subject.id, sid: own.session.id })
  if (isDenial(codes)) return redirectLocal(path)
  const data: PageData['backup-codes'] = {
    codes,
    download: { action: pathOf(ctx, `${path}/download`), csrf: csrfToken(ctx, own.browser, ownForms(own)) },
    continue_href: pathOf(ctx, factorsPath),
  }
  return page('backup-codes', data, 200, withCookies(own))
}

/** The page that shows them sends them back, to be kept as a file: only codes, of a person who is signed in, go into it. */
const download = (ctx: Ctx, request: HttpRequest, own: Own): Reply => {
  const codes = (param(request.form, 'codes') ?? '').split(' ').flatMap((code) => plainCode(code) ?? [])
  const name = ctx.config.name.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
  const who = own.subject.email ?? own.subject.username ?? ''
  const lines = [name, ctx.config.issuer, who, '', ...codes.slice(0, 20).map(shownCode), '']
  return bytes(lines.join('\r\n'), 'text/plain; charset=utf-8', {
    headers: { 'content-disposition': 'attachment; filename="backup-codes.txt"' },
  })
}

export const backupCodesRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'How many backup codes are left',
    handler: signedIn(path, show),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Make ten new backup codes; the old ones are void',
    handler: ownForm(path, fresh(path, make)),
  }),
  route({
    method: 'POST',
    path: `${path}/download`,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'The backup codes of the page as a file',
    handler: ownForm(path, download),
  }),
]
