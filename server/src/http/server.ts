/**
 * Owns the edge: routes become Fastify handlers, with limits, security headers, request ids and one log line each.
 * Knows no slice; `app.ts` hands it the routes and the ways to recognise callers. Start reading at `buildServer`.
 */
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, isDenial, statusOf } from '../protocol/errors.ts'
import { actingOf } from './acting.ts'
import { corsHeaders, preflight } from './cors.ts'
import { refuse } from './errors.ts'
import { checkEnvelope, createMethods } from './guards.ts'
import { checkLimits } from './limits.ts'
import { isMultipart, readMultipart } from './multipart.ts'
import type { Reader } from './language.ts'
import type { Authenticators, Principals } from './principal.ts'
import { addressOf, readRequest, requestId, shell } from './read.ts'
import type { Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'
import type { Auth, ErrorForm, Route, RouteOf } from './route.ts'
import { type Answer, send } from './send.ts'
import { denialOf } from './thrown.ts'

const kib = 1024

/** Builds the server. Throws when a route has no `auth`, or two routes share method and path (rule 1). */
export const buildServer = (ctx: Ctx, routes: readonly Route[], authenticators: Authenticators): FastifyInstance => {
  const app = openFastify(ctx)
  addParsers(app)
  app.decorateReply('answer')
  addHooks(ctx, app)
  const { base } = ctx.edge
  const methods = createMethods(routes, base)
  for (const route of routes) mount(ctx, app, { route, base, authenticators })
  app.setNotFoundHandler(async (raw, out) => await notFound(ctx, raw, out, methods))
  app.setErrorHandler(async (error: FastifyError, raw, out) => await failed(ctx, error, raw, out))
  return app
}

const openFastify = (ctx: Ctx): FastifyInstance =>
  Fastify({
    loggerInstance: baseLogger(ctx),
    logController: new LogController({ disableRequestLogging: true }),
    // Whoever logs about a request names it; a logger of its own for each would cost more than reading it.
    childLoggerFactory: (logger) => logger,
    genReqId: (raw) => requestId(raw.headers['x-request-id']),
    bodyLimit: 64 * kib,
    requestTimeout: 15_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    // The query is read by protocol/params.ts, which refuses what a lenient parser would repair.
    routerOptions: { querystringParser: () => ({}), ignoreTrailingSlash: true, maxParamLength: 2000 },
    http: { maxHeaderSize: 16 * kib },
    // An address that cannot be decoded reaches no hook; Fastify's own answer would repeat it (security rule G-8).
    frameworkErrors: (error, raw, out) => {
      void failed(ctx, error, raw, out.header('x-request-id', raw.id))
    },
  })

/** Security rule G-6. */
const bodyLimits = { form: 64, json: 256, lines: 1024 }

type Mounted = { route: Route; base: string; authenticators: Authenticators }

const mount = (ctx: Ctx, app: FastifyInstance, { route, base, authenticators }: Mounted): void => {
  const known = route.auth === 'none' || route.auth in authenticators
  if (!known) throw new Error(`route ${route.method} ${route.path} has no auth`)
  if (route.auth === 'person' && route.may === undefined)
    throw new Error(`route ${route.method} ${route.path} does not say who may call it`)
  const handler = handle(ctx, route, authenticators)
  const bodyLimit = bodyLimits[route.accepts ?? 'form'] * kib
  for (const url of [base + route.path, ...alsoAt(base, route.path)]) {
    app.route({ method: route.method, url, handler, config: { route }, bodyLimit })
  }
}

/** Fastify's view of the log: its type parameter would otherwise spread into every signature. */
const baseLogger = (ctx: Ctx): FastifyBaseLogger => ctx.log

declare module 'fastify' {
  // eslint-disable-next-line typescript/consistent-type-definitions -- only an interface can be merged into a library's own
  interface FastifyContextConfig {
    route?: Route
  }
  // eslint-disable-next-line typescript/consistent-type-definitions -- as above
  interface FastifyReply {
    /** What was answered, once it was. */
    answer: Reply | undefined
  }
}

/**
 * Further addresses of a route when the issuer has a path: probes ask at the root, and well-known documents stand in the
 * path-inserted form too (RFC 8414 §3.1, RFC 8615).
 */
const alsoAt = (base: string, path: string): string[] => {
  if (base === '') return []
  if (path.startsWith('/.well-known/')) return [path + base]
  return path.startsWith('/health') ? [path] : []
}

/** Bodies arrive as bytes; read.ts turns them into text and refuses what is not exact. */
const addParsers = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    [
      'application/x-www-form-urlencoded',
      'application/json',
      'multipart/form-data',
      'application/x-ndjson',
      'text/csv',
    ],
    { parseAs: 'buffer' },
    (_raw, body, done) => done(null, body),
  )
}

