/**
 * Owns the HTTP client of the black-box tests: a person's browser without JavaScript. It keeps cookies, fills in forms
 * and never follows a redirect by itself, so that a test sees every hop. Start reading at `httpClient`.
 */
import { type IncomingHttpHeaders, request as httpRequest, type OutgoingHttpHeaders } from 'node:http'
import { type CookieJar, cookieJar } from './cookie-jar.ts'
import { type Form, parseForms } from './form.ts'

/** An answer as it came over the wire. */
export type Reply = {
  url: URL
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** The body as JSON; throws when it is none. What it holds is for the test to assert. */
  json: <T = Record<string, unknown>>() => T
  forms: Form[]
  /** Where a redirect leads, made absolute; undefined without a Location header. */
  location: URL | undefined
}

/** A request: `form` is sent as application/x-www-form-urlencoded, `json` as JSON, `body` as it is. */
export type Request = {
  method?: string
  headers?: OutgoingHttpHeaders
  form?: FormBody
  json?: unknown
  body?: string | Buffer
}
export type FormBody = Record<string, string | undefined> | [string, string][] | URLSearchParams

/** Which form and button of a page to use; without it the first form, without a button. */
export type Choice = { form?: (form: Form) => boolean; button?: { name: string; value?: string } }

export type HttpClient = {
  jar: CookieJar
  request: (path: string | URL, request?: Request) => Promise<Reply>
  get: (path: string | URL, headers?: OutgoingHttpHeaders) => Promise<Reply>
  post: (path: string | URL, form: FormBody, headers?: OutgoingHttpHeaders) => Promise<Reply>
  /** Sends a form of a page with the given values in place of its own; hidden fields go along. */
  submit: (page: Reply, values?: Record<string, string>, choice?: Choice) => Promise<Reply>
  /** Follows one redirect with GET, as a browser does after a 302 or 303. */
  follow: (reply: Reply) => Promise<Reply>
  /** Follows redirects while they stay on this origin; returns the first page, or the redirect that leads away. */
  walk: (reply: Reply | Promise<Reply>) => Promise<Reply>
}

/**
 * `jar`: another client's cookies. `port`: where to connect instead, as a proxy does that hands on the Host header.
 * `headers`: what this browser sends with every request, until a test changes it.
 */
export type ClientOptions = { jar?: CookieJar; port?: number; headers?: OutgoingHttpHeaders }

/** A client of one origin, against which paths are resolved. Its cookie jar is empty unless one is given. */
export function httpClient(origin: string, { jar = cookieJar(), port, headers: own }: ClientOptions = {}): HttpClient {
  const request = (path: string | URL, options: Request = {}): Promise<Reply> => {
    const url = new URL(path, origin)
    const connectTo = port === undefined || url.origin !== new URL(origin).origin ? url.port : String(port)
    return send({ url, connectTo }, { ...options, headers: { ...own, ...options.headers } }, jar)
  }
  const client: HttpClient = {
    jar,
    request,
    get: (path, headers = {}) => request(path, { headers }),
    post: (path, form, headers = {}) => request(path, { method: 'POST', form, headers }),
    submit: async (page, values = {}, choice = {}) => {
      const { url, options } = fillIn(page, values, choice)
      return await request(url, options)
    },
    follow: async (reply) => {
      if (reply.location === undefined) throw new Error(`not a redirect: ${describe(reply)}`)
      return await request(reply.location)
    },
    walk: async (first) => {
      let reply = await first
      for (let hops = 0; reply.location?.origin === new URL(origin).origin; hops += 1) {
        if (hops === 20) throw new Error(`redirects without end, last: ${describe(reply)}`)
        reply = await client.follow(reply)
      }
      return reply
    },
  }
  return client
}

/** One line for error messages. */
export function describe(reply: Reply): string {
  return `${reply.status} ${reply.url.pathname} ${reply.headers.location ?? reply.body.slice(0, 300)}`
}

