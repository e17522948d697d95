/** Owns the recognition of a browser at the pages: who acts as somebody else changes nothing of the account there (security rule AD-4). */
import type { Ctx } from '../ctx.ts'
import type { BrowserPrincipal, Demands } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { authenticateBrowser } from '../sessions/cookie.ts'
import { actedFor } from './person.ts'

/** Recognises a browser; refuses forms of a person's own pages that somebody else sends for them. */
export const authenticatePage = async (
  ctx: Ctx,
  request: HttpRequest,
  { path }: Demands,
): Promise<BrowserPrincipal> => {
  const browser = await authenticateBrowser(ctx, request)
  const isChange = request.method !== 'GET' && request.method !== 'HEAD'
  const isOwn = path.startsWith('/account')
  return browser.session?.actor_id != null && isChange && isOwn ? { ...browser, refused: actedFor } : browser
}
