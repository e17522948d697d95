/** `keywright client …` beside a running server: the credentials work, and a change counts at once. */
import { beforeAll, describe, expect, it } from 'vitest'
import { clientCommands, type Credentials, refused } from '../support/cli.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'

let oauth: Oauth

beforeAll(async () => {
  oauth = await openOauth()
})

const { run, create, machine, show } = clientCommands(() => oauth.server.env)
const eventsOf = async (client_id: string): Promise<string[]> =>
  (
    await oauth.db<
      { type: string }[]
    >`select type from all_events where client_id = ${client_id} and type like 'client.%' order by id`
  ).map(({ type }) => type)

/** The status of a client_credentials request with these credentials. */
const useSecret = async ({ client_id, client_secret }: Credentials): Promise<number> => {
  const client = { client_id, client_secret, redirect_uri: '' }
  return (await oauth.token(client, { grant_type: 'client_credentials', scope: 'read' })).status
}

describe('client show and list', () => {
  it('show of a secret no more than its last four characters', async () => {
    const { client_id, client_secret = '' } = await machine()
    const shown = await run('client', 'show', client_id, '--json')
    expect(shown.json).toMatchObject({ secrets: [{ hint: client_secret.slice(-4), expires_at: null }] })
    expect(shown.stdout).not.toContain('secret_hash')
    const text = await run('client', 'show', client_id)
    expect(text.stdout).toContain(`secret        …${client_secret.slice(-4)}, made `)
    expect(text.stdout).not.toContain(client_secret)
  })

  it('list in pages, oldest first', async () => {
    const { client_id } = await machine()
    const all = (await run('client', 'list', '--json')).json as { clients: Credentials[] }
    expect(all.clients.at(-1)).toMatchObject({ client_id, type: 'machine' })
    const first = all.clients[0]?.client_id ?? ''
    const next = (await run('client', 'list', '--limit', '1', '--after', first, '--json')).json as typeof all
    expect(next.clients).toEqual(all.clients.slice(1, 2))
    expect((await run('client', 'list')).stdout).toMatch(/^CLIENT_ID +STATUS +TYPE +NAME +CREATED\n/)
    expect(await run('client', 'list', '--after', 'app_none')).toMatchObject(refused('There is no client app_none.'))
    expect(await run('client', 'show', 'app_none')).toMatchObject(refused('There is no client app_none.'))
  })
})

describe('client update', () => {
  it('replaces what is named, keeps the rest, and empties a list with an empty value', async () => {
    const { client_id } = await create(
      '--type',
      'web',
      '--redirect-uri',
      'https://a.example/cb',
      '--origin',
      'https://a.example',
    )
    const change = ['--redirect-uri', 'https://b.example/cb', '--origin', '', '--first-party', '--name', 'New name']
    expect(await run('client', 'update', client_id, ...change)).toMatchObject({
      code: 0,
      stdout: `Changed client ${client_id}.\n`,
    })
    const after = await show(client_id)
    expect(after).toMatchObject({
      client_name: 'New name',
      redirect_uris: ['https://b.example/cb'],
      allowed_origins: [],
      first_party: true,
      type: 'web',
      grant_types: ['authorization_code', 'refresh_token'],
    })
    expect(await run('client', 'update', client_id, '--no-first-party')).toMatchObject({ code: 0 })
    const { updated_at: _then, ...rest } = after
    expect(await show(client_id)).toMatchObject({ ...rest, first_party: false })
    expect(await eventsOf(client_id)).toEqual(['client.created', 'client.updated', 'client.updated'])
  })

  it('says how old a proof may be that its sign-ins rest on, and takes that back', async () => {
    const { client_id } = await create('--type', 'web', '--redirect-uri', 'https://a.example/cb', '--max-age', '300')
    expect(await show(client_id)).toMatchObject({ default_max_age: 300 })
    expect(await run('client', 'update', client_id, '--name', 'Other')).toMatchObject({ code: 0 })
    expect(await show(client_id)).toMatchObject({ default_max_age: 300 })
    expect(await run('client', 'update', client_id, '--max-age', 'none')).toMatchObject({ code: 0 })
    expect((await show(client_id))['default_max_age'] ?? null).toBeNull()
    expect(await run('client', 'update', client_id, '--max-age', 'soon')).toMatchObject({ code: 2 })
  })

  it('checks the result as a whole, like a new one', async () => {
    const { client_id } = await machine()
    const sentence =
      'The client cannot be registered so: expected a client secret for client_credentials; got auth method none.'
    expect(await run('client', 'update', client_id, '--auth-method', 'none')).toMatchObject(refused(sentence))
    expect(await run('client', 'update', 'app_none', '--name', 'x')).toMatchObject(
      refused('There is no client app_none.'),
    )
    expect(await run('client', 'update', client_id)).toMatchObject({
      code: 2,
      stderr: 'keywright: Say what to change.\n',
    })
  })
})

