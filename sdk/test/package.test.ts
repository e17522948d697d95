/**
 * What is published: packed as npm does it, unpacked into an empty project, imported by the oldest Node of this machine, and
 * the code of its README run against a real server. Start reading at `unpack`.
 */
import { spawnSync } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { makeApiKey } from '../../server/test/support/api-keys.ts'
import { childEnv, repository, startChild, temporaryFolder } from '../../server/test/support/child.ts'
import { until } from '../../server/test/support/looks.ts'
import { type Oauth, openOauth } from '../../server/test/support/oauth.ts'
import { freePort } from '../../server/test/support/port.ts'

const audience = 'https://orders.example.com'
let project: string
let installed: string
let oauth: Oauth
let credentials: Record<string, string>
let token: string

const run = (command: string, args: string[], cwd: string): string => {
  const path = [join(repository, 'node_modules', '.bin'), process.env['PATH']].join(delimiter)
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...childEnv({}), PATH: path } })
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`)
  return done.stdout
}

/** A project with the package and what its examples stand on, and nothing else. */
const unpack = async (): Promise<void> => {
  project = await temporaryFolder('private')
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--pack-destination', project], join(repository, 'sdk')),
  ) as {
    filename: string
  }[]
  installed = join(project, 'node_modules', '@keywright', 'sdk')
  mkdirSync(installed, { recursive: true })
  run('tar', ['-xzf', join(project, packed?.filename ?? ''), '--strip-components=1', '-C', installed], project)
  for (const name of ['jose', 'express', 'fastify', 'hono'])
    symlinkSync(join(repository, 'node_modules', name), join(project, 'node_modules', name))
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
}

beforeAll(async () => {
  await unpack()
  oauth = await openOauth()
  const api = await oauth.client({ type: 'machine', scope: 'revocations:read', audiences: [audience] })
  credentials = {
    ISSUER: oauth.server.issuer,
    AUDIENCE: audience,
    CLIENT_ID: api.client_id,
    CLIENT_SECRET: api.client_secret ?? '',
  }
  const app = await oauth.client({ resources: [audience] })
  token = (await oauth.grant(await oauth.person(), app, { resource: audience, scope: 'openid roles' })).access_token
}, 120_000)

const files = (): string[] => readdirSync(join(installed, 'dist'))
const readme = (): string => readFileSync(join(installed, 'README.md'), 'utf8')

/** A block of the README by the name in its first line, written into the project. */
const example = (name: string): string => {
  const blocks = [...readme().matchAll(/```js\n\/\/ (\S+)[^\n]*\n(.*?)```/gs)]
  const found = blocks.find(([, file]) => file === name)?.[2]
  if (found === undefined) throw new Error(`the README has no ${name}`)
  const file = join(project, name)
  writeFileSync(file, found)
  return file
}

describe('the package', () => {
  it('holds plain JavaScript, types and the README; no sources, no tests', () => {
    expect(readdirSync(installed).toSorted()).toEqual(['README.md', 'dist', 'package.json'])
    expect(files().filter((name) => !/\.(js|d\.ts)$/.test(name))).toEqual([])
    for (const name of files()) expect(readFileSync(join(installed, 'dist', name), 'utf8')).not.toMatch(/\.ts'/)
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<string, object>
    expect(Object.keys(manifest['dependencies'] ?? {})).toEqual(['jose'])
  })

  it('stays small: what runs is below 60 KB', () => {
    const size = files()
      .filter((name) => name.endsWith('.js'))
      .reduce((sum, name) => sum + statSync(join(installed, 'dist', name)).size, 0)
    expect(size).toBeLessThan(60_000)
  })

  it('every door opens, on each Node of this machine', () => {
    const { exports: doors } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { exports: object }
    const names = Object.keys(doors).filter((name) => !name.endsWith('.json'))
    const program = names
      .map((name) => `console.log(Object.keys(await import('@keywright/sdk${name.slice(1)}')).join())`)
      .join('\n')
    writeFileSync(join(project, 'doors.mjs'), program)
    const programs = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'))
    const nodes = new Set([process.execPath, ...programs.filter((file) => existsSync(file))])
    for (const node of nodes) expect(run(node, ['doors.mjs'], project).trim().split('\n')).toHaveLength(names.length)
  })

  it('its types are right for who uses them, with and without the frameworks', () => {
    writeFileSync(
      join(project, 'use.ts'),
      `import { createVerifier, KeywrightError, type Auth } from '@keywright/sdk'
