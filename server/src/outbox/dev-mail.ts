/**
 * Owns /dev/mail: the mails and text messages of development, with their codes and links, as a page and as JSON. Whoever
 * reads them can be anybody, so they are shown to this machine alone. Start reading at `mayRead`.
 */
import { showsMail } from '../config/ways.ts'
import type { Ctx } from '../ctx.ts'
import { isLoopbackAddress } from '../http/client-ip.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { bytes, json, page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { ErrorForm } from '../http/route.ts'
import type { Message } from '../io/inbox.ts'
import { deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'

/** Headers of proxies. One of them means that the request began elsewhere, whoever handed it on. */
const forwarding = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/**
 * Whether this request may read the mail of development: never in production, only where the issuer is this machine's own
 * address, and only when the connection itself comes from this machine and nobody says that it hands something on.
 */
export const mayRead = ({ config, inbox }: Pick<Ctx, 'config' | 'inbox'>, request: HttpRequest): boolean =>
  inbox !== undefined &&
  showsMail(config) &&
  isLoopbackAddress(request.peer) &&
  [...forwarding, config.client_ip_header].every((name) => request.header(name) === undefined)

type Handler = (ctx: Ctx, request: HttpRequest, messages: readonly Message[]) => Reply

const guarded =
  (form: ErrorForm, handler: Handler) =>
  (ctx: Ctx, request: HttpRequest): Reply =>
    mayRead(ctx, request) ? handler(ctx, request, ctx.inbox?.list() ?? []) : nothing(ctx, request, form)

const nothing = (ctx: Ctx, request: HttpRequest, form: ErrorForm): Reply =>
  refuse(
    ctx,
    deny('not_found', 'There is nothing at this address.', {
      rule: 'the mail of development is read on the machine itself',
      expected: 'a direct connection from this machine',
      got: 'another one',
    }),
    form,
    { route: '/dev/mail', request },
  )

const asJson: Handler = (_ctx, _request, messages) => json({ messages })

const asPage: Handler = (ctx, request, messages) => {
  const reload = pathOf(ctx, '/dev/mail')
  const href = (message: Message): string => `${reload}?id=${message.id}`
  const opened = messages.find((message) => message.id === param(request.query, 'id'))
  return page(
    'dev-mail',
    {
      messages: messages.map((message) => ({ ...message, href: href(message), current: message === opened })),
      ...(opened && {
        opened: { ...opened, ...(opened.html !== '' && { html_href: `${reload}/${opened.id}` }) },
      }),
      reload,
      elsewhere: { mail: ctx.config.smtp_url !== undefined, sms: ctx.config.sms_gateway !== undefined },
    },
    200,
    { frames: true },
  )
}

/** The mail itself, for the frame: it is HTML of ours, but names of strangers stand in it, so it may do nothing. */
const asHtml: Handler = (ctx, request, messages) => {
  const message = messages.find(({ id, html }) => id === request.pathParams['id'] && html !== '')
  if (message === undefined) return nothing(ctx, request, 'page')
  const headers = {
    'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox`,
  }
  return bytes(message.html, 'text/html; charset=utf-8', { headers })
}

/** Listed in app.ts in development only: in production there is nothing at these addresses for anybody. */
export const devMailRoutes = [
  route({
    method: 'GET',
    path: '/dev/mail',
    auth: 'none',
    errors: 'page',
    limit: 'none',
    summary: 'Mails and text messages of development',
    handler: guarded('page', asPage),
  }),
  route({
    method: 'GET',
    path: '/dev/mail.json',
    auth: 'none',
    errors: 'problem',
    limit: 'none',
    summary: 'The same as JSON, for tests',
    handler: guarded('problem', asJson),
  }),
  route({
    method: 'GET',
    path: '/dev/mail/:id',
    auth: 'none',
    errors: 'page',
    limit: 'none',
    summary: 'One mail as its reader sees it',
    handler: guarded('page', asHtml),
  }),
]
