/**
 * Owns the running of a request collection as its program runs it: requests in the order of the files, variables filled in, scripts
 * run with what they may see of the answer. Reads both kinds. Start reading at `runCollection`.
 */
import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import type { HttpClient, Reply } from './http.ts'

/** A request out of a file, with its variables not yet filled in. */
export type Call = {
  name: string
  method: string
  url: string
  headers: [string, string][]
  basic?: { username: string; password: string } | undefined
  body?: string | undefined
  /** Runs what stands behind the request; throws when a test in it fails. */
  after: (reply: Reply, variables: Map<string, string>) => void
}

export type Ran = { name: string; status: number; body: string; problem?: string }

/** Runs every request, one after the other. */
export const runCollection = async (
  client: HttpClient,
  calls: readonly Call[],
  variables: Map<string, string>,
): Promise<Ran[]> => {
  const ran: Ran[] = []
  for (const call of calls) {
    variables.set('now', new Date(Date.now() - 3_600_000).toISOString())
    const missing = new Set<string>()
    const fill = (text: string): string =>
      text.replaceAll(/\{\{(\w+)\}\}/g, (_whole, name: string) => {
        const value = variables.get(name)
        if (value === undefined) missing.add(name)
        return value ?? ''
      })
    const headers = Object.fromEntries(call.headers.map(([name, value]) => [name.toLowerCase(), fill(value)]))
    const { basic } = call
    const pair = basic && Buffer.from(`${fill(basic.username)}:${fill(basic.password)}`).toString('base64')
    const reply = await client.request(fill(call.url), {
      method: call.method,
      headers: {
        accept: 'application/json',
        ...headers,
        ...(pair !== undefined && { authorization: `Basic ${pair}` }),
      },
      ...(call.body !== undefined && { body: fill(call.body) }),
    })
    const problem = missing.size > 0 ? `no value for ${[...missing].join(', ')}` : problemOf(call, reply, variables)
    ran.push({
      name: `${call.method} ${call.name}`,
      status: reply.status,
      body: reply.body,
      ...(problem !== undefined && { problem }),
    })
  }
  return ran
}

const problemOf = (call: Call, reply: Reply, variables: Map<string, string>): string | undefined => {
  try {
    call.after(reply, variables)
    return undefined
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}, got ${reply.status} ${reply.body.slice(0, 300)}`
  }
}

const includes = (allowed: unknown[]) => ({
  to: {
    include: (value: unknown) => {
      if (!allowed.includes(value)) throw new Error(`expected ${allowed.join(' or ')}`)
    },
  },
})
const test = (_name: string, check: () => void): void => check()
const setIn =
  (variables: Map<string, string>) =>
  (name: string, value: unknown): void => {
    if (typeof value !== 'string') throw new Error(`${name} is not in the answer`)
    variables.set(name, value)
  }

type PostmanItem = {
  name: string
  item?: PostmanItem[]
  event?: { listen: string; script: { exec: string[] } }[]
  request?: {
    method: string
    header: { key: string; value: string }[]
    auth?: { basic: { key: 'username' | 'password'; value: string }[] }
    body?: { raw: string }
    url: { raw: string }
  }
}

/** The requests of a Postman collection, folders in their order. */
export const postmanCalls = (text: string): Call[] => {
  const walk = ({ item, ...one }: PostmanItem): Call[] => (item ? item.flatMap(walk) : callOf(one))
  return (JSON.parse(text) as { item: PostmanItem[] }).item.flatMap(walk)
}

const callOf = ({ name, request, event = [] }: PostmanItem): Call[] => {
  if (request === undefined) return []
  const pairs = Object.fromEntries((request.auth?.basic ?? []).map(({ key, value }) => [key, value]))
  const script = event.flatMap((one) => (one.listen === 'test' ? one.script.exec : [])).join('\n')
  return [
    {
      name,
      method: request.method,
      url: request.url.raw,
      headers: request.header.map(({ key, value }) => [key, value]),
      basic: request.auth && { username: pairs['username'] ?? '', password: pairs['password'] ?? '' },
      body: request.body?.raw,
      after: (reply, variables) => {
        const response = { code: reply.status, json: () => reply.json() }
        const pm = { test, expect: includes, response, collectionVariables: { set: setIn(variables) } }
        runInNewContext(script, { pm })
      },
    },
  ]
}

/** What Bruno's own reader makes of a file. */
type BrunoFile = {
  meta: { name: string; seq: string }
  http: { method: string; url: string; body: string; auth: string }
  headers?: { name: string; value: string }[]
  auth?: { basic?: { username: string; password: string } }
  body?: { json?: string; text?: string; formUrlEncoded?: { name: string; value: string }[] }
  script?: { res?: string }
  tests?: string
}

const require = createRequire(import.meta.url)

/** The requests of a Bruno collection: files in the order of their names, as folders and files say it too. */
export const brunoCalls = (folder: string): Call[] => {
  const { bruToJsonV2 } = require('@usebruno/lang') as { bruToJsonV2: (text: string) => BrunoFile }
  const files = globSync('*/*.bru', { cwd: folder }).filter((file) => !/folder\.bru$|^environments/.test(file))
  return files.toSorted().map((file): Call => {
    const one = bruToJsonV2(readFileSync(join(folder, file), 'utf8'))
    const form = one.body?.formUrlEncoded?.map(({ name, value }) => `${name}=${value}`).join('&')
    const script = `${one.script?.res ?? ''}\n${one.tests ?? ''}`
    return {
      name: one.meta.name,
      method: one.http.method.toUpperCase(),
      url: one.http.url,
      headers: (one.headers ?? []).map(({ name, value }) => [name, value]),
      basic: one.auth?.basic,
      body: one.body?.json ?? one.body?.text ?? form,
      after: (reply, variables) => {
        const isJson = /[/+]json/.test(reply.headers['content-type'] ?? '')
        const res = { status: reply.status, body: isJson ? (JSON.parse(reply.body) as unknown) : reply.body }
        runInNewContext(script, { res, test, expect: includes, bru: { setVar: setIn(variables) } })
      },
    }
  })
}