/** A node's copy of a client is at most a second old (G-3). */
const soon = { timeout: 2000 }

describe('client rotate-secret', () => {
  it('keeps the last secret for the overlap: two live ones, never three', async () => {
    const first = await machine()
    const second = (await run('client', 'rotate-secret', first.client_id, '--json')).json as Credentials
    expect(second).toMatchObject({
      client_id: first.client_id,
      client_secret: expect.stringMatching(/^kw_cs_/) as string,
    })
    await expect.poll(() => useSecret(second), soon).toBe(200)
    expect(await useSecret(first)).toBe(200)
    const [, old] = (await show(first.client_id))['secrets'] as { expires_at: string }[]
    const hours = (Date.parse(old?.expires_at ?? '') - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(23.9)
    expect(hours).toBeLessThan(24.1)
    expect(second).toMatchObject({ previous_expires_at: old?.expires_at })
    const third = (await run('client', 'rotate-secret', first.client_id, '--overlap', '7d', '--json'))
      .json as Credentials
    await expect.poll(() => useSecret(third), soon).toBe(200)
    await expect.poll(() => useSecret(first), soon).toBe(401)
    expect(await useSecret(second)).toBe(200)
  })

  it('ends the last secret at once with an overlap of nothing', async () => {
    const first = await machine()
    const second = (await run('client', 'rotate-secret', first.client_id, '--overlap', '0', '--json'))
      .json as Credentials
    await expect.poll(() => useSecret(first), soon).toBe(401)
    await expect.poll(() => useSecret(second), soon).toBe(200)
  })

  it('says until when the last secret works', async () => {
    const { client_id } = await machine()
    const { stdout } = await run('client', 'rotate-secret', client_id, '--overlap', '30m')
    expect(stdout).toMatch(/\nThe last secret works until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n$/)
  })

  it('is for clients with a secret, and for times that can be read', async () => {
    const { client_id } = await create('--type', 'native', '--redirect-uri', 'http://127.0.0.1/cb')
    expect(await run('client', 'rotate-secret', client_id)).toMatchObject(refused('A public client has no secret.'))
    expect(await run('client', 'rotate-secret', 'app_none')).toMatchObject(refused('There is no client app_none.'))
    expect(await run('client', 'rotate-secret', client_id, '--overlap', 'soon')).toMatchObject({ code: 2 })
  })
})

describe('what ends access', () => {
  const resource = 'https://api.example'
  const issued = async (): Promise<{ created: Credentials; access_token: string }> => {
    const created = await create('--type', 'machine', '--scope', 'read', '--resource', resource)
    const client = { ...created, client_secret: created.client_secret, redirect_uri: '' }
    const reply = await oauth.token(client, { grant_type: 'client_credentials', scope: 'read', resource })
    return { created, access_token: reply.json<{ access_token: string }>().access_token }
  }
  /** What the API that the token is for is told of it. */
  const isActive = async (access_token: string): Promise<unknown> => {
    const api = await oauth.client({ type: 'machine', audiences: [resource] })
    return (await oauth.introspect(api, access_token))['active']
  }

  it('disable: requests and tokens, at once, until enable', async () => {
    const { created, access_token } = await issued()
    expect(await isActive(access_token)).toBe(true)
    const disabled = await run('client', 'disable', created.client_id, '--json')
    expect(disabled).toMatchObject({ code: 0, json: { client_id: created.client_id, status: 'disabled' } })
    expect(await isActive(access_token)).toBe(false)
    await expect.poll(() => useSecret(created), soon).toBe(401)
    expect(await run('client', 'update', created.client_id, '--name', 'still disabled')).toMatchObject({ code: 0 })
    expect(await show(created.client_id)).toMatchObject({ status: 'disabled' })
    expect(await run('client', 'enable', created.client_id)).toMatchObject({ code: 0 })
    await expect.poll(() => useSecret(created), soon).toBe(200)
    expect(await run('client', 'disable', 'app_none')).toMatchObject(refused('There is no client app_none.'))
  })

  it('delete: only when it is said, with everything issued to it', async () => {
    const { created, access_token } = await issued()
    expect(await run('client', 'delete', created.client_id)).toMatchObject({
      code: 2,
      stderr: 'keywright: This cannot be undone: say --yes.\n',
    })
    expect(await isActive(access_token)).toBe(true)
    expect(await run('client', 'delete', created.client_id, '--yes')).toMatchObject({ code: 0 })
    expect(await isActive(access_token)).toBe(false)
    await expect.poll(() => useSecret(created), soon).toBe(401)
    expect(await run('client', 'delete', created.client_id, '--yes')).toMatchObject(
      refused(`There is no client ${created.client_id}.`),
    )
    expect((await eventsOf(created.client_id)).filter((type) => type === 'client.deleted')).toHaveLength(1)
  })
})
