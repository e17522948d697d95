/**
 * Whatever is sent to an operation of the OpenAPI document, its answer is one that the document has: no 500, no status and no body
 * that is not written there, and nothing secret where the document does not say that it is shown (security rules G-6, G-8, AD-3).
 * FUZZ_SEED repeats a run, FUZZ_REQUESTS says how many requests each operation gets.
 */
import { Agent, request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exampleOf, type Named } from '../../src/http/openapi-example.ts'
import { makeApiKey } from '../support/api-keys.ts'
import { document, objectionTo, operations } from '../support/document.ts'
import { signIn } from '../support/flow.ts'
import { type FuzzRequest, requestsFor } from '../support/fuzz.ts'
import type { TestUser } from '../support/fixtures.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { basic } from '../support/oauth.ts'

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const count = Number(process.env.FUZZ_REQUESTS ?? 100)
const atOnce = 12
const secret = /kw_[a-z]{2}_[0-9A-Za-z]{16,}|\$argon2|BEGIN (?:[A-Z]+ )?PRIVATE/

type Entry = (typeof operations)[number]
type Answer = { status: number; type: string; body: string }
/** What a caller sends with each request; found anew when a request has ended what it was. */
type Caller = { headers: () => Promise<Record<string, string>>; refused?: () => void }

const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
/** Ids of what there is, by the kind that paths call it; all of them as `id`. */
const pool = new Map<string, string[]>()
const problems = new Map<string, number>()
const seen = { requests: 0, answers: new Map<number, number>(), reached: new Set<string>() }
let house: InProcess
let callers: { client: Caller[]; others: Caller[] }
let pulling: NodeJS.Timeout

beforeAll(async () => {
  house = await startInProcess()
  pulling = setInterval(() => void house.ctx.feed.pull().catch(() => {}), 250)
  callers = await makeCallers()
  const permissions = await house.db<{ id: string }[]>`select id from permissions`
  for (const { id } of permissions) keep('permissions', id)
  // The role of the administrators stays what it is.
  const roles = await house.db<{ id: string }[]>`select id from roles where name <> 'admin'`
  for (const { id } of roles) keep('roles', id)
})
afterAll(() => {
  clearInterval(pulling)
  agent.destroy()
})

/** By whom an operation is called: those who get furthest most often. */
const makeCallers = async (): Promise<typeof callers> => {
  const always = (headers: Record<string, string>): Caller => ({ headers: async () => await Promise.resolve(headers) })
  const [nobody, nonsense] = [always({}), always({ authorization: 'Bearer nonsense' })]
  const admin = await house.user({ roles: ['admin'] })
  const client = await house.client({ type: 'machine', grant_types: ['client_credentials'] })
  const application = always(basic(client.client_id, client.client_secret ?? ''))
  const token = always({ authorization: `Bearer ${await tokenOf(admin)}` })
  const program = always({ 'x-api-key': await keyOf(await makeService()) })
  const owner = always({ 'x-api-key': await keyOf(admin.user_id) })
  const [administrator, person] = [sessionOf(['admin']), sessionOf([])]
  return {
    client: [...often(4, application), nobody, nonsense],
    others: [...often(3, administrator), ...often(3, program), ...often(2, token, person), owner, nobody, nonsense],
  }
}

const often = (times: number, ...some: Caller[]): Caller[] => Array.from({ length: times }, () => some).flat()

const keyOf = async (owner_id: string): Promise<string> => {
  const all = await house.db<{ name: string }[]>`select name from permissions`
  const names = all.map(({ name }) => name)
  return (await makeApiKey(house.db, owner_id, names)).key
}

/** A token for UserInfo and for this API. */
const tokenOf = async (user: TestUser): Promise<string> => {
  const api = `${house.server.issuer}/api/v1`
  const scope = 'openid profile roles account admin'
  const client = await house.client({ scope, resources: [api], access_token_ttl_seconds: 3600 })
  const { access_token } = await house.grant(await house.person(user), client, { scope, resource: api })
  return access_token
}

