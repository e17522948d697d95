/** `keywright seed`: what every deployment starts with, as often as it is run (security rules AD-6, LI-2). */
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { refused } from '../support/cli.ts'
import { temporaryFolder } from '../support/child.ts'
import { freshDatabase, type TestDatabase } from '../support/database.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'
import { type CliResult, cli } from '../support/server.ts'

let oauth: Oauth

beforeAll(async () => {
  oauth = await openOauth()
})

const run = async (args: string[], input = ''): Promise<CliResult> => await cli(args, { env: oauth.server.env, input })

/** Runs commands on a database of their own, with a data folder that stays the same. */
const place = async (): Promise<{
  database: TestDatabase
  on: (args: string[], input?: string) => Promise<CliResult>
}> => {
  const database = await freshDatabase()
  const env = { ...oauth.server.env, ...database.env, KEYWRIGHT_DATA_DIR: join(await temporaryFolder(), 'data') }
  return { database, on: async (args, input = '') => await cli(args, { env, input }) }
}

const password = 'four calm green boats'
const accounts = async ({ sql }: TestDatabase): Promise<Record<string, unknown>[]> =>
  await sql`
    select u.email, u.status, u.email_verified, roles_of(u.id) as roles, p.password_hash
    from users u left join password_credentials p on p.user_id = u.id order by u.id`

describe('seed', () => {
  it('writes roles and demo client once, and gives a setup link until there is an administrator', async () => {
    const { database, on } = await place()
    const first = (await on(['seed', '--demo', '--json'])).json as { setup_link: string }
    expect(first).toMatchObject({ administrator_exists: false, demo_client_id: 'app_demo' })
    expect(first.setup_link).toContain(`${oauth.server.issuer}/setup?token=kw_su_`)
    expect((await on(['seed', '--demo'])).stdout).toMatch(
      /^Roles +admin, editor, user, viewer\nDemo client +app_demo\nFirst admin +http.* \(one-time link, 24 hours\)\n$/,
    )
    expect(await database.sql`select 1 from clients`).toHaveLength(1)
    expect(await database.sql`select 1 from roles`).toHaveLength(4)
    expect(await on(['user', 'create', '--username', 'root', '--no-password', '--role', 'admin'])).toMatchObject({
      code: 0,
    })
    expect((await on(['seed', '--json'])).json).toEqual({ administrator_exists: true })
    expect((await on(['seed'])).stdout).toContain('First admin  an administrator exists\n')
  })

  it('gives a link that a running server takes', async () => {
    const { setup_link } = (await run(['seed', '--json'])).json as { setup_link: string }
    const page = await oauth.server.client().get(setup_link)
    expect([page.status, page.forms.length > 0]).toEqual([200, true])
  })
})

describe('seed --admin-email', () => {
  const seedAda = ['seed', '--admin-email', 'Ada@Example.com']
  const withPassword = [...seedAda, '--admin-password-stdin']

  it('makes an administrator once, who can sign in; again and again it changes nothing, a new password least of all', async () => {
    const { database, on } = await place()
    const first = await on([...withPassword, '--json'], `${password}\n`)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    const { administrator } = first.json as { administrator: { user_id: string } }
    expect(first.json).toEqual({
      administrator_exists: true,
      administrator: { user_id: administrator.user_id, created: true, email: 'Ada@Example.com' },
    })
    expect(await database.sql`select type, user_id from all_events where type = 'user.created'`).toEqual([
      { type: 'user.created', user_id: administrator.user_id },
    ])
    const before = await accounts(database)
    expect(before).toMatchObject(
      [
        {
          email: 'Ada@Example.com',
          status: 'active',
          email_verified: true,
          roles: ['admin'],
          password_hash: /^\$argon2id/,
        },
      ].map((row) => ({ ...row, password_hash: expect.stringMatching(row.password_hash) as string })),
    )
    const runs: [string[], string][] = [
      [withPassword, 'quite another long one'],
      [['seed', '--admin-email', 'ada@EXAMPLE.com', '--admin-password-stdin'], 'short'],
      [seedAda, ''],
    ]
    for (const [args, input] of runs) {
      const again = await on([...args, '--json'], input)
      expect(again, again.stderr).toMatchObject({
        code: 0,
        json: { administrator: { user_id: administrator.user_id, created: false } },
      })
    }
    expect(await accounts(database)).toEqual(before)
    expect((await on(seedAda)).stdout).toMatch(
      /^Roles +admin, editor, user, viewer\nAdministrator +Ada@Example\.com \(there already, left as it is\)\n$/,
    )
  })

  it('makes one account when several machines do it at once', async () => {
    const { database, on } = await place()
    const results = await Promise.all([1, 2, 3].map(async () => await on([...withPassword, '--json'], password)))
    for (const result of results) expect(result, result.stderr).toMatchObject({ code: 0 })
    const made = results.map(
      ({ json }) => (json as { administrator: { created: boolean; user_id: string } }).administrator,
    )
    expect(made.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(made.map(({ user_id }) => user_id)).size).toBe(1)
    expect(await accounts(database)).toHaveLength(1)
  })

  it('without a password it makes a link with the address, which is taken once; then the run says who is there', async () => {
    const { setup_link } = (await run([...seedAda, '--json'])).json as { setup_link: string }
    expect(setup_link).toMatch(/\/setup\?token=kw_su_\w+&email=Ada%40Example\.com$/)
    const client = oauth.server.client()
    const page = await client.get(setup_link)
    expect(page.forms[0]?.fields.find(({ name }) => name === 'email')?.value).toBe('Ada@Example.com')
    expect((await client.submit(page, { name: 'Ada', username: '', password })).status).toBe(200)
    expect((await client.get(setup_link)).status).toBe(400)
    expect(await run([...seedAda, '--json'])).toMatchObject({ code: 0, json: { administrator: { created: false } } })
    expect(await run(['seed', '--admin-email', 'grace@example.com'])).toMatchObject(
      refused(
        'Somebody is an administrator already, so there is no setup link: give the password of this account with --admin-password-stdin.',
      ),
    )
  })

  it('gives no rights to an account that is there already, and does not wake a disabled administrator', async () => {
    const { database, on } = await place()
    await on(['user', 'create', '--email', 'ada@example.com', '--no-password'])
    const result = await on(withPassword, password)
    expect(result).toMatchObject(
      refused(
        "There is an account ada@example.com without the role admin. If it is the right person's: keywright user roles ada@example.com --add admin",
      ),
    )
    expect(await accounts(database)).toMatchObject([{ roles: [], password_hash: null }])
    await on(['user', 'roles', 'ada@example.com', '--add', 'admin'])
    await on(['user', 'disable', 'ada@example.com'])
    expect(await on(withPassword, password)).toMatchObject({ code: 0 })
    expect(await accounts(database)).toMatchObject([{ status: 'disabled', roles: ['admin'], password_hash: null }])
  })

  it('refuses what no account can have, leaving none behind, and wrong usage with 2', async () => {
    const { database, on } = await place()
    expect(await on(['seed', '--admin-email', 'ada'])).toMatchObject(refused('The email address is not valid.'))
    expect(await on(withPassword, 'short')).toMatchObject(refused('The password is too short: at least 10 characters.'))
    expect(await on(withPassword, '')).toMatchObject(refused('The password on standard input is empty.'))
    expect(await on(['seed', '--admin-password-stdin'], password)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'keywright: Say whose password it is, with --admin-email.\n',
    })
    expect(await on(['seed', '--admin-email'])).toMatchObject({ code: 2, stdout: '' })
    expect(await accounts(database)).toEqual([])
  })
})
