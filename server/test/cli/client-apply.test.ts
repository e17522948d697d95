/** `keywright client apply`: however often it runs, and whatever became of the file, the file's secret works. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { applyClient } from '../../src/clients/manage.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'
import { type CliResult, cli } from '../support/server.ts'
import { temporaryFolder } from '../support/child.ts'

type Credentials = { client_id: string; client_secret?: string }

let oauth: Oauth
let folder: string
let made = 0

beforeAll(async () => {
  oauth = await openOauth()
  folder = await temporaryFolder()
})

const nextFile = (): string => join(folder, `oauth_client-${(made += 1)}.json`)
const apply = async (name: string, out: string, ...args: string[]): Promise<CliResult> =>
  await cli(['client', 'apply', '--name', name, '--out', out, '--type', 'machine', ...args, '--json'], {
    env: oauth.server.env,
  })
const read = (path: string): Credentials => JSON.parse(readFileSync(path, 'utf8')) as Credentials
const use = async ({ client_id, client_secret }: Credentials): Promise<number> =>
  (await oauth.token({ client_id, client_secret, redirect_uri: '' }, { grant_type: 'client_credentials' })).status

describe('client apply', () => {
  it('makes the client and its file, for the owner only, and nothing the second time', async () => {
    const out = nextFile()
    const first = await apply('one', out, '--scope', 'read')
    const { client_id } = read(out)
    expect(first).toMatchObject({ code: 0, stderr: '', json: { client_id, changed: true, secret: 'made', out } })
    expect(first.stdout).not.toContain(read(out).client_secret)
    // Windows has no such modes: there the folder decides.
    expect(process.platform === 'win32' ? 0o600 : statSync(out).mode & 0o777).toBe(0o600)
    expect(await use(read(out))).toBe(200)
    const before = [readFileSync(out, 'utf8'), statSync(out).mtimeMs]
    const second = await apply('one', out, '--scope', 'read')
    expect(second).toMatchObject({ code: 0, json: { client_id, changed: false, secret: 'kept' } })
    expect([readFileSync(out, 'utf8'), statSync(out).mtimeMs]).toEqual(before)
    const events = await oauth.db`select 1 from all_events where client_id = ${client_id} and type like 'client.%'`
    expect(events).toHaveLength(1)
  })

  it('changes the client and keeps the secret', async () => {
    const out = nextFile()
    await apply('two', out, '--scope', 'read')
    const secret = read(out)
    const changed = await apply('two', out, '--scope', 'read write')
    expect(changed).toMatchObject({ code: 0, json: { changed: true, secret: 'kept' } })
    expect(read(out)).toEqual(secret)
    const shown = await cli(['client', 'show', secret.client_id, '--json'], { env: oauth.server.env })
    expect(shown.json).toMatchObject({ scope: 'read write', managed_name: 'two' })
  })

  it('makes a new secret and says so when the file is lost; the lost one stays valid for a day', async () => {
    const out = nextFile()
    await apply('three', out)
    const lost = read(out)
    rmSync(out)
    const text = await cli(['client', 'apply', '--name', 'three', '--out', out, '--type', 'machine'], {
      env: oauth.server.env,
    })
    expect(text.stdout).toBe(`Client ${lost.client_id} is as described; a new secret was made and written to ${out}.\n`)
    expect(read(out).client_id).toBe(lost.client_id)
    expect(read(out).client_secret).not.toBe(lost.client_secret)
    await expect.poll(async () => await use(read(out)), { timeout: 2000 }).toBe(200)
    expect(await use(lost)).toBe(200)
  })

  it('replaces a secret that no longer works, and a file of another client', async () => {
    const out = nextFile()
    await apply('four', out)
    const right = read(out)
    writeFileSync(out, JSON.stringify({ ...right, client_secret: 'not it' }))
    expect(await apply('four', out)).toMatchObject({ code: 0, json: { secret: 'made' } })
    await expect.poll(async () => await use(read(out)), { timeout: 2000 }).toBe(200)
    writeFileSync(out, JSON.stringify({ ...read(out), client_id: 'app_other' }))
    expect(await apply('four', out)).toMatchObject({ code: 0, json: { client_id: right.client_id, secret: 'made' } })
  })

  it('writes a public client without a secret', async () => {
    const out = nextFile()
    const native = ['--type', 'native', '--redirect-uri', 'http://127.0.0.1/cb']
    expect(await apply('five', out, ...native)).toMatchObject({ code: 0, json: { secret: 'none', changed: true } })
    expect(Object.keys(read(out))).toEqual(['client_id'])
    expect(await apply('five', out, ...native)).toMatchObject({ code: 0, json: { secret: 'none', changed: false } })
  })

  it('does not enable again what an operator disabled', async () => {
    const out = nextFile()
    await apply('six', out)
    await cli(['client', 'disable', read(out).client_id], { env: oauth.server.env })
    expect(await apply('six', out, '--scope', 'changed')).toMatchObject({ code: 0, json: { changed: true } })
    const shown = await cli(['client', 'show', read(out).client_id, '--json'], { env: oauth.server.env })
    expect(shown.json).toMatchObject({ status: 'disabled', scope: 'changed' })
  })

  it('never overwrites a file that is something else, and makes no client then', async () => {
    const out = nextFile()
    for (const content of ['precious', '[]', '{"client_id":7}']) {
      writeFileSync(out, content)
      const sentence = `keywright: The file ${out} holds something else than a client's credentials: move it away, or choose another --out.\n`
      expect(await apply('seven', out)).toMatchObject({ code: 1, stdout: '', stderr: sentence })
      expect(readFileSync(out, 'utf8')).toBe(content)
    }
    expect(await oauth.db`select 1 from clients where managed_name = 'seven'`).toHaveLength(0)
  })

  it('costs nobody a secret when the folder cannot be written to', async () => {
    const out = join(folder, 'nowhere', 'client.json')
    const sentence = `keywright: The file ${out} cannot be written (ENOENT); nothing was changed.\n`
    expect(await apply('eight', out)).toMatchObject({ code: 1, stderr: sentence })
    expect(await oauth.db`select 1 from clients where managed_name = 'eight'`).toHaveLength(0)
  })

  it('leaves no file behind when it is refused', async () => {
    const out = nextFile()
    expect(await apply('nine', out, '--grant', 'nosuch')).toMatchObject({ code: 1 })
    expect(readdirSync(folder).filter((name) => out.endsWith(name.slice(0, 10)) || name.endsWith('.new'))).toEqual([])
  })

  it('makes one client when several run at once', async () => {
    const metadata = { client_name: 'ten', type: 'machine' as const }
    const results = await Promise.all(Array.from({ length: 5 }, async () => await applyClient(oauth.ctx, metadata)))
    expect(new Set(results.map((result) => ('client_id' in result ? result.client_id : result.error))).size).toBe(1)
    expect(await oauth.db`select 1 from clients where managed_name = 'ten'`).toHaveLength(1)
    expect(results.filter((result) => 'client_secret' in result)).toHaveLength(1)
  })

  it('needs to know where to write', async () => {
    const bare = await cli(['client', 'apply', '--name', 'x', '--type', 'machine'], { env: oauth.server.env })
    expect(bare).toMatchObject({ code: 2, stderr: "keywright: required option '--out <file>' not specified\n" })
  })

  it('says that the file cannot be read', async () => {
    const sentence = `keywright: The file ${folder} cannot be read (EISDIR).\n`
    expect(await apply('eleven', folder)).toMatchObject({ code: 1, stderr: sentence })
  })
})