/** An account that programs act by: what it shows is its own fresh proof, so it gets everywhere. */
const makeService = async (): Promise<string> => {
  const [row] = await house.db<{ id: string }[]>`
    insert into users (id, kind, username, status) values (gen_random_uuid()::text, 'service', 'fuzz', 'active') returning id`
  const id = row?.id ?? ''
  await house.db`insert into user_roles (user_id, role_id) select ${id}, id from roles where name = 'admin'`
  return id
}

/** The session of a new person with these roles; of another one when it is over. */
const sessionOf = (roles: string[]): Caller => {
  const state: { made?: Promise<Record<string, string>> | undefined; suspect?: boolean } = {}
  const make = async (): Promise<Record<string, string>> => {
    const person = await house.user({ roles })
    const client = house.server.client()
    await signIn(client, { ...person, name: person.email })
    const { csrf_token } = (await client.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
    keep('users', person.user_id)
    const cookie = client.jar.header(new URL(house.server.issuer)) ?? ''
    return { cookie, origin: house.server.issuer, 'x-csrf-token': csrf_token }
  }
  return {
    headers: async () => {
      if (state.suspect) {
        state.suspect = false
        const alive = await ask('GET', '/api/v1/auth/session', { headers: (await state.made) ?? {} })
        if (alive.status !== 200) state.made = undefined
      }
      return await (state.made ??= make())
    },
    refused: () => {
      state.suspect = true
    },
  }
}

const ask = async (
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | undefined },
): Promise<Answer> =>
  await new Promise((resolve, reject) => {
    const url = new URL(house.server.issuer)
    const outgoing = httpRequest(
      { host: url.hostname, port: url.port, method, path, headers: { ...headers, host: url.host }, agent },
      (incoming) => {
        const type = incoming.headers['content-type'] ?? ''
        const status = incoming.statusCode ?? 0
        // A stream without end: that it began is its answer.
        if (type.startsWith('text/event-stream')) {
          incoming.destroy()
          return resolve({ status, type, body: '' })
        }
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => resolve({ status, type, body: Buffer.concat(chunks).toString('utf8') }))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })

const most = 400
const keep = (kind: string, id: string): void => {
  for (const name of [kind, 'id']) {
    const known = pool.get(name) ?? []
    if (known.length < most) pool.set(name, [...known, id])
  }
}

/** Places of the pool become ids that there are; `ids` are of the kind that the path is about. */
const filled = (value: string, about: string): string =>
  value.replaceAll(/«([a-z]+) (\d+)»/g, (_whole, name: string, at: string) => {
    const known = pool.get(name === 'ids' ? about : name) ?? pool.get('id') ?? []
    return known[Number(at) % Math.max(known.length, 1)] ?? 'none'
  })

/** What the objects of a path are called in it: `roles` of /api/v1/roles/{id}/permissions. */
const kindOf = (path: string): string => {
  const kind = /([a-z-]+)\/\{id\}/.exec(path)?.[1] ?? path.split('/').at(-1) ?? ''
  return kind === 'service-accounts' ? 'users' : kind
}

const callersOf = ({ security }: Entry['operation']): Caller[] =>
  security.some((way) => 'client' in way) ? callers.client : callers.others

const send = async ({ method, path, operation }: Entry, wanted: FuzzRequest): Promise<void> => {
  const about = kindOf(path)
  const real = path.replaceAll(/\{([a-z_]+)\}/g, (_whole, name: string) =>
    encodeURIComponent(filled(wanted.path[name] ?? 'none', about).toWellFormed()),
  )
  const query = new URLSearchParams(
    wanted.query.map(([name, value]): [string, string] => [name, filled(value, about)]),
  ).toString()
  const body = wanted.body === undefined ? undefined : filled(wanted.body, about)
  const all = callersOf(operation)
  const caller = all[wanted.caller % all.length]
  const headers = {
    ...(await caller?.headers()),
    ...wanted.headers,
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    ...(wanted.type !== undefined && { 'content-type': wanted.type }),
  }
  const pathname = new URL(`http://x${real}`).pathname
  const answer = await ask(method, `${real}${query === '' ? '' : `?${query}`}`, { headers, body })
  if (answer.status === 401) caller?.refused?.()
  seen.requests += 1
  if (answer.status < 300) seen.reached.add(operation.operationId)
  seen.answers.set(answer.status, (seen.answers.get(answer.status) ?? 0) + 1)
  judge(
    { method, path, pathname, operation },
    answer,
    `${real}${query === '' ? '' : `?${query}`} ${body?.slice(0, 300) ?? ''}`,
  )
  keepIds(path, answer)
}

const judge = (
  {
    method,
    path,
    pathname,
    operation,
  }: { method: string; path: string; pathname: string; operation: Entry['operation'] },
  answer: Answer,
  asked: string,
): void => {
  const note = (what: string) => problems.set(`${what} (asked: ${asked.slice(0, 400)})`, 1)
  if (answer.status >= 500 && answer.status !== 503) note(`${method} ${path} answers ${answer.status}`)
  // An address of dots is another address.
  const isIt = operations.find((one) => one.method === method && one.form.test(pathname))?.path === path
  const objection = isIt && answer.status !== 405 ? objectionTo({ method, path: pathname, ...answer }) : undefined
  if (objection !== undefined) note(objection)
  if (answer.status < 400 && isShown(operation)) return
  const found = secret.exec(answer.body)
  if (found) note(`${method} ${path} answers ${answer.status} with a secret: ${found[0].slice(0, 12)}`)
}

/** The document says that a secret is shown: in the summary, or at a member of the answer. */
const isShown = (operation: Entry['operation']): boolean => {
  const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'))
  return /shown (?:now|once|in this answer)/.test(`${operation.summary} ${JSON.stringify(withSchemas(answers))}`)
}

const withSchemas = (part: unknown): unknown[] => {
  const names = [...JSON.stringify(part).matchAll(/#\/components\/schemas\/([A-Za-z0-9]+)/g)].map(
    ([, name]) => name ?? '',
  )
  return [part, ...names.map((name) => document.components.schemas[name])]
}

/** What was made can be named from now on. */
const keepIds = (path: string, { status, body }: Answer): void => {
  if (status !== 201) return
  const [, id] = /"(?:id|client_id)":"([^"]{1,80})"/.exec(body) ?? []
  const last = path.split('/').at(-1) ?? ''
  if (id !== undefined) keep(last === 'service-accounts' ? 'users' : last, id)
}

