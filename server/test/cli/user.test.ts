/** `keywright user …` beside a running server: what a command does is what the server then answers. */
import { beforeAll, describe, expect, it } from 'vitest'
import { refused } from '../support/cli.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'
import { type CliResult, cli } from '../support/server.ts'
import type { TestClient } from '../support/fixtures.ts'

let oauth: Oauth
let web: TestClient
let made = 0

beforeAll(async () => {
  oauth = await openOauth()
  web = await oauth.client()
})

const run = async (args: string[], input = ''): Promise<CliResult> => await cli(args, { env: oauth.server.env, input })
const password = 'a quiet stone arch'
const nextEmail = (): string => `cli-${(made += 1)}@example.com`

const create = async (...args: string[]): Promise<{ user_id: string; email: string }> => {
  const email = nextEmail()
  const result = await run(['user', 'create', '--email', email, '--password-stdin', '--json', ...args], `${password}\n`)
  expect(result, result.stderr).toMatchObject({ code: 0, stderr: '', json: { user_id: expect.any(String) as string } })
  return { email, ...(result.json as { user_id: string }) }
}

const eventsOf = async (user_id: string): Promise<string[]> =>
  (await oauth.db<{ type: string }[]>`select type from all_events where user_id = ${user_id} order by id`).map(
    ({ type }) => type,
  )

describe('user create', () => {
  it('makes an account that can sign in, with name, roles and claims', async () => {
    const claims = JSON.stringify({ department: 'sales' })
    const args = ['--verified', '--name', 'Ada', '--username', 'ada', '--role', 'admin', '--role', 'user']
    const { user_id, email } = await create(...args, '--claims', claims)
    const person = await oauth.person({ user_id, email, password })
    const { access_token } = await oauth.grant(person, web)
    expect((await oauth.userinfo(access_token)).json()).toMatchObject({
      sub: user_id,
      email,
      email_verified: true,
      name: 'Ada',
      preferred_username: 'ada',
      department: 'sales',
      roles: ['admin', 'user'],
    })
    expect((await eventsOf(user_id))[0]).toBe('user.created')
  })

  it('prints a sentence for a person without --json', async () => {
    const result = await run(['user', 'create', '--username', 'grace', '--no-password'])
    expect(result).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Created account [0-9a-f-]{36}\.\n$/) as string,
    })
  })

  it('refuses an unknown role and leaves no account behind', async () => {
    const email = nextEmail()
    const args = ['user', 'create', '--email', email, '--no-password', '--role', 'nosuch']
    expect(await run(args)).toMatchObject(refused('There is no role nosuch.'))
    expect(await oauth.db`select 1 from users where email = ${email}`).toHaveLength(0)
  })

  it.each([
    [['--email', 'no address'], password, 'The email address is not valid.'],
    [['--email', 'x@example.com', '--username', 'a@b'], password, 'The user name is not valid.'],
    [[], password, 'An email address or a user name is needed.'],
    [['--email', 'x@example.com'], 'short', 'The password is too short: at least 10 characters.'],
    [['--email', 'x@example.com'], '', 'The password on standard input is empty.'],
    [['--email', 'x@example.com'], 'x'.repeat(66_000), 'The password on standard input is longer than 64 KB.'],
  ])('refuses %j in one sentence', async (args, input, sentence) => {
    expect(await run(['user', 'create', '--password-stdin', ...args], input)).toMatchObject(refused(sentence))
  })

  it('invite: refuses a language that there is not, and says which there are', async () => {
    const reply = await run(['user', 'invite', '--email', 'zed@example.com', '--lang', 'xx'])
    expect(reply).toMatchObject({ code: 1, stdout: '' })
    expect(reply.stderr).toMatch(/There are no letters in this language, only in de, en, .*/)
  })

  it('refuses an address that is taken', async () => {
    const { email } = await create()
    const again = await run(['user', 'create', '--email', email.toUpperCase(), '--no-password'])
    expect(again).toMatchObject(refused('There is an account with this address or name already.'))
  })

  it.each([
    [
      ['--email', 'x@example.com'],
      'keywright: Give the password on standard input, with --password-stdin, or say --no-password.\n',
    ],
    [['--email'], "keywright: option '--email <address>' argument missing\n"],
    [
      ['--claims', '[1]'],
      'keywright: option \'--claims <json>\' argument \'[1]\' is invalid. It must be a JSON object, such as {"department":"sales"}.\n',
    ],
    [['--claims', '{'], "keywright: option '--claims <json>' argument '{' is invalid. It must be JSON.\n"],
    [['--nosuch'], "keywright: unknown option '--nosuch'\n"],
  ])('tells wrong usage from a refusal: %j', async (args, stderr) => {
    expect(await run(['user', 'create', ...args])).toMatchObject({ code: 2, stdout: '', stderr })
  })
})

