import { parseEnv } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readSettings } from './load.ts'
import { envLine, expectedText, listSettings, printConfig, rangeOf, settingText } from './print.ts'
import { leavesOf, settings } from './schema.ts'

const cwd = '/srv/kw'
const read = (env: Record<string, string>) => readSettings(new Map(Object.entries(env)), { cwd }).config
const strong = 'k3Jx9QpLw7VbNz2RtYc5Hd8Mf1Gs4Aa6Uo0Ei-Ty_Wq'
const setting = (env: Record<string, string>, name: string, redacted = true) =>
  listSettings(read(env), { redacted, cwd }).find((entry) => entry.env === name)

describe('listSettings', () => {
  test('has every setting once, all of them default when nothing is set', () => {
    const listed = listSettings(read({}), { redacted: true, cwd })
    expect(listed.map(({ env }) => env)).toEqual(leavesOf().map(({ leaf }) => leaf.env))
    expect(listed.filter(({ is_default }) => !is_default)).toEqual([])
  })
  test.each([
    [{}, 'PORT', 8080, true],
    [{ PORT: '9' }, 'PORT', 9, false],
    [{ PORT: '9' }, 'KEYWRIGHT_ISSUER', 'http://localhost:9', true],
    [{ KEYWRIGHT_ISSUER: 'http://127.0.0.1' }, 'KEYWRIGHT_ISSUER', 'http://127.0.0.1', false],
    [{ KEYWRIGHT_PROFILE: 'production' }, 'KEYWRIGHT_HOST', '0.0.0.0', true],
    [{ KEYWRIGHT_HOST: '::' }, 'KEYWRIGHT_HOST', '::', false],
    [{ KEYWRIGHT_LIMITS: 'off' }, 'KEYWRIGHT_LIMITS', false, false],
    [{ KEYWRIGHT_DATA_DIR: '/x' }, 'KEYWRIGHT_DATA_DIR', '/x', false],
    [{}, 'KEYWRIGHT_DATA_DIR', '/srv/kw/data', true],
    [{}, 'KEYWRIGHT_LOG_FILE', null, true],
    [{}, 'KEYWRIGHT_ROOT_SECRET', '(not set)', true],
    [{ KEYWRIGHT_ROOT_SECRET: strong }, 'KEYWRIGHT_ROOT_SECRET', '(set)', false],
    [{ KEYWRIGHT_TRUSTED_PROXIES: '::1, ::2' }, 'KEYWRIGHT_TRUSTED_PROXIES', ['::1', '::2'], false],
  ])('%o: %s is %o, default: %s', (env, name, value, is_default) => {
    expect(setting(env, name)).toMatchObject({ value, is_default })
  })
  test('shows a secret only when asked to', () => {
    expect(setting({ KEYWRIGHT_ROOT_SECRET: strong }, 'KEYWRIGHT_ROOT_SECRET', false)?.value).toBe(strong)
  })
})

describe('printConfig', () => {
  test('is grouped text', () => {
    const lines = printConfig(read({ PORT: '9', KEYWRIGHT_LIMITS: 'off' }), { redacted: true, cwd }).split('\n')
    const shown = lines.map((line) => line.replace(/ {2,}/g, '  '))
    expect(shown[0]).toBe('Basics')
    expect(shown).toContain('  PORT  9  (changed)')
    expect(shown).toContain('  KEYWRIGHT_LIMITS  off  (changed)')
    expect(shown).toContain('  KEYWRIGHT_PROFILE  development')
    expect(shown).toContain('  KEYWRIGHT_LOG_FILE  (not set)')
    expect(shown).toContain('  DATABASE_URL  (not set)')
    expect(shown).toContain('  KEYWRIGHT_TRUSTED_PROXIES  (none)')
  })
  test('redacted, it never holds a secret', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/=_-]{32,60}$/)
    const secrets = leavesOf().filter(({ leaf }) => leaf.secret)
    fc.assert(
      fc.property(fc.array(secret, { minLength: secrets.length, maxLength: secrets.length }), (values) => {
        const given = Object.fromEntries(secrets.map(({ name }, index) => [name, values[index]]))
        const config = { ...read({}), ...given }
        const said = [printConfig(config, { redacted: true }), JSON.stringify(listSettings(config, { redacted: true }))]
        for (const value of values) expect(said.join()).not.toContain(value)
        expect(printConfig(config, { redacted: false })).toContain(values[0])
      }),
    )
  })
})

describe('words', () => {
  test.each([
    ['profile', 'development or production'],
    ['port', 'a whole number from 0 to 65535'],
    ['limits', 'on or off'],
    ['log_level', 'fatal, error, warn, info, debug or silent'],
    ['root_secret', 'a text of at least 32 characters'],
    ['name', 'a text of 1 to 60 characters'],
    ['data_dir', 'a text'],
    ['color', 'a colour as #rrggbb'],
  ] as const)('%s expects %s', (name, words) => {
    expect(expectedText(settings.shape[name])).toBe(words)
  })
  test('ranges are those of the schema', () => {
    expect(rangeOf(settings.shape.port)).toEqual({ minimum: 0, maximum: 65_535 })
    expect(rangeOf(settings.shape.name)).toBeUndefined()
  })
  test.each([
    [true, 'on'],
    [false, 'off'],
    [['a', 'b'], 'a,b'],
    [7, '7'],
    [undefined, ''],
  ])('%o is written as %s', (value, text) => {
    expect(settingText(value)).toBe(text)
  })
  test('a line of .env comes back as it was, or is not written', () => {
    const value = fc.oneof(fc.string(), fc.stringMatching(/^[ab#'"`\\\n $={}]{0,12}$/))
    fc.assert(
      fc.property(value, (text) => {
        fc.pre(!text.includes('\r'))
        const line = envLine('NAME', text)
        const unwritable = text.includes("'") && text.includes('`') && /["\\]/.test(text)
        expect(line === undefined).toBe(unwritable)
        expect(parseEnv(line ?? '')).toEqual(unwritable ? {} : { NAME: text })
      }),
      { numRuns: 1000 },
    )
  })
})
