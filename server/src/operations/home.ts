/** Owns the front door and the assets of the hosted pages. */
import { z } from 'zod'
import { adminExists } from '../access/roles.ts'
import { accountView } from '../authorize/consent.ts'
import type { Ctx } from '../ctx.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { bytes, empty, json, page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { mayRead } from '../outbox/dev-mail.ts'
import type { PageData } from '../pages/data.ts'
import { browserCookie } from '../sessions/cookie.ts'

const home = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const { config, version } = ctx
  const links: PageData['home']['links'] = [
    { href: pathOf(ctx, '/.well-known/openid-configuration'), label: { key: 'home.discovery' } },
    { href: pathOf(ctx, '/.well-known/jwks.json'), label: { key: 'home.keys' } },
    { href: pathOf(ctx, '/docs'), label: { key: 'docs.title' } },
    ...(mayRead(ctx, request) ? [{ href: pathOf(ctx, '/dev/mail'), label: { key: 'home.mail' } as const }] : []),
  ]
  if (!(request.header('accept') ?? '').includes('text/html'))
    return json({
      name: config.name,
      version,
      issuer: config.issuer,
      links: links.map(({ href, label }) => ({ href, label: ctx.pages.wordingFor('en').say(label) })),
    })
  const data = {
    issuer: config.issuer,
    name: config.name,
    version,
    setup_needed: !(await adminExists(ctx.db)),
    links,
    ...(browser.subject && { signed_in: accountView(browser.subject) }),
  }
  return page('home', data, 200, { cookies: browserCookie(browser) })
}

/** An operator's SVG logo that is opened by itself must not run script (security rule CO-1). */
const harmless = { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox" }

const asset = (ctx: Ctx, request: HttpRequest): Reply => {
  const found = ctx.pages.asset(request.pathParams['name'] ?? '')
  if (found === undefined) return empty(404)
  // The name carries a hash of the content: what it names never changes.
  const headers = { 'cache-control': 'public, max-age=31536000, immutable', etag: found.etag, ...harmless }
  return request.header('if-none-match') === found.etag
    ? empty(304, { headers })
    : bytes(found.bytes, found.content_type, { headers })
}

const homeSchema = z.object({
  name: z.string(),
  version: z.string(),
  issuer: z.string(),
  links: z.array(z.object({ href: z.string(), label: z.string() })),
})

export const homeRoutes = [
  route({
    method: 'GET',
    path: '/',
    auth: 'browser',
    errors: 'page',
    summary: 'The front door: a page for browsers, JSON for everybody else',
    api: { tag: 'Discovery', answers: { 200: homeSchema } },
    handler: home,
  }),
  route({
    method: 'GET',
    path: '/assets/:name',
    auth: 'none',
    errors: 'problem',
    summary: 'Styles, scripts and marks of the pages',
    handler: asset,
  }),
]