describe('user show and list', () => {
  it('finds an account by id, address and user name', async () => {
    const { user_id, email } = await create('--username', 'Show.Me')
    for (const key of [user_id, email, email.toUpperCase(), 'show.me']) {
      expect((await run(['user', 'show', key, '--json'])).json).toMatchObject({
        id: user_id,
        roles: [],
        status: 'active',
      })
    }
    const text = await run(['user', 'show', email])
    expect(text.stdout).toContain(`email        ${email} (not verified)\n`)
    expect(text.stdout).toMatch(/^created +\d{4}-\d\d-\d\d \d\d:\d\d UTC\nchanged /m)
    expect(text.stdout).not.toContain('argon2')
  })

  it('finds the owner of an id, not somebody who took it as a user name', async () => {
    const { user_id } = await create()
    await create('--username', user_id)
    // A changed row comes last where nobody asks for an order.
    await run(['user', 'update', user_id, '--name', 'Owner'])
    expect((await run(['user', 'show', user_id, '--json'])).json).toMatchObject({ id: user_id })
  })

  it('lists in pages, oldest first, without anything secret', async () => {
    await create()
    await create()
    const all = (await run(['user', 'list', '--json'])).json as { users: { id: string }[] }
    const first = (await run(['user', 'list', '--json', '--limit', '1'])).json as { users: { id: string }[] }
    const second = await run(['user', 'list', '--json', '--limit', '1', '--after', first.users[0]?.id ?? ''])
    expect([...first.users, ...(second.json as typeof first).users]).toEqual(all.users.slice(0, 2))
    expect(Object.keys(all.users[0] ?? {})).toEqual([
      'id',
      'status',
      'email',
      'email_verified',
      'username',
      'name',
      'created_at',
    ])
    expect((await run(['user', 'list'])).stdout).toMatch(/^ID +STATUS +EMAIL +USERNAME +NAME +CREATED\n/)
  })

  it('says that there is no such account', async () => {
    expect(await run(['user', 'show', 'nobody'])).toMatchObject(refused('There is no account nobody.'))
    expect(await run(['user', 'list', '--after', 'nobody'])).toMatchObject(refused('There is no account nobody.'))
    expect(await run(['user', 'list', '--limit', '0'])).toMatchObject({ code: 2 })
  })

  it('shows nothing that could command a terminal', async () => {
    const { user_id } = await create('--name', 'evil \u001b[2J\u009b2J \u202e name')
    const { stdout } = await run(['user', 'show', user_id])
    expect(stdout).toContain('evil \ufffd[2J\ufffd2J \ufffd name')
  })
})

describe('user update', () => {
  it('changes what is named; a new address is not verified', async () => {
    const { user_id, email } = await create('--verified', '--name', 'Before')
    const next = nextEmail()
    expect(await run(['user', 'update', email, '--email', next, '--claims', '{"a":1}'])).toMatchObject({ code: 0 })
    const shown = async (): Promise<unknown> => (await run(['user', 'show', user_id, '--json'])).json
    expect(await shown()).toMatchObject({ email: next, email_verified: false, name: 'Before', claims: { a: 1 } })
    expect(await run(['user', 'update', user_id, '--verified', '--name', ''])).toMatchObject({ code: 0 })
    expect(await shown()).toMatchObject({ email: next, email_verified: true, name: null })
    expect(await run(['user', 'update', user_id, '--email', next.toUpperCase()])).toMatchObject({ code: 0 })
    expect(await shown()).toMatchObject({ email: next.toUpperCase(), email_verified: true })
    expect(await eventsOf(user_id)).toEqual(['user.created', 'user.updated', 'user.updated', 'user.updated'])
  })

  it('refuses what is taken or not valid, and nothing at all', async () => {
    const [one, other] = [await create(), await create()]
    const sentence = 'Another account has this address or name.'
    expect(await run(['user', 'update', one.email, '--email', other.email])).toMatchObject(refused(sentence))
    expect(await run(['user', 'update', one.email, '--email', 'x'])).toMatchObject(
      refused('The email address is not valid.'),
    )
    expect(await run(['user', 'update', one.email, '--username', 'x@y'])).toMatchObject(
      refused('The user name is not valid.'),
    )
    expect(await run(['user', 'update', one.email])).toMatchObject({
      code: 2,
      stderr: 'keywright: Say what to change.\n',
    })
  })
})