/** What the document gives as an example is made first, so that there is something to read, change and delete. */
const makeExamples = async (): Promise<void> => {
  const [program] = callers.others.slice(3)
  const schemas = document.components.schemas as Named
  for (const { method, path, operation } of operations) {
    const schema = operation.requestBody?.content['application/json']?.schema
    if (method !== 'POST' || path.includes('{') || schema === undefined || !('201' in operation.responses)) continue
    const body = JSON.stringify(exampleOf(schema, schemas))
    const headers = { ...(await program?.headers()), 'content-type': 'application/json' }
    keepIds(path, await ask(method, path, { headers, body }))
  }
}

/** First what makes things, last what takes them away; the sessions of the callers go last of all. */
const order = ({ method, path }: Entry): number => {
  if (/users\/me$|logout|auth\//.test(path)) return 4
  if (method === 'DELETE') return 3
  return method === 'POST' && !path.includes('{') ? 0 : 1
}

it(`each operation gets ${count} requests (FUZZ_SEED=${seed})`, { timeout: 900_000 }, async () => {
  console.log(`FUZZ_SEED=${seed} FUZZ_REQUESTS=${count}`)
  const began = performance.now()
  await makeExamples()
  const sorted = operations.toSorted((one, other) => order(one) - order(other))
  for (const [at, entry] of sorted.entries()) {
    const start = performance.now()
    const waiting = requestsFor(entry.operation, { seed: seed + at, count, callers: callersOf(entry.operation).length })
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next; next = waiting.pop()) await send(entry, next)
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    if (process.env.FUZZ_TIMES) console.log(entry.method, entry.path, Math.round(performance.now() - start))
  }
  const reached = operations.filter(({ operation }) => seen.reached.has(operation.operationId)).length
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(
    `${operations.length} operations, ${reached} of them with success, ${seen.requests} requests in ${seconds} s: ${JSON.stringify(Object.fromEntries(seen.answers))}`,
  )
  expect([...problems.keys()]).toEqual([])
  // Else it looks at refusals only.
  expect(reached).toBeGreaterThan(operations.length / 2)
})