import { createGuards } from '@keywright/sdk/next'
import { createClient } from '@keywright/sdk/client'
import { verifyWebhook } from '@keywright/sdk/webhook'
const verifier = createVerifier({ issuer: 'https://id.example', audience: 'a', revocations: false })
const { requireRoles } = createGuards(verifier)
export const GET = requireRoles('admin')((request, auth: Auth) => Response.json({ url: request.url, sub: auth.sub }))
export const client = createClient({ issuer: 'https://id.example', apiKey: 'k' })
export const name: Promise<string> = client.get('/api/v1/api-keys/{id}', { params: { id: '1' } }).then(({ data }) => data.name)
export const body = verifyWebhook('', {}, 's').catch((error: unknown) => error instanceof KeywrightError)
// @ts-expect-error a path that there is not
export const none = client.get('/api/v1/nothing')
// @ts-expect-error a role is needed
export const nobody = requireRoles()
`,
    )
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023,dom,dom.iterable',
      '--types',
      '',
    ]
    expect(run('tsc', [...options, 'use.ts'], project)).toBe('')
  })
})

/** Starts an example as a server. */
const serve = async (name: string): Promise<(path: string, init?: RequestInit) => Promise<Response>> => {
  const port = await freePort()
  const env = childEnv({ ...credentials, PORT: String(port) })
  const child = startChild([process.execPath, example(name)], { env, cwd: project })
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
    await fetch(`http://localhost:${port}${path}`, init)
  await until(async () => {
    if (child.process.exitCode !== null) throw new Error(child.output())
    return await ask('/').then(
      () => true,
      () => false,
    )
  })
  return ask
}

/** Imports an example into this process, with the settings that it reads. */
const load = async <T>(name: string, env: Record<string, string> = credentials): Promise<T> => {
  Object.assign(process.env, env)
  return (await import(pathToFileURL(example(name)).href)) as T
}

const bearer = (value = token): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${value}` },
})

describe('the README', () => {
  it('of the whole project shows three lines of the same', () => {
    const lines = /```js\n(.*?)```/s.exec(readFileSync(join(repository, 'README.md'), 'utf8'))?.[1]?.trim() ?? ''
    expect(lines.split('\n')).toHaveLength(3)
    expect(readFileSync(example('express.js'), 'utf8')).toContain(lines)
  })

  it('express.js protects an API in three lines', async () => {
    const ask = await serve('express.js')
    expect((await ask('/orders')).status).toBe(401)
    const good = await ask('/orders', bearer())
    expect([good.status, await good.json()]).toEqual([
      200,
      { sub: expect.any(String) as string, scopes: ['openid', 'roles'] },
    ])
    expect((await ask('/admin', bearer())).status).toBe(403)
    expect((await ask('/orders', { ...bearer(), method: 'POST' })).status).toBe(403)
    expect(await (await ask('/either', bearer())).json()).toEqual({ type: 'token' })
  })

  it('fastify.js', async () => {
    const ask = await serve('fastify.js')
    expect((await ask('/orders')).headers.get('www-authenticate')).toBe('Bearer')
    expect((await ask('/orders', bearer())).status).toBe(200)
  })

  it('hono.js and route.js', async () => {
    const { default: app } = await load<{
      default: { request: (path: string, init?: RequestInit) => Promise<Response> }
    }>('hono.js')
    expect((await app.request('/orders')).status).toBe(401)
    expect((await app.request('/orders', bearer())).status).toBe(200)
    type Handler = (request: Request, context: { params: Promise<object> }) => Promise<Response>
    const { GET, DELETE } = await load<{ GET: Handler; DELETE: Handler }>('route.js')
    const context = { params: Promise.resolve({ id: '1' }) }
    expect((await GET(new Request('https://orders.example.com/orders'), context)).status).toBe(401)
    expect((await GET(new Request('https://orders.example.com/orders', bearer()), context)).status).toBe(200)
    expect((await DELETE(new Request('https://orders.example.com/orders', bearer()), context)).status).toBe(403)
  })

  it('webhook.js', async () => {
    const secret = randomBytes(24).toString('base64')
    type Receive = (body: string, headers: Record<string, string>) => Promise<object>
    const { receive } = await load<{ receive: Receive }>('webhook.js', { WEBHOOK_SECRET: `whsec_${secret}` })
    const [body, at] = ['{"type":"user.created"}', String(Math.floor(Date.now() / 1000))]
    const mac = createHmac('sha256', Buffer.from(secret, 'base64')).update(`evt_1.${at}.${body}`).digest('base64')
    const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': at, 'webhook-signature': `v1,${mac}` }
    expect(await receive(body, headers)).toEqual({ id: 'evt_1', type: 'user.created' })
    await expect(receive(`${body} `, headers)).rejects.toThrow('signature')
  })

  it('client.js: a list page by page, a change with its ETag', async () => {
    const resource = `${oauth.server.issuer}/api/v1`
    const app = await oauth.client({ scope: 'openid account', resources: [resource] })
    const person = await oauth.person()
    const keys = [await makeApiKey(oauth.db, person.user.user_id), await makeApiKey(oauth.db, person.user.user_id)]
    const { access_token } = await oauth.grant(person, app, { resource, scope: 'openid account' })
    type Example = {
      names: () => Promise<string[]>
      rename: (id: string, name: string) => Promise<{ data: { name: string } }>
    }
    const { names, rename } = await load<Example>('client.js', { ISSUER: oauth.server.issuer, TOKEN: access_token })
    expect(await names()).toEqual(['a key', 'a key'])
    expect((await rename(keys[0]?.id ?? '', 'another name')).data.name).toBe('another name')
    expect((await names()).toSorted((one, other) => one.localeCompare(other))).toEqual(['a key', 'another name'])
  })
})
