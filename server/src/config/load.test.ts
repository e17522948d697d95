import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from './load.ts'
import { leavesOf } from './schema.ts'
import { StartError } from './start-error.ts'

const strong = 'k3Jx9QpLw7VbNz2RtYc5Hd8Mf1Gs4Aa6Uo0Ei-Ty_Wq'
let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'keywright-config-'))
})
afterEach(() => {
  rmSync(cwd, { recursive: true })
})

const load = (env: Record<string, string> = {}) => loadConfig({ env, cwd })
const write = (name: string, text: string | Buffer) => writeFileSync(join(cwd, name), text)
const problemsOf = (env: Record<string, string>): string[] => {
  try {
    load(env)
  } catch (error) {
    if (error instanceof StartError) return error.message.split('\n')
    throw error
  }
  return []
}

describe('defaults', () => {
  test('nothing set gives a whole configuration and no notice', () => {
    const { config, notices } = load()
    expect(notices).toEqual([])
    expect(config).toMatchObject({
      profile: 'development',
      port: 8080,
      host: 'localhost',
      issuer: 'http://localhost:8080',
      data_dir: join(cwd, 'data'),
      signing_algs: ['RS256', 'ES256', 'PS256', 'EdDSA'],
      limits: true,
      trusted_proxies: [],
    })
  })
  test.each([
    [{ PORT: '9000' }, { issuer: 'http://localhost:9000' }],
    [{ PORT: '80' }, { issuer: 'http://localhost' }],
    [{ PORT: '9000', KEYWRIGHT_ISSUER: 'http://127.0.0.1:1' }, { issuer: 'http://127.0.0.1:1' }],
    [{ KEYWRIGHT_PROFILE: 'production', KEYWRIGHT_ROOT_SECRET: strong }, { host: '0.0.0.0' }],
    [{ KEYWRIGHT_HOST: '::' }, { host: '::' }],
    [{ KEYWRIGHT_LIMITS: 'off' }, { limits: false }],
    [
      { KEYWRIGHT_NAME: '', PORT: '  ' },
      { name: 'Keywright', port: 8080 },
    ],
    [{ KEYWRIGHT_SIGNING_ALGS: 'ES256, RS256,ES256' }, { signing_algs: ['ES256', 'RS256'] }],
    [{ KEYWRIGHT_OUTBOUND_ALLOW: 'LocalHost:1' }, { outbound_allow: ['localhost:1'] }],
    [{ KEYWRIGHT_DATA_DIR: '/var/lib/kw' }, { data_dir: '/var/lib/kw' }],
  ])('%o', (env, expected) => {
    expect(load(env).config).toMatchObject(expected)
  })
  test('relative paths count from the working directory', () => {
    const { config } = load({
      KEYWRIGHT_DATA_DIR: 'd',
      KEYWRIGHT_LOG_FILE: 'l',
      KEYWRIGHT_LOGO_FILE: 'o.svg',
      KEYWRIGHT_TEMPLATES_DIR: 't',
    })
    expect([config.data_dir, config.log_file, config.logo_file, config.templates_dir]).toEqual(
      ['d', 'l', 'o.svg', 't'].map((name) => join(cwd, name)),
    )
  })
})

describe('.env', () => {
  test('is read, and the environment wins', () => {
    write('.env', '\uFEFFKEYWRIGHT_NAME="Acme # 1"\r\nexport PORT=9001\n# KEYWRIGHT_LIMITS=off\n')
    expect(load({ PORT: '9002' }).config).toMatchObject({ name: 'Acme # 1', port: 9002, limits: true })
  })
  test('an empty value in the environment takes the setting back to its default', () => {
    write('.env', 'KEYWRIGHT_NAME=Acme')
    expect(load({ KEYWRIGHT_NAME: '' }).config.name).toBe('Keywright')
  })
  test('a wrong name in it is refused like any other', () => {
    write('.env', 'KEYWRIGHT_NMAE=Acme')
    expect(problemsOf({})).toEqual(['KEYWRIGHT_NMAE: there is no such setting; did you mean KEYWRIGHT_NAME?'])
  })
  test('a secret of the environment is not in conflict with a file that .env names, nor the other way', () => {
    write('.env', `DATABASE_URL_FILE=nowhere\nKEYWRIGHT_ROOT_SECRET=${strong}`)
    write('root', `${strong}2`)
    const { config } = load({ DATABASE_URL: 'postgres://h/d', KEYWRIGHT_ROOT_SECRET_FILE: 'root' })
    expect(config).toMatchObject({ database_url: 'postgres://h/d', root_secret: `${strong}2` })
  })
  test('one that cannot be read is a problem', () => {
    mkdirSync(join(cwd, '.env'))
    expect(problemsOf({})).toEqual(['.env: it is a folder.'])
  })
})

