/**
 * Owns calling the JSON API of Keywright: typed by its OpenAPI document, refusals as errors, pages as one sequence, creation
 * that can be repeated safely, changes that lose nobody else's. Start reading at `createClient`.
 */
import type { Paths, Schemas } from './api.gen.ts'
import { misconfigured } from './errors.ts'
import type { Fetch } from './http.ts'
import { checkIssuer } from './issuer.ts'
import { objectOf } from './text.ts'

export type { Paths, Schemas }

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
/** The paths that have a method. */
export type PathOf<M extends Method> = { [P in keyof Paths]: M extends keyof Paths[P] ? P : never }[keyof Paths] &
  string
type Of<M extends Method, P extends PathOf<M>> = M extends keyof Paths[P] ? Paths[P][M] : never
type Part<O, K extends string> = O extends Record<K, infer T> ? T : undefined

type Common = {
  /** The ETag that the change is for: it is refused with 412 when somebody else was faster. */
  ifMatch?: string
  /** Makes a creation that is repeated happen once; with it the call is repeated where nobody answers. */
  idempotencyKey?: string
  headers?: Readonly<Record<string, string>>
  signal?: AbortSignal
}
type Wanted<O, K extends string> =
  O extends Record<K, infer T> ? (object extends T ? { [N in K]?: T } : { [N in K]: T }) : { [N in K]?: undefined }
/** What an operation takes. */
export type CallOptions<O> = Common & Wanted<O, 'params'> & Wanted<O, 'query'> & Wanted<O, 'body'>
type Arguments<O> = object extends CallOptions<O> ? [options?: CallOptions<O>] : [options: CallOptions<O>]

/** An answer. `etag` is what `ifMatch` takes. */
export type Answer<T> = { status: number; data: T; etag: string | undefined; headers: Headers }

type Call<M extends Method> = <P extends PathOf<M>>(
  path: P,
  ...options: Arguments<Of<M, P>>
) => Promise<Answer<Part<Of<M, P>, 'answer'>>>

export type Client = {
  get: Call<'get'>
  post: Call<'post'>
  put: Call<'put'>
  patch: Call<'patch'>
  delete: Call<'delete'>
  /** Everything of a list, page by page as it is read. */
  pages: <P extends PathOf<'get'>>(
    path: P,
    ...options: Arguments<Of<'get', P>>
  ) => AsyncGenerator<ItemOf<Part<Of<'get', P>, 'answer'>>>
}
/** What a list holds: the members of its one array. */
export type ItemOf<T> = { [K in keyof T]: T[K] extends readonly (infer I)[] ? I : never }[keyof T]

export type ClientOptions = {
  issuer: string
  /** An access token with the audience `{issuer}/api/v1`, or what gets one. */
  token?: string | (() => string | Promise<string>)
  apiKey?: string
  /** Permits http beyond this machine. */
  allowHttp?: boolean
  fetch?: Fetch
}

/** A refusal of the API: a problem document (RFC 9457). `request_id` and `error_id` are what its operator asks for. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: string
  readonly problem: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, problem: Readonly<Record<string, unknown>>, retryAfterSeconds: number | undefined) {
    const said = [problem['detail'], problem['title'], problem['error_description']].find(
      (one) => typeof one === 'string',
    )
    super(typeof said === 'string' ? said : `The API answers ${status}.`)
    this.status = status
    this.code = [problem['code'], problem['error']].find((one) => typeof one === 'string') ?? 'unknown'
    this.problem = problem
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The same before it is typed. */
type Plain = Common & {
  params?: Readonly<Record<string, unknown>> | undefined
  query?: Readonly<Record<string, unknown>> | undefined
  body?: unknown
}
type PlainCall = (path: string, options?: Plain) => Promise<Answer<unknown>>

