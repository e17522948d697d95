/**
 * Owns the OpenAPI 3.1 document: computed from the routes, so that it says what the code does. Pure. Start reading at `openApiOf`;
 * what a single schema becomes is openapi-schema.ts's affair.
 */
import { createComponents, type Components, type JsonSchema } from './openapi-schema.ts'
import type { Proof } from './principal.ts'
import type { ApiFacts, Route } from './route.ts'

/** A route that programs are told of. */
type ApiRoute = Route & { api: ApiFacts }

export type OpenApi = {
  openapi: '3.1.1'
  info: Record<string, unknown>
  servers: { url: string }[]
  tags: { name: string }[]
  paths: Record<string, Record<string, unknown>>
  components: Record<string, unknown>
}

type Facts = { issuer: string; version: string }

/** The document for these routes; those without `api` are pages, or for browsers only, and are left out. */
export const openApiOf = (routes: readonly Route[], { issuer, version }: Facts): OpenApi => {
  const listed = routes.filter((route): route is ApiRoute => route.api !== undefined)
  const components = createComponents()
  const paths: OpenApi['paths'] = {}
  for (const route of listed) {
    const path = route.path.replaceAll(/:([a-z_]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Keywright',
      version,
      description:
        'Administration, accounts and tokens of a Keywright server. Lists are read page by page (`cursor`, `Link`); changes take `If-Match`, creations an `Idempotency-Key`; refusals are problems (RFC 9457), those of the OAuth endpoints errors of RFC 6749 §5.2.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: issuer }],
    tags: [...new Set(listed.map(({ api }) => api.tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: securitySchemes(issuer),
      schemas: components.all(),
      responses: refusalResponses(listed),
    },
  }
}

const operationOf = (route: ApiRoute, components: Components): Record<string, unknown> => {
  const { api } = route
  const parameters = parametersOf(route, components)
  const requestBody = bodyOf(route, components)
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    tags: [api.tag],
    ...(route.auth === 'person' && { description: whoMay(route) }),
    security: securityOf(route),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: responsesOf(route, components),
    ...(route.may !== undefined && route.may !== 'self' && { 'x-permission': route.may }),
  }
}

/** `GET /api/v1/api-keys/:id` is `getApiKeysId`: as stable as the address itself. */
export const operationIdOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => {
  const words = path.replace(/^\/api\/v1\//, '').split(/[^A-Za-z0-9]+/)
  const parts = words.filter((word) => word !== '').map((word) => word[0]?.toUpperCase() + word.slice(1))
  return method.toLowerCase() + parts.join('')
}

const whoMay = ({ may, orOwner, keys, proofs }: Route): string => {
  const wanted = may === 'self' || may === undefined ? 'Anybody, for themselves.' : `Wants the permission \`${may}\`.`
  const owner = orOwner === true ? ' Without it one works with what is one’s own.' : ''
  const only = proofs ? ` Takes ${proofs.map((proof) => proof.replace('_', ' ')).join(' or ')} only.` : ''
  return `${wanted}${owner}${keys === true ? ' API keys may call it.' : ''}${only}`
}

const isSelf = ({ may }: Route): boolean => may === 'self' || may === undefined

/** What a person may show at a route of theirs: an API key where it needs a permission, or where it says so. */
export const proofsOf = (route: Route): readonly Proof[] =>
  route.proofs ?? (isSelf(route) && route.keys !== true ? ['session', 'token'] : ['session', 'token', 'api_key'])

/** Alternatives, and scopes where an access token needs them. */
const securityOf = (route: Route): Record<string, string[]>[] => {
  if (route.auth === 'client') return [{ client: [] }]
  if (route.auth === 'bearer') return [{ token: ['openid'] }]
  if (route.auth === 'listener') return [{ token: ['revocations:read'] }, { api_key: [] }]
  if (route.auth !== 'person') return []
  const scopes = isSelf(route) ? ['account'] : [...(route.orOwner === true ? ['account'] : []), 'admin']
  return proofsOf(route).flatMap((proof) =>
    proof === 'token' ? scopes.map((scope) => ({ token: [scope] })) : [{ [proof]: [] as string[] }],
  )
}

type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  schema: unknown
  description?: string
}

const parametersOf = (route: ApiRoute, components: Components): Parameter[] => {
  const { query, creates } = route.api
  const named = [...route.path.matchAll(/:([a-z_]+)/g)].map(
    ([, name = '']): Parameter => ({ name, in: 'path', required: true, schema: { type: 'string' } }),
  )
  return [
    ...named,
    ...(query ? queryOf(components.schema(query, 'input')) : []),
    ...(creates === true
      ? [header('Idempotency-Key', 'Repeating the call with the same key gives the same answer.')]
      : []),
    ...(refusalsOf(route).includes(412) ? [header('If-Match', 'The ETag of what is to be changed.')] : []),
    ...(isTagged(route)
      ? [header('If-None-Match', 'The ETag of what the caller has already: 304 says that it still is so.')]
      : []),
  ]
}

/** A single object is answered with its ETag (etag.ts). */
const isTagged = ({ method, path, api }: ApiRoute): boolean =>
  method === 'GET' && path.includes(':') && typeof api.answers[200] === 'object'

const queryOf = (schema: JsonSchema): Parameter[] =>
  Object.entries(schema.properties ?? {}).map(([name, { description, ...property }]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
    ...(description !== undefined && { description }),
  }))

const header = (name: string, description: string): Parameter => ({
  name,
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description,
})

const mediaTypes = {
  form: ['application/x-www-form-urlencoded'],
  json: ['application/json'],
  lines: ['application/x-ndjson', 'text/csv'],
}

const bodyOf = ({ accepts, api, method }: ApiRoute, components: Components): Record<string, unknown> | undefined => {
  if (method === 'GET' || accepts === undefined || (api.body === undefined && accepts !== 'lines')) return undefined
  const schema = api.body ? components.schema(api.body, 'input') : { type: 'string' }
  return { required: true, content: Object.fromEntries(mediaTypes[accepts].map((type) => [type, { schema }])) }
}

const responsesOf = (route: ApiRoute, components: Components): Record<string, unknown> => {
  const answers = Object.entries(route.api.answers).map(([status, schema]): [string, unknown] => [
    status,
    answerOf(schema, route.api.media, components),
  ])
  const refusals = refusalsOf(route).map((status): [string, unknown] => [
    String(status),
    { $ref: `#/components/responses/${refusalName(route, status)}` },
  ])
  const unchanged = isTagged(route) ? { 304: { description: 'The caller has it already' } } : {}
  // Health answers its own 503.
  return { ...Object.fromEntries(refusals), ...Object.fromEntries(answers), ...unchanged }
}

/** Refusals are shared: one for each form and status that there is. */
const refusalName = ({ errors }: Route, status: number): string =>
  `${{ oauth: 'OAuthError', page: 'ErrorPage', problem: 'Problem' }[errors]}${status}`

const refusalResponses = (routes: readonly ApiRoute[]): Record<string, unknown> => {
  const all = routes.flatMap((route) =>
    refusalsOf(route).map((status): [string, unknown] => [
      refusalName(route, status),
      { description: words[status] ?? 'Refused', content: refusalContent[route.errors] },
    ]),
  )
  return Object.fromEntries(all.toSorted(([one], [other]) => one.localeCompare(other)))
}

const named = (name: string) => ({ schema: { $ref: `#/components/schemas/${name}` } })

const refusalContent = {
  oauth: { 'application/json': named('OAuthError') },
  problem: { 'application/problem+json': named('Problem') },
  page: { 'text/html': { schema: { type: 'string' } } },
}

const answerOf = (
  schema: ApiFacts['answers'][number],
  media: string | undefined,
  components: Components,
): Record<string, unknown> => {
  if (schema === 'empty') return { description: 'Done' }
  if (schema === 'events')
    return { description: 'A stream', content: { 'text/event-stream': { schema: { type: 'string' } } } }
  if (schema === 'lines')
    return {
      description: 'Lines',
      content: Object.fromEntries(mediaTypes.lines.map((one) => [one, { schema: { type: 'string' } }])),
    }
  return {
    description: 'Done',
    content: { [media ?? 'application/json']: { schema: components.schema(schema, 'output') } },
  }
}

const everywhere = [400, 414, 415, 421, 429, 431, 503]

/** What follows from the route being what it is, and what it says itself. */
export const refusalsOf = ({ auth, path, accepts, method, api }: ApiRoute | Route): number[] => {
  const reads = accepts !== undefined && method !== 'GET'
  const all = [
    ...everywhere,
    ...(auth === 'none' ? [] : [401, 403]),
    ...(path.includes(':') ? [404] : []),
    ...(reads ? [413] : []),
    ...(api?.creates === true ? [409, 422] : []),
    ...(api?.refuses ?? []),
  ]
  return [...new Set(all)].toSorted((one, other) => one - other)
}

const words: Record<number, string> = {
  400: 'The request cannot be read',
  401: 'Nobody is signed in, or the proof is worth nothing',
  403: 'Not allowed',
  404: 'There is no such thing, or none that the caller may see',
  409: 'It does not fit what is there',
  410: 'It is over',
  412: 'It was changed meanwhile',
  413: 'The body is too large',
  414: 'The address is too long',
  415: 'The body has another type',
  421: 'This server answers as its issuer only',
  422: 'The body names what does not exist or is not allowed',
  429: 'Too many requests',
  431: 'The header fields are too large',
  503: 'Not now: try again',
}

const scopes = {
  openid: 'Who is signed in',
  account: 'Look after one’s own account',
  admin: 'Use the permissions that one holds',
  'revocations:read': 'Follow revocations',
}

const securitySchemes = (issuer: string) => ({
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-kw_session',
    description: 'The session of a browser. Unsafe calls bring the X-CSRF-Token that GET /api/v1/auth/session gives.',
  },
  token: {
    type: 'oauth2',
    description: `An access token with \`aud\` ${issuer}/api/v1.`,
    flows: {
      authorizationCode: {
        authorizationUrl: `${issuer}/oauth/authorize`,
        tokenUrl: `${issuer}/oauth/token`,
        scopes,
      },
      clientCredentials: { tokenUrl: `${issuer}/oauth/token`, scopes },
    },
  },
  api_key: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'Authorization: Bearer does as well.' },
  client: { type: 'http', scheme: 'basic', description: 'client_id and client_secret (RFC 6749 §2.3.1).' },
})