describe('X_FILE', () => {
  test.each(
    leavesOf()
      .filter(({ leaf }) => leaf.secret)
      .map(({ name, leaf }) => [leaf.env, name] as const),
  )('%s_FILE is read and trimmed', (env, name) => {
    const forms: Record<string, string> = {
      DATABASE_URL: 'postgres://h/d',
      REDIS_URL: 'redis://h',
      KEYWRIGHT_SMTP_URL: 'smtp://h',
      KEYWRIGHT_SMS_HEADERS: '{"authorization":"x"}',
    }
    const value = forms[env] ?? strong
    write('secret', ` ${value}\n`)
    expect(load({ [`${env}_FILE`]: 'secret' }).config[name]).toBe(value)
  })
  test.each([
    ['a missing file', 'nowhere', 'does not exist'],
    ['an empty file', 'empty', 'is empty'],
    ['a folder', '.', 'is a folder'],
    ['a file that is not text', 'binary', 'is not UTF-8 text'],
  ])('%s is a problem, and nothing else is said about the secret', (_, path, said) => {
    write('empty', ' \n')
    write('binary', Buffer.from([0xff, 0xfe, 0x00]))
    const problems = problemsOf({ KEYWRIGHT_PROFILE: 'production', KEYWRIGHT_ROOT_SECRET_FILE: path })
    expect(problems).toEqual([expect.stringMatching(`^KEYWRIGHT_ROOT_SECRET_FILE: .*${said}`)])
  })
  test('both forms at once are refused', () => {
    write('secret', strong)
    const problems = problemsOf({ KEYWRIGHT_ROOT_SECRET: strong, KEYWRIGHT_ROOT_SECRET_FILE: 'secret' })
    expect(problems).toEqual(['KEYWRIGHT_ROOT_SECRET_FILE: KEYWRIGHT_ROOT_SECRET is set too; give one of them.'])
  })
  test('only secrets have it', () => {
    expect(problemsOf({ KEYWRIGHT_NAME_FILE: 'x' })).toHaveLength(1)
  })
})

describe('problems', () => {
  test.each([
    ['KEYWRIGHT_PROFILE', 'prod', 'expected development or production, got "prod".'],
    ['PORT', 'abc', 'expected a whole number from 0 to 65535, got "abc".'],
    ['PORT', '65536', 'expected a whole number from 0 to 65535, got "65536".'],
    ['PORT', '80.5', 'expected a whole number from 0 to 65535, got "80.5".'],
    ['KEYWRIGHT_CODE_TTL_SECONDS', '601', 'expected a whole number from 10 to 600, got "601".'],
    ['KEYWRIGHT_LIMITS', 'yes', 'expected on or off, got "yes".'],
    ['KEYWRIGHT_COLOR', 'red', 'expected a colour as #rrggbb, got "red".'],
    [
      'KEYWRIGHT_SIGNING_ALGS',
      'RS256,HS256,none',
      'expected RS256, ES256, PS256 or EdDSA, comma separated, got "RS256,HS256,none".',
    ],
    ['KEYWRIGHT_SIGNING_ALGS', ',', 'expected RS256, ES256, PS256 or EdDSA, comma separated, got ",".'],
    ['KEYWRIGHT_ISSUER', 'ftp://a', 'expected an address such as https://login.example.com, got "ftp://a".'],
    ['KEYWRIGHT_ISSUER', 'ftp://a:pw@b', 'expected an address such as https://login.example.com, got "ftp://…@b".'],
    ['KEYWRIGHT_NAME', 'x'.repeat(100), `expected a text of 1 to 60 characters, got "${'x'.repeat(80)}…".`],
    ['KEYWRIGHT_ROOT_SECRET', 'short-one', 'expected a text of at least 32 characters, got one of 9.'],
    [
      'KEYWRIGHT_MAIL_FROM',
      'a@b\nBcc: c@d',
      'expected a mail address such as login@example.com, or Name <login@example.com>, got "a@b\\nBcc: c@d".',
    ],
  ])('%s=%s', (name, value, said) => {
    expect(problemsOf({ [name]: value })).toEqual([`${name}: ${said}`])
  })
  test('all of them are told at once', () => {
    const problems = problemsOf({
      KEYWRIGHT_PROFILE: 'production',
      PORT: 'abc',
      KEYWRIGHT_LIMITS: 'off',
      KEYWRIGHT_FOO: '1',
      DATABASE_URL: 'sqlite:///x.db',
      KEYWRIGHT_MANAGEMENT_TOKEN_FILE: 'nowhere',
      KEYWRIGHT_TRUSTED_PROXIES: '0.0.0.0/0,::/0',
    })
    const names = problems.map((text) => text.split(':')[0] ?? '')
    expect(names.toSorted((a, b) => a.localeCompare(b))).toEqual([
      'DATABASE_URL',
      'KEYWRIGHT_FOO',
      'KEYWRIGHT_LIMITS',
      'KEYWRIGHT_MANAGEMENT_TOKEN_FILE',
      'KEYWRIGHT_ROOT_SECRET',
      'KEYWRIGHT_TRUSTED_PROXIES',
      'KEYWRIGHT_TRUSTED_PROXIES',
      'PORT',
    ])
  })
})