/** What a browser would send for a form; throws with the page when there is no such form or button. */
function fillIn(page: Reply, values: Record<string, string>, choice: Choice): { url: URL; options: Request } {
  const form = page.forms.find(choice.form ?? (() => true))
  if (form === undefined) throw new Error(`no such form: ${describe(page)}`)
  const pairs = form.fields
    .filter((field) => values[field.name] === undefined)
    .map((field): [string, string] => [field.name, field.value])
  pairs.push(...Object.entries(values))
  const wanted = choice.button
  if (wanted !== undefined) {
    const button = form.buttons.find(
      (one) => one.name === wanted.name && (wanted.value === undefined || one.value === wanted.value),
    )
    if (button === undefined) throw new Error(`no button ${wanted.name}=${wanted.value ?? '*'}: ${describe(page)}`)
    pairs.push([button.name, button.value])
  }
  const url = new URL(form.action === '' ? page.url : form.action, page.url)
  // A browser names its origin on every POST of a form; the server's CSRF check reads it.
  const headers = { origin: page.url.origin, referer: page.url.href, 'sec-fetch-site': 'same-origin' }
  if (form.method === 'post') return { url, options: { method: 'POST', form: pairs, headers } }
  url.search = new URLSearchParams(pairs).toString()
  return { url, options: { headers } }
}

type Target = { url: URL; connectTo: string }

function send({ url, connectTo }: Target, options: Request, jar: CookieJar): Promise<Reply> {
  const { body, type } = encode(options)
  const headers: OutgoingHttpHeaders = { host: url.host, accept: 'text/html,application/json;q=0.9,*/*;q=0.8' }
  const cookie = jar.header(url)
  if (cookie !== undefined) headers.cookie = cookie
  if (type !== undefined) headers['content-type'] = type
  if (body !== undefined) headers['content-length'] = Buffer.byteLength(body)
  Object.assign(headers, lowerCase(options.headers ?? {}))
  const method = options.method ?? (body === undefined ? 'GET' : 'POST')
  return new Promise((resolve, reject) => {
    const place = { hostname: url.hostname, port: connectTo, path: `${url.pathname}${url.search}` }
    const outgoing = httpRequest({ ...place, method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        jar.keep(url, incoming.headers['set-cookie'] ?? [])
        const reply = readReply({
          url,
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        })
        asDocumented(method, reply).then(resolve, reject)
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** The same answer; throws when the OpenAPI document has another one (document.ts). Pages and older paths are of no concern to it. */
async function asDocumented(method: string, reply: Reply): Promise<Reply> {
  const { url, status, headers, body } = reply
  const type = headers['content-type'] ?? ''
  if (type.startsWith('text/html') || headers['deprecation'] !== undefined) return reply
  const { objectionTo } = await import('./document.ts')
  const objection = objectionTo({ method, path: url.pathname, status, type, body })
  if (objection !== undefined) throw new Error(objection)
  return reply
}

function readReply(reply: Pick<Reply, 'url' | 'status' | 'headers' | 'body'>): Reply {
  const { location } = reply.headers
  const isPage = reply.headers['content-type']?.startsWith('text/html') ?? false
  return {
    ...reply,
    json: <T>() => JSON.parse(reply.body) as T,
    forms: isPage ? parseForms(reply.body) : [],
    location: location === undefined ? undefined : new URL(location, reply.url),
  }
}

function encode({ form, json, body }: Request): { body: string | Buffer | undefined; type: string | undefined } {
  if (json !== undefined) return { body: JSON.stringify(json), type: 'application/json' }
  if (form === undefined) return { body, type: undefined }
  return { body: formBody(form).toString(), type: 'application/x-www-form-urlencoded' }
}

function formBody(form: FormBody): URLSearchParams {
  if (form instanceof URLSearchParams || Array.isArray(form)) return new URLSearchParams(form)
  const pairs = Object.entries(form).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  return new URLSearchParams(pairs)
}

function lowerCase(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