/** Makes a client for one caller. @throws KeywrightError `invalid_configuration`; its calls throw ApiError. */
export const createClient = (options: ClientOptions): Client => {
  checkIssuer(options.issuer, options.allowHttp ?? false)
  if ((options.token === undefined) === (options.apiKey === undefined))
    throw misconfigured('createClient takes a token or an apiKey.')
  const call =
    (method: string): PlainCall =>
    async (path, given = {}) =>
      await send(options, addressOf(options.issuer, path, given), await requestOf(options, method, given))
  const client = {
    get: call('GET'),
    post: call('POST'),
    put: call('PUT'),
    patch: call('PATCH'),
    delete: call('DELETE'),
    pages: (path: string, given: Plain = {}) => pages(call('GET'), path, given),
  }
  return client as unknown as Client
}

/** What stands in a path is one segment, whatever it holds. */
const addressOf = (issuer: string, path: string, { params = {}, query = {} }: Plain): string => {
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
    if (text === '' || text === '.' || text === '..') throw misconfigured(`The path needs ${name}.`)
    return encodeURIComponent(text)
  })
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value as string | number | boolean)]],
  )
  const search = new URLSearchParams(pairs).toString()
  return `${issuer}${filled}${search === '' ? '' : `?${search}`}`
}

const requestOf = async ({ token, apiKey }: ClientOptions, method: string, given: Plain): Promise<RequestInit> => {
  const { body, ifMatch, idempotencyKey, signal } = given
  const proof: Record<string, string> =
    apiKey === undefined
      ? { authorization: `Bearer ${typeof token === 'function' ? await token() : (token ?? '')}` }
      : { 'x-api-key': apiKey }
  const headers = {
    accept: 'application/json, application/problem+json',
    ...given.headers,
    ...proof,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
  }
  return {
    method,
    headers,
    redirect: 'error',
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }
}

const attempts = 3
const pauseMs = 200
const longestPauseSeconds = 5

/** Reading, and a creation with its key, can be repeated when nobody answered or the server was away for a moment. */
const send = async (options: ClientOptions, address: string, request: RequestInit): Promise<Answer<unknown>> => {
  const isRepeatable = request.method === 'GET' || new Headers(request.headers).has('idempotency-key')
  for (let attempt = 1; ; attempt += 1) {
    const result = await once(options, address, request).catch((error: unknown) => ({ error }))
    if (!('error' in result)) return result
    const { error } = result
    const isPassing = error instanceof ApiError ? error.status === 503 : request.signal?.aborted !== true
    if (!isRepeatable || !isPassing || attempt === attempts) throw error
    const seconds = error instanceof ApiError ? Math.min(error.retryAfterSeconds ?? 0, longestPauseSeconds) : 0
    await new Promise((resolve) => setTimeout(resolve, Math.max(seconds * 1000, pauseMs * attempt)))
  }
}

const once = async (options: ClientOptions, address: string, request: RequestInit): Promise<Answer<unknown>> => {
  const response = await (options.fetch ?? fetch)(address, request)
  const { status, headers } = response
  const text = await response.text()
  if (status < 200 || status > 299) {
    const seconds = Number(headers.get('retry-after') ?? Number.NaN)
    throw new ApiError(status, objectOf(text) ?? {}, Number.isFinite(seconds) ? seconds : undefined)
  }
  const isJson = /^application\/(?:[\w.-]+\+)?json\b/.test(headers.get('content-type') ?? '')
  const said: unknown = isJson && text !== '' ? JSON.parse(text) : text
  return { status, data: said === '' ? undefined : said, etag: headers.get('etag') ?? undefined, headers }
}

async function* pages(get: PlainCall, path: string, given: Plain): AsyncGenerator {
  for (let cursor: unknown = given.query?.['cursor']; cursor !== null; ) {
    const query = { ...given.query, ...(typeof cursor === 'string' && { cursor }) }
    const { data } = await get(path, { ...given, query })
    const list = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {}
    yield* Object.values(list).find((value) => Array.isArray(value)) ?? []
    cursor = typeof list['next'] === 'string' && list['next'] !== '' ? list['next'] : null
  }
}