describe('unknown names', () => {
  test.each([
    ['KEYWRIGHT_ISUER', 'KEYWRIGHT_ISSUER'],
    ['keywright_issuer', 'KEYWRIGHT_ISSUER'],
    ['KEYWRIGHT_PORT', 'PORT'],
    ['KEYWRIGHT_DATABASE_URL', 'DATABASE_URL'],
    ['KEYWRIGHT_REDIS_URL_FILE', 'REDIS_URL_FILE'],
    ['KEYWRIGHT_ROOT_SECRETS_FILE', 'KEYWRIGHT_ROOT_SECRET_FILE'],
    ['KEYWRIGHT_ACCESS_TOKEN_EXPIRE_MINUTES', 'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS'],
  ])('%s: did you mean %s?', (name, meant) => {
    expect(problemsOf({ [name]: '1' })).toEqual([`${name}: there is no such setting; did you mean ${meant}?`])
  })
  test('one that is near to nothing is refused without a guess', () => {
    expect(problemsOf({ KEYWRIGHT_ZZZZZZ: '1' })).toEqual(['KEYWRIGHT_ZZZZZZ: there is no such setting.'])
  })
  test('an empty one counts as absent, and other programs’ names are none of our business', () => {
    expect(problemsOf({ KEYWRIGHT_ZZZZZZ: '', PATH: '/bin', OTHER_ISSUER: 'x' })).toEqual([])
  })
  test('what Kubernetes makes for a service called keywright is left alone', () => {
    const links = {
      KEYWRIGHT_SERVICE_HOST: '10.0.0.9',
      KEYWRIGHT_SERVICE_PORT: '80',
      KEYWRIGHT_SERVICE_PORT_HTTP: '80',
      KEYWRIGHT_PORT: 'tcp://10.0.0.9:80',
      KEYWRIGHT_PORT_80_TCP: 'tcp://10.0.0.9:80',
      KEYWRIGHT_PORT_80_TCP_ADDR: '10.0.0.9',
      KEYWRIGHT_WEB_PORT: 'tcp://10.0.0.9:80',
    }
    expect(load(links)).toEqual(load({}))
  })
})

describe('old names', () => {
  test('are reported and never used', () => {
    const { config, notices } = load({
      APP_NAME: 'Old',
      ISSUER_URL: 'https://old.example',
      ACCESS_TOKEN_EXPIRE_MINUTES: '30',
    })
    expect(config).toEqual(load({}).config)
    expect(notices).toEqual([
      'APP_NAME is an old name: use KEYWRIGHT_NAME; it was not used. `keywright config import` translates.',
      'ISSUER_URL is an old name: use KEYWRIGHT_ISSUER; it was not used. `keywright config import` translates.',
      'ACCESS_TOKEN_EXPIRE_MINUTES is an old name: use KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS; it was not used. `keywright config import` translates.',
    ])
  })
  test('are not reported beside ours, in either form', () => {
    write('root', strong)
    const env = { APP_NAME: 'Old', KEYWRIGHT_NAME: 'New', SECRET_KEY: 'old', KEYWRIGHT_ROOT_SECRET_FILE: 'root' }
    expect(load(env).notices).toEqual([])
  })
  test('without a counterpart are reported with the reason', () => {
    expect(load({ JWT_SECRET_KEY: 'hunter22' }).notices).toEqual([
      'JWT_SECRET_KEY is an old name without a counterpart; it was not used. Tokens are signed with key pairs, not with a shared secret; the keys are made on the first start.',
    ])
  })
  test('that other programs use too are reported only from .env', () => {
    expect(load({ HOST: 'laptop', NODE_ENV: 'test' }).notices).toEqual([])
    write('.env', 'NODE_ENV=production')
    expect(load({ HOST: 'laptop' }).notices).toEqual([expect.stringMatching(/^NODE_ENV is an old name/)])
  })
})

test('no secret appears in a problem or a notice, whatever it is and wherever it was put', () => {
  const names = leavesOf()
    .filter(({ leaf }) => leaf.secret)
    .flatMap(({ leaf }) => [leaf.env, `${leaf.env}_FILE`])
  const old = ['SECRET_KEY', 'JWT_SECRET_KEY', 'SMTP_PASSWORD', 'DB_PASSWORD', 'CACHE_URL', 'ADMIN_PASSWORD']
  const secret = fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9+/=_.!-]{8,60}$/),
    fc.stringMatching(/^(sqlite|mysql|redis|smtp|postgres|postgresql\+x):(\/\/)?[a-z]{2}:[A-Za-z0-9#%@]{8,20}@h\/d$/),
  )
  const env = fc.dictionary(fc.constantFrom(...names, ...old), secret, { maxKeys: 4 })
  const profile = fc.constantFrom('development', 'production', 'neither')
  fc.assert(
    fc.property(env, profile, (secrets, KEYWRIGHT_PROFILE) => {
      const given = { ...secrets, KEYWRIGHT_PROFILE, KEYWRIGHT_ISSUER: 'http://login.example.com' }
      const problems = problemsOf(given)
      const said = (problems.length > 0 ? problems : load(given).notices).join('\n')
      expect(said).not.toBe('')
      for (const value of Object.values(secrets)) expect(said).not.toContain(value)
      for (const value of Object.values(secrets)) expect(said).not.toContain(/:(\w{8,})@/.exec(value)?.[1] ?? value)
    }),
  )
})
