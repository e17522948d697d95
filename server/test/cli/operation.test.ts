/** migrate, healthcheck, explain, pkce, help: the commands that prepare and look at a deployment. */
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { refused } from '../support/cli.ts'
import { join } from 'node:path'
import { freshDatabase, type TestDatabase } from '../support/database.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'
import { freePort } from '../support/port.ts'
import { type CliResult, cli } from '../support/server.ts'
import { temporaryFolder } from '../support/child.ts'

let oauth: Oauth

beforeAll(async () => {
  oauth = await openOauth()
})

const run = async (...args: string[]): Promise<CliResult> => await cli(args, { env: oauth.server.env })
const on = async (database: TestDatabase, ...args: string[]): Promise<CliResult> =>
  await cli(args, {
    env: { ...oauth.server.env, ...database.env, KEYWRIGHT_DATA_DIR: join(await temporaryFolder(), 'data') },
  })

describe('migrate', () => {
  it('brings an empty database up and says what it applied, then nothing', async () => {
    const database = await freshDatabase('empty')
    const first = await on(database, 'migrate', '--json')
    expect(first).toMatchObject({ code: 0, json: { applied: expect.arrayContaining(['foundation']) as string[] } })
    const second = await on(database, 'migrate')
    expect(second).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^PostgreSQL at .*: nothing to apply\.\n$/) as string,
    })
    expect(await database.sql`select 1 from users`).toHaveLength(0)
    // As after the first start of a server, which will not make them again.
    expect(await database.sql`select name from roles order by name`).toEqual([
      { name: 'admin' },
      { name: 'editor' },
      { name: 'user' },
      { name: 'viewer' },
    ])
    expect(await database.sql`select client_id from clients`).toEqual([{ client_id: 'app_demo' }])
  })

  it('refuses the database of a newer release in one sentence, and changes nothing', async () => {
    const database = await freshDatabase()
    await database.sql`insert into migrations (number, name, checksum) values (9999, 'future', 'x')`
    for (const command of [['migrate'], ['user', 'list'], ['client', 'create', '--name', 'x', '--type', 'machine']]) {
      const result = await on(database, ...command)
      expect(result).toMatchObject({ code: 1, stdout: '' })
      expect(result.stderr).toMatch(
        /^keywright: The database was made by a newer release \(it has migration 9999, .*\)\. .*\n$/,
      )
    }
  })

  it('says that the role may not make the tables', async () => {
    const database = await freshDatabase('empty')
    // A place where nobody may make any.
    await database.sql`alter database ${database.sql(database.name)} set search_path = pg_catalog`
    const result = await on(database, 'migrate')
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(
      /^keywright: The database role of DATABASE_URL lacks a right: permission denied .*\. Make it the owner of the database\.\n$/,
    )
  })

  it('says that the database cannot be used', async () => {
    const env = { ...oauth.server.env, PGHOST: undefined, DATABASE_URL: `postgres://x@127.0.0.1:${await freePort()}/x` }
    const result = await cli(['migrate'], { env })
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(/^keywright: PostgreSQL at 127\.0\.0\.1:\d+ cannot be used: .*\n$/)
  })
})

describe('healthcheck', () => {
  it('is 0 while the server answers and 1 otherwise', async () => {
    expect(await run('healthcheck')).toMatchObject({ code: 0, stdout: 'healthy\n', stderr: '' })
    expect(await run('healthcheck', '--url', `${oauth.server.origin}/health/live`, '--json')).toMatchObject({
      code: 0,
      json: { status: 'healthy' },
    })
    const nobody = `http://127.0.0.1:${await freePort()}/`
    expect(await run('healthcheck', '--url', nobody)).toMatchObject(
      refused(`Nothing answers at ${nobody}: no program listens there.`),
    )
    const missing = `${oauth.server.origin}/health/nosuch`
    expect(await run('healthcheck', '--url', missing)).toMatchObject(
      refused(`${missing} answers 404: the server cannot take requests now.`),
    )
    expect(await run('healthcheck', '--url', 'ftp://x')).toMatchObject(refused('ftp://x is not an http address.'))
  })
})

describe('explain', () => {
  const refuse = async (): Promise<string> => {
    const reply = await oauth.server
      .client()
      .post('/oauth/token', { grant_type: 'authorization_code', client_id: 'app_nosuch' })
    return reply.json<{ error_id: string }>().error_id
  }

  it('says which check refused, what it expected and what came, even right after the refusal', async () => {
    const error_id = await refuse()
    const { code, stdout } = await run('explain', error_id)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^invalid_client: Client authentication failed\.\n\nCheck +client authentication \(RFC 6749 §2\.3\)\n/,
    )
    for (const part of [
      /^Expected +a registered client$/m,
      /^Got +unknown client app_nosuch$/m,
      /^Remedy +\S/m,
      /^Route +\/oauth\/token$/m,
      /^Time +\d{4}-/m,
      /^Request id +\S/m,
    ]) {
      expect(stdout).toMatch(part)
    }
    expect((await run('explain', error_id, '--json')).json).toMatchObject({
      error_id,
      error: 'invalid_client',
      route: '/oauth/token',
    })
  })

  it('suggests the record that was meant', async () => {
    const error_id = await refuse()
    await run('explain', error_id)
    const wrongCase = error_id.toUpperCase() === error_id ? error_id.toLowerCase() : error_id.toUpperCase()
    for (const typed of [wrongCase, error_id.slice(0, 11)]) {
      const result = await run('explain', typed)
      expect(result).toMatchObject({ code: 1, stdout: '' })
      expect(result.stderr).toContain(
        `There is no record ${typed}: records stay for seven days in the database of the server that refused. Did you mean ${error_id} (invalid_client at /oauth/token, `,
      )
    }
    const far = await run('explain', 'err_000000000000')
    expect(far.stderr).toContain(` The newest here are: ${error_id} (invalid_client at /oauth/token, `)
    expect(far.stderr).not.toContain('Did you mean')
    const none = await on(await freshDatabase(), 'explain', error_id)
    expect(none).toMatchObject(
      refused(
        `There is no record ${error_id}: records stay for seven days in the database of the server that refused. There is none at all here.`,
      ),
    )
  })
})

describe('pkce', () => {
  it('prints a verifier and its challenge (RFC 7636 §4.1, §4.2)', async () => {
    const { json } = await run('pkce', '--json')
    const { code_verifier, code_challenge } = json as Record<'code_verifier' | 'code_challenge', string>
    expect(code_verifier).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(code_challenge).toBe(createHash('sha256').update(code_verifier).digest('base64url'))
    // RFC 7636 appendix B
    const known = await run('pkce', '--verifier', 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
    expect(known.stdout).toContain('code_challenge         E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\n')
    expect(await run('pkce', '--verifier', 'short')).toMatchObject({ code: 2 })
  })
})
