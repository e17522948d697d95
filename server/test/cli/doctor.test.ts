/** `keywright doctor`: all is well beside a healthy server, and each fault has a line that says how to mend it. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'
import { freePort } from '../support/port.ts'
import { type CliResult, cli } from '../support/server.ts'
import { temporaryFolder } from '../support/child.ts'

type Check = { check: string; status: string; detail: string; mend?: string }
type Finding = { result: CliResult; checks: Check[]; of: (name: string) => Check | undefined }

let oauth: Oauth

beforeAll(async () => {
  oauth = await openOauth()
  await oauth.user({ roles: ['admin'] })
})

const doctor = async (env: Record<string, string | undefined> = {}): Promise<Finding> => {
  const result = await cli(['doctor', '--json'], { env: { ...oauth.server.env, ...env } })
  const { checks } = result.json as { checks: Check[] }
  return { result, checks, of: (name) => checks.find(({ check }) => check === name) }
}

describe('doctor', () => {
  it('finds nothing wrong beside a healthy server', async () => {
    const { result, checks } = await doctor()
    expect(result, result.stderr).toMatchObject({ code: 0, stderr: '', json: { healthy: true } })
    expect(checks.map(({ check, status }) => `${check} ${status}`)).toEqual([
      'settings ok',
      'data folder ok',
      'root secret ok',
      'disk ok',
      'database ok',
      'migrations ok',
      'key RS256 ok',
      'key ES256 ok',
      'key PS256 ok',
      'key EdDSA ok',
      'clock ok',
      'administrator ok',
      'issuer ok',
      'host header ok',
      'cookies ok',
      'proxies ok',
      'mail ok',
      'text messages ok',
    ])
    const text = await cli(['doctor'], { env: oauth.server.env })
    expect(text).toMatchObject({ code: 0, stderr: '' })
    expect(text.stdout).toMatch(/^ +CHECK +FINDING\nok +settings +development profile\n/)
    // It was refused under another host, on purpose: that is nothing to explain.
    const probes = async () => await oauth.db`select 1 from decisions where error = 'misdirected_request'`
    await expect.poll(async () => (await probes()).length, { timeout: 5000 }).toBeGreaterThan(0)
    const explained = await cli(['explain', 'err_000000000000'], { env: oauth.server.env })
    expect(explained.stderr).not.toContain('misdirected_request')
  })

  it('says that no server answers, and skips what needs one', async () => {
    const port = String(await freePort())
    const { result, of } = await doctor({ PORT: port, KEYWRIGHT_ISSUER: `http://localhost:${port}` })
    expect(of('issuer')).toMatchObject({
      status: 'failed',
      detail: `nobody answers at http://localhost:${port}: no program listens there`,
    })
    expect([of('host header')?.status, of('cookies')?.status]).toEqual(['skipped', 'skipped'])
    expect(result).toMatchObject({ code: 1, json: { healthy: false } })
    expect(result.stderr).toMatch(/^keywright: Something is wrong: .*issuer\.\n$/)
  })

  it('sees an issuer that the server does not answer to', async () => {
    const { of } = await doctor({ KEYWRIGHT_ISSUER: oauth.server.issuer.replace('localhost', '127.0.0.1') })
    expect(of('issuer')).toMatchObject({
      status: 'failed',
      mend: 'Let the proxy hand on the Host header, or set KEYWRIGHT_ISSUER.',
    })
  })

  it('sees keys that this root secret does not open', async () => {
    const { of, result } = await doctor({ KEYWRIGHT_ROOT_SECRET: 'quite another secret of the right length' })
    expect(of('keys')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('sealed under another root secret') as string,
    })
    expect(result).toMatchObject({ code: 1, stderr: 'keywright: Something is wrong: keys.\n' })
  })

  it('lists every problem of the settings, and goes no further', async () => {
    const { result, checks } = await doctor({ KEYWRIGHT_NOSUCH: '1', KEYWRIGHT_COLOR: 'blue' })
    expect(result).toMatchObject({ code: 1, stderr: 'keywright: Something is wrong: settings.\n' })
    expect(checks.map(({ check, status }) => `${check} ${status}`)).toEqual(['settings failed', 'settings failed'])
    expect(checks.map(({ detail }) => detail.split(':')[0])).toEqual(['KEYWRIGHT_NOSUCH', 'KEYWRIGHT_COLOR'])
  })

  it('says which migrations are missing without applying them', async () => {
    const database = await freshDatabase('empty')
    const { of } = await doctor({ ...database.env })
    expect(of('migrations')).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/^not applied: .*foundation/) as string,
    })
    expect(of('keys')).toMatchObject({ status: 'skipped' })
    const [row] = await database.sql`select to_regclass('migrations') as there`
    expect(row).toEqual({ there: null })
  })

  it('sees the database of a newer release, one that is away, and one that cannot be written to', async () => {
    const newer = await freshDatabase()
    await newer.sql`insert into migrations (number, name, checksum) values (9999, 'future', 'x')`
    expect((await doctor(newer.env)).of('database')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('newer release') as string,
    })
    const away = { PGHOST: undefined, DATABASE_URL: `postgres://x@127.0.0.1:${await freePort()}/x` }
    expect((await doctor(away)).of('database')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('cannot be used') as string,
    })
    const readOnly = await freshDatabase()
    await readOnly.sql`alter database ${readOnly.sql(readOnly.name)} set default_transaction_read_only = on`
    expect((await doctor(readOnly.env)).of('database')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('cannot be written to') as string,
    })
  })

  it('sees that nobody administers, and that there is no key yet', async () => {
    const fresh = await freshDatabase()
    const { of } = await doctor(fresh.env)
    expect(of('administrator')).toMatchObject({ status: 'failed', detail: 'nobody has the role admin' })
    expect(of('key RS256')).toMatchObject({
      status: 'warning',
      detail: 'none yet: the server makes one when it starts',
    })
  })

  it('makes no data folder and no database just to look', async () => {
    const folder = join(await temporaryFolder(), 'data')
    const embedded = {
      DATABASE_URL: undefined,
      PGHOST: undefined,
      KEYWRIGHT_ROOT_SECRET: undefined,
      KEYWRIGHT_DATA_DIR: folder,
    }
    const { of } = await doctor(embedded)
    expect(of('data folder')).toMatchObject({ status: 'warning' })
    expect(of('database')).toMatchObject({
      status: 'warning',
      detail: 'none yet: the first start of the server makes one',
    })
    expect(() => chmodSync(folder, 0o700)).toThrow('ENOENT')
  })

  it('sees a data folder that is none, and a root secret that others can read', async () => {
    const place = await temporaryFolder()
    writeFileSync(join(place, 'file'), '')
    const file = { KEYWRIGHT_DATA_DIR: join(place, 'file'), KEYWRIGHT_ROOT_SECRET: undefined }
    expect((await doctor(file)).of('data folder')).toMatchObject({ status: 'failed' })
    const folder = join(place, 'data')
    mkdirSync(folder)
    const own = { KEYWRIGHT_DATA_DIR: folder, KEYWRIGHT_ROOT_SECRET: undefined }
    expect((await doctor(own)).of('root secret')).toMatchObject({ status: 'warning' })
    writeFileSync(join(folder, 'root-secret'), `${'k3yW'.repeat(3)}-of-the-tests-of-the-doctor-command\n`, {
      mode: 0o644,
    })
    const expected =
      process.platform === 'win32'
        ? { status: 'ok' }
        : { status: 'failed', mend: `chmod 600 ${join(folder, 'root-secret')}` }
    expect((await doctor(own)).of('root secret')).toMatchObject(expected)
  })
})