const addHooks = (ctx: Ctx, app: FastifyInstance): void => {
  app.addHook('onRequest', (raw, out, done) => {
    out.header('x-request-id', raw.id)
    const refused = checkEnvelope(ctx, raw)
    if (refused === undefined) return done()
    const where = { route: routeName(raw), request: shell(ctx, raw) }
    sendReply(ctx, out, { reply: refuse(ctx, refused, formOf(raw), where), request: where.request })
  })
  app.addHook('onResponse', (raw, out, done) => {
    done()
    logRequest(ctx, raw, out)
  })
}

/** One line for each request. The route's pattern stands for its address, so that no parameter is ever logged. */
const logRequest = (ctx: Ctx, raw: FastifyRequest, out: FastifyReply): void => {
  const { route } = raw.routeOptions.config
  if (route?.limit === 'none') return
  const fields = {
    request_id: raw.id,
    method: raw.method,
    route: routeName(raw),
    status: out.statusCode,
    ms: Math.round(out.elapsedTime * 10) / 10,
    ip: addressOf(ctx, raw),
    user_agent: printable(raw.headers['user-agent']),
    ...out.answer?.log,
  }
  ctx.accessLog(out.statusCode >= 500 ? 'error' : 'info', fields)
}

/** JSON escapes what could end a line; a terminal also acts on the controls above 127 (security rule AU-1). */
const printable = (text: string | undefined): string | undefined => text?.slice(0, 200).replace(/[\u007f-\u009f]/g, ' ')

const handle =
  (ctx: Ctx, route: Route, authenticators: Authenticators) =>
  async (raw: FastifyRequest, out: FastifyReply): Promise<FastifyReply> => {
    if (route.successor) out.headers(oldAddress(ctx, route.successor))
    const request = await read(ctx, raw, route)
    const where = { route: route.path, request: isDenial(request) ? shell(ctx, raw) : request }
    await addCors(ctx, out, route, where.request)
    const sendRefusal = (denial: Denial) =>
      sendReply(ctx, out, { reply: refuse(ctx, denial, route.errors, where), request: where.request })
    if (isDenial(request)) return sendRefusal(request)
    const limited = checkLimits(ctx, request, route)
    if (limited) return sendRefusal(limited)
    const principal = route.auth === 'none' ? null : await authenticators[route.auth](ctx, request, route)
    if (isDenial(principal)) return sendRefusal(principal)
    const refused = principal !== null && 'refused' in principal ? principal.refused : undefined
    const reply = refused
      ? refuse(ctx, refused, route.errors, where)
      : await (route as RouteOf<'none'>).handler(ctx, request, principal as null)
    return sendReply(ctx, out, { reply, request, reader: readerOf(principal), acting: actingOf(ctx, principal) })
  }

/** The language of the person who calls, where the call is theirs. */
const readerOf = (principal: Principals[Auth]): Reader =>
  principal !== null && 'subject' in principal ? { user_locale: principal.subject?.locale } : {}

/** RFC 9745 §2.1: the date from which the address was old, when Keywright took it over. RFC 8594 §6: what replaces it. */
const oldAddress = (ctx: Ctx, successor: string): Record<string, string> => ({
  deprecation: '@1795219200',
  link: `<${ctx.config.issuer}${successor}>; rel="successor-version"`,
})