describe('what ends sessions and tokens', () => {
  const signedIn = async () => {
    const user = { ...(await create('--role', 'admin')), password }
    const person = await oauth.person(user)
    const tokens = await oauth.grant(person, web)
    const lives = async (): Promise<number> => (await oauth.userinfo(tokens.access_token)).status
    expect(await lives()).toBe(200)
    return { ...user, person, tokens, lives }
  }
  const mayRefresh = async (token: string | undefined): Promise<number> => (await oauth.refresh(web, token)).status

  it('disable: at once, and until enable', async () => {
    const { email, user_id, tokens, lives } = await signedIn()
    expect(await run(['user', 'disable', email, '--json'])).toMatchObject({
      code: 0,
      json: { user_id, status: 'disabled' },
    })
    expect([await lives(), await mayRefresh(tokens.refresh_token)]).toEqual([401, 400])
    await expect(oauth.person({ user_id, email, password })).rejects.toThrow('not signed in')
    expect(await run(['user', 'enable', email])).toMatchObject({ code: 0, stdout: `Account ${user_id} is active.\n` })
    await expect(oauth.person({ user_id, email, password })).resolves.toBeDefined()
    expect(await lives()).toBe(401)
    expect(await eventsOf(user_id)).toContain('user.enabled')
  })

  it('set-password: the old one and everything proved with it', async () => {
    const { email, user_id, lives, tokens } = await signedIn()
    const next = 'another quiet stone arch'
    expect(await run(['user', 'set-password', email, '--password-stdin'], next)).toMatchObject({ code: 0 })
    expect([await lives(), await mayRefresh(tokens.refresh_token)]).toEqual([401, 400])
    await expect(oauth.person({ user_id, email, password })).rejects.toThrow('not signed in')
    await expect(oauth.person({ user_id, email, password: next })).resolves.toBeDefined()
    const weak = await run(['user', 'set-password', email, '--password-stdin'], 'aaaaaaaaaaaaaa')
    expect(weak).toMatchObject(refused('This password is too common: it is on the lists that attackers try first.'))
    expect(await run(['user', 'set-password', email])).toMatchObject({ code: 2 })
  })

  it('roles: a loss kills the tokens that name it', async () => {
    const { email, user_id, lives } = await signedIn()
    const change = ['user', 'roles', email, '--add', 'user', '--remove', 'admin', '--json']
    expect(await run(change)).toMatchObject({ code: 0, json: { user_id, roles: ['user'] } })
    expect(await lives()).toBe(401)
    expect((await run(['user', 'roles', email])).stdout).toBe('user\n')
    const missing = await run(['user', 'roles', email, '--remove', 'admin'])
    expect(missing).toMatchObject(refused(`Account ${user_id} does not have the role admin.`))
    const unknown = await run(['user', 'roles', email, '--add', 'nosuch', '--remove', 'user'])
    expect(unknown).toMatchObject(refused('There is no role nosuch.'))
    expect((await run(['user', 'roles', email])).stdout).toBe('user\n')
    expect((await eventsOf(user_id)).filter((type) => type === 'user.roles_changed')).toHaveLength(1)
  })

  it('delete: only when it is said, and for good', async () => {
    const { email, user_id, lives } = await signedIn()
    const asked = await run(['user', 'delete', email])
    expect(asked).toMatchObject({ code: 2, stderr: 'keywright: This cannot be undone: say --yes.\n' })
    expect(await lives()).toBe(200)
    expect(await run(['user', 'delete', email, '--yes', '--json'])).toMatchObject({
      code: 0,
      json: { user_id, deleted: true },
    })
    expect(await lives()).toBe(401)
    expect(await run(['user', 'delete', email, '--yes'])).toMatchObject(refused(`There is no account ${email}.`))
  })
})
