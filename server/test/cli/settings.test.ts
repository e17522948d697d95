/** `keywright config …`: what is in force without its secrets, and the way from an older system's file. */
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/child.ts'
import { type CliResult, cli } from '../support/server.ts'

const secret = 'h8sD2kf0aQ9zLxN4vB7mW1cE5tY3uR6i'

/** Windows has no such modes: there the folder decides. */
const modeOf = (path: string): number => (process.platform === 'win32' ? 0o600 : statSync(path).mode & 0o777)

describe('config print', () => {
  const print = async (...args: string[]): Promise<CliResult> =>
    await cli(['config', 'print', ...args], { env: { KEYWRIGHT_ROOT_SECRET: secret, PORT: '9000' } })

  it('hides secrets, with --redacted or without it', async () => {
    for (const args of [[], ['--redacted'], ['--json']]) {
      const { code, stdout } = await print(...args)
      expect([code, stdout.includes(secret)]).toEqual([0, false])
    }
    expect((await print()).stdout).toMatch(/^ {2}PORT +9000 {2}\(changed\)$/m)
    expect((await print()).stdout).toMatch(/^ {2}KEYWRIGHT_ROOT_SECRET +\(set\) {2}\(changed\)$/m)
    const { settings } = (await print('--json')).json as { settings: { env: string; value: unknown }[] }
    expect(settings.find(({ env }) => env === 'PORT')).toMatchObject({ value: 9000, is_default: false })
  })

  it('shows them when it is told to', async () => {
    expect((await print('--no-redacted')).stdout).toContain(secret)
  })

  it('says every problem at once and exits with 1', async () => {
    const result = await cli(['config', 'print'], { env: { PORT: 'x', KEYWRIGHT_NOSUCH: '1' } })
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toContain('KEYWRIGHT_NOSUCH: there is no such setting')
    expect(result.stderr).toContain('PORT: expected a whole number')
  })

  it('says notices beside the settings', async () => {
    const result = await cli(['config', 'print'], { env: { REDIS_URL: 'redis://localhost' } })
    expect(result.code).toBe(0)
    expect(result.stderr).toContain('REDIS_URL')
  })
})

describe('config import', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
  const old = async (text: string): Promise<string> => {
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'old.env'), text)
    return folder
  }
  const oldText = `APP_NAME=Shop login\nSECRET_KEY=${secret}\nJWT_PRIVATE_KEY="${pem.trim().replaceAll('\n', '\\n')}"\nNOT_KNOWN=1\n`

  it('prints the new file and says beside it what is left to do', async () => {
    const cwd = await old(oldText)
    const result = await cli(['config', 'import', 'old.env'], { env: {}, cwd })
    expect(result.code).toBe(0)
    expect(result.stdout).toMatch(/^KEYWRIGHT_NAME='Shop login'$/m)
    expect(result.stderr).toContain('NOT_KNOWN: not known here; left out.')
    expect(result.stderr).toContain('The old file holds a private key: --out also saves it.')
    expect(readdirSync(cwd)).toEqual(['old.env'])
  })

  it('writes the new file and the key beside it, for the owner only, and never overwrites', async () => {
    const cwd = await old(oldText)
    const result = await cli(['config', 'import', 'old.env', '--out', '.env', '--json'], { env: {}, cwd })
    expect(result, result.stderr).toMatchObject({ code: 0, json: { notes: expect.any(Array) as unknown } })
    expect(result.stdout).not.toContain(secret)
    const { written } = result.json as { written: string[] }
    const names = readdirSync(cwd).filter((name) => name !== 'old.env')
    expect(written).toHaveLength(names.length)
    expect(names).toEqual(['.env', expect.stringMatching(/\.pem$/)])
    expect(names.map((name) => modeOf(join(cwd, name)))).toEqual([0o600, 0o600])
    expect(readFileSync(join(cwd, names[1] ?? ''), 'utf8').trim()).toBe(pem.trim())
    const before = readFileSync(join(cwd, '.env'), 'utf8')
    expect(await cli(['config', 'import', 'old.env', '--out', '.env'], { env: {}, cwd })).toMatchObject({
      code: 1,
      stderr: 'keywright: The file .env exists already: move it away, or choose another --out.\n',
    })
    expect(readFileSync(join(cwd, '.env'), 'utf8')).toBe(before)
    const next = await cli(['config', 'print', '--json'], { env: {}, cwd })
    expect(next.json).toMatchObject({
      settings: expect.arrayContaining([
        expect.objectContaining({ env: 'KEYWRIGHT_NAME', value: 'Shop login' }),
      ]) as unknown,
    })
  })

  it('reads key files beside the old file, and leaves them where they are', async () => {
    const cwd = await old('JWT_PRIVATE_KEY_PATH=keys.pem\n')
    writeFileSync(join(cwd, 'keys.pem'), pem)
    const result = await cli(['config', 'import', join(cwd, 'old.env'), '--out', join(cwd, 'new.env')], { env: {} })
    expect(result).toMatchObject({ code: 0, stdout: `Wrote ${join(cwd, 'new.env')}.\n` })
    expect(result.stderr).toContain('keywright keys import --pem')
  })

  it('says which file cannot be read or written', async () => {
    expect(await cli(['config', 'import', 'nosuch.env'], { env: {} })).toMatchObject({
      code: 1,
      stderr: 'keywright: The file nosuch.env cannot be read.\n',
    })
    const cwd = await old('APP_NAME=x\n')
    const result = await cli(['config', 'import', 'old.env', '--out', 'nowhere/.env'], { env: {}, cwd })
    expect(result).toMatchObject({ code: 1, stderr: 'keywright: The file nowhere/.env cannot be written (ENOENT).\n' })
    expect(await cli(['config', 'import'], { env: {} })).toMatchObject({ code: 2 })
  })
})