/** Refusals are readable too, those included that come before the client is known (CR-1). */
const addCors = async (ctx: Ctx, out: FastifyReply, route: Route | undefined, request: HttpRequest): Promise<void> => {
  if (route?.cors) out.headers(await corsHeaders(ctx, route.cors, request))
}

/** Reads the request as the route accepts it, reshaped where the route is an older system's. */
const read = async (ctx: Ctx, raw: FastifyRequest, route: Route): Promise<HttpRequest | Denial> => {
  const plain = route.multipart && isMultipart(raw) ? await readParts(ctx, raw) : readRequest(ctx, raw, route)
  return isDenial(plain) || route.adapt === undefined ? plain : route.adapt(ctx, plain)
}

const readParts = async (ctx: Ctx, raw: FastifyRequest): Promise<HttpRequest | Denial> => {
  const form = await readMultipart(raw)
  const rest = readRequest(ctx, raw, undefined)
  if (isDenial(form)) return form
  return isDenial(rest) ? rest : { ...rest, form }
}

const sendReply = (ctx: Ctx, out: FastifyReply, answer: Answer): FastifyReply => {
  out.answer = answer.reply
  return send(ctx, out, answer)
}

const notFound = async (
  ctx: Ctx,
  raw: FastifyRequest,
  out: FastifyReply,
  methods: ReturnType<typeof createMethods>,
): Promise<FastifyReply> => {
  const request = shell(ctx, raw)
  const limited = checkLimits(ctx, request, { path: 'unknown' })
  if (limited)
    return sendReply(ctx, out, { reply: refuse(ctx, limited, 'problem', { route: 'unknown', request }), request })
  const known = methods(request.path)
  if (known.length > 0 && raw.method === 'OPTIONS')
    return out
      .headers(await preflight(ctx, known, request))
      .code(204)
      .send()
  const allowed = [...new Set(known.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])))]
  if (allowed.length > 0) {
    out.header('allow', allowed.join(', '))
    await addCors(ctx, out, known[0], request)
    const where = { route: request.path.slice(0, 200), request }
    const reply = refuse(ctx, methodNotAllowed(allowed, raw.method), known[0]?.errors ?? 'problem', where)
    return sendReply(ctx, out, { reply, request })
  }
  const form = raw.headers.accept?.includes('text/html') ? 'page' : 'problem'
  const reply = refuse(ctx, nothingHere(request.path), form, { route: 'unknown', request })
  return sendReply(ctx, out, { reply, request })
}

const methodNotAllowed = (allowed: string[], got: string): Denial =>
  deny(
    'method_not_allowed',
    'This address does not answer to this method.',
    { rule: 'the method is one of the endpoint (RFC 9110 §15.5.6)', expected: allowed.join(', '), got },
    { status: 405 },
  )

const nothingHere = (path: string): Denial =>
  deny('not_found', 'There is nothing at this address.', {
    rule: 'the path is one of this server',
    expected: 'a path of the table of contents',
    got: path.slice(0, 200),
  })

/** Errors that were thrown: broken infrastructure is 503, a request that cannot be read is 4xx, the rest is our bug: 500. */
const failed = async (ctx: Ctx, error: FastifyError, raw: FastifyRequest, out: FastifyReply): Promise<FastifyReply> => {
  const denial = denialOf(error)
  if (denial.error === 'server_error') ctx.log.error({ request_id: raw.id, err: error, route: routeName(raw) }, 'bug')
  else if (denial.error === 'temporarily_unavailable')
    ctx.log.warn({ request_id: raw.id, reason: error.message, error_code: error.code }, 'unavailable')
  const where = { route: routeName(raw), request: shell(ctx, raw) }
  // Where the database is away nobody can say whose the origin is; the refusal itself must not fail for that.
  if (statusOf(denial) < 500) await addCors(ctx, out, raw.routeOptions.config.route, where.request).catch(() => {})
  return sendReply(ctx, out, { reply: refuse(ctx, denial, formOf(raw), where), request: where.request })
}

const formOf = (raw: FastifyRequest): ErrorForm => raw.routeOptions.config.route?.errors ?? 'problem'
const routeName = (raw: FastifyRequest): string => raw.routeOptions.url ?? 'unknown'
