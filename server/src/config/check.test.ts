import { describe, expect, test } from 'vitest'
import { checkConfig, isLoopbackIssuer } from './check.ts'
import { readSettings } from './load.ts'

const strong = 'k3Jx9QpLw7VbNz2RtYc5Hd8Mf1Gs4Aa6Uo0Ei-Ty_Wq'
const read = (env: Record<string, string>) => readSettings(new Map(Object.entries(env)), { cwd: '/srv' })
const textsOf = (level: string, env: Record<string, string>) =>
  read(env)
    .findings.filter((finding) => finding.level === level)
    .map(({ text }) => text)
const production = {
  KEYWRIGHT_PROFILE: 'production',
  KEYWRIGHT_ROOT_SECRET: strong,
  KEYWRIGHT_ISSUER: 'https://login.example.com',
  KEYWRIGHT_TRUSTED_PROXIES: '10.0.0.1',
  KEYWRIGHT_SMTP_URL: 'smtp://mail.example.com',
  KEYWRIGHT_MAIL_FROM: 'Example <login@example.com>',
}
const { KEYWRIGHT_SMTP_URL: _server, ...withoutMail } = production

describe('the issuer (RFC 8414 §2)', () => {
  test.each([
    'http://localhost:8080',
    'http://127.0.0.1:1',
    'http://[::1]:8080',
    'https://login.example.com',
    'https://login.example.com/tenant/a',
    'https://login.example.com:8443',
  ])('%s is accepted', (issuer) => {
    expect(textsOf('problem', { KEYWRIGHT_ISSUER: issuer })).toEqual([])
  })
  test.each([
    ['https://a.example/?x=1', 'query'],
    ['https://a.example?', 'query'],
    ['https://a.example/#x', 'fragment'],
    ['https://a.example#', 'fragment'],
    ['https://anna:hunter2@a.example', 'user name or password'],
    ['https://hunter2@a.example', 'user name or password'],
    ['https://a.example/', 'write it as https://a.example,'],
    ['https://a.example/x/', 'write it as https://a.example/x,'],
    ['https://A.example', 'write it as https://a.example,'],
    ['https://a.example:443', 'write it as https://a.example,'],
    ['https://a.example/x/../y', 'write it as https://a.example/y,'],
  ])('%s is refused', (issuer, said) => {
    const problems = textsOf('problem', { KEYWRIGHT_ISSUER: issuer })
    expect(problems).toEqual([expect.stringContaining(said)])
    expect(problems.join()).not.toContain('hunter2')
  })
  test.each([
    ['http://localhost', true],
    ['http://127.0.0.1:3', true],
    ['http://[::1]:3/x', true],
    ['http://localhost.example.com', false],
    ['http://127.0.0.1.nip.io', false],
    ['http://10.0.0.1', false],
  ])('%s is loopback: %s', (issuer, loopback) => {
    expect(isLoopbackIssuer(issuer)).toBe(loopback)
  })
})

describe('production', () => {
  test('a complete configuration has nothing to say', () => {
    expect(read(production).findings).toEqual([])
  })
  test.each([
    ['an http issuer that is not loopback', { KEYWRIGHT_ISSUER: 'http://login.example.com' }, 'KEYWRIGHT_ISSUER'],
    ['no root secret', { KEYWRIGHT_ROOT_SECRET: '' }, 'KEYWRIGHT_ROOT_SECRET'],
    ['a root secret of one character', { KEYWRIGHT_ROOT_SECRET: 'x'.repeat(40) }, 'KEYWRIGHT_ROOT_SECRET'],
    ['a repeated pattern', { KEYWRIGHT_ROOT_SECRET: 'abcdefg1'.repeat(5) }, 'KEYWRIGHT_ROOT_SECRET'],
    ['few characters', { KEYWRIGHT_ROOT_SECRET: 'aababbccabacbcaabbccbaabcacbcabbca' }, 'KEYWRIGHT_ROOT_SECRET'],
    ['an example', { KEYWRIGHT_ROOT_SECRET: 'change-me-to-32-chars-of-R4nd0m!' }, 'KEYWRIGHT_ROOT_SECRET'],
    ['another example', { KEYWRIGHT_ROOT_SECRET: 'your-secret-key-here-0123456789abcd' }, 'KEYWRIGHT_ROOT_SECRET'],
    ['limits off', { KEYWRIGHT_LIMITS: 'off' }, 'KEYWRIGHT_LIMITS'],
    ['a wildcard proxy', { KEYWRIGHT_TRUSTED_PROXIES: '0.0.0.0/0' }, 'KEYWRIGHT_TRUSTED_PROXIES'],
  ])('refuses %s', (_, change, named) => {
    const env = Object.fromEntries(Object.entries({ ...production, ...change }).filter(([, value]) => value !== ''))
    expect(textsOf('problem', env)).toEqual([expect.stringMatching(`^${named}: `)])
  })
  test.each(['http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080'])('accepts %s', (issuer) => {
    expect(textsOf('problem', { ...production, KEYWRIGHT_ISSUER: issuer })).toEqual([])
  })
  test('accepts a root secret of 32 characters, six of them different', () => {
    const env = { ...production, KEYWRIGHT_ROOT_SECRET: 'abcdefaabbccddeeffbadcfeabcdefff' }
    expect(textsOf('problem', env)).toEqual([])
  })
  test('a setting that was refused already brings no second problem', () => {
    const { config } = read({ KEYWRIGHT_PROFILE: 'production' })
    expect(checkConfig(config, new Set(['root_secret'])).filter(({ level }) => level === 'problem')).toEqual([])
    expect(checkConfig(config).filter(({ level }) => level === 'problem')).toHaveLength(1)
  })
})

describe('development', () => {
  test('says nothing about the defaults, nor about a key published for exactly twice the cache time', () => {
    expect(read({}).findings).toEqual([])
    expect(read({ KEYWRIGHT_KEY_PUBLISH_SECONDS: '1200' }).findings).toEqual([])
  })
  test.each([
    [{ KEYWRIGHT_ISSUER: 'http://login.example.com' }, 'in clear'],
    [{ KEYWRIGHT_ROOT_SECRET: 'x'.repeat(32) }, 'can be guessed'],
    [{ KEYWRIGHT_SIGNING_ALGS: 'ES256' }, 'RS256'],
    [{ KEYWRIGHT_KEY_PUBLISH_SECONDS: '1199' }, 'KEYWRIGHT_JWKS_MAX_AGE_SECONDS'],
    [{ REDIS_URL: 'redis://127.0.0.1' }, 'not used yet'],
    [
      { KEYWRIGHT_SMTP_URL: 'smtp://mail.example.com:587', KEYWRIGHT_SMTP_TLS: 'off' },
      'reads one-time links and codes',
    ],
    [withoutMail, 'no mail is sent'],
    [{ ...production, KEYWRIGHT_ISSUER: 'http://localhost:8080' }, 'only this machine'],
    [{ ...production, KEYWRIGHT_OUTBOUND_ALLOW: 'localhost:9' }, 'development and tests'],
    [{ ...production, KEYWRIGHT_TRUSTED_PROXIES: ',' }, 'proxy that ends TLS'],
  ])('%o gives a notice and no problem', (env, said) => {
    expect(textsOf('problem', env)).toEqual([])
    expect(textsOf('notice', env)).toEqual([expect.stringContaining(said)])
  })
})

describe('PX-1: the trusted proxies', () => {
  test.each(['10.0.0.1', '10.0.0.0/8', '192.168.1.0/24', '::1', 'fc00::/7', 'fd00::/8', '::ffff:10.0.0.0/104'])(
    '%s is accepted',
    (entry) => {
      expect(textsOf('problem', { KEYWRIGHT_TRUSTED_PROXIES: entry })).toEqual([])
    },
  )
  test.each([
    '0.0.0.0/0',
    '::/0',
    '10.0.0.1/0',
    'fc00::/0',
    '0.0.0.0/1',
    '128.0.0.0/1',
    '10.0.0.0/7',
    '2000::/3',
    '::/8',
    '::ffff:0:0/96',
    '::ffff:0.0.0.0/97',
    '::/64',
  ])('%s trusts everyone', (entry) => {
    const problems = textsOf('problem', { KEYWRIGHT_TRUSTED_PROXIES: `192.168.0.1, ${entry}` })
    expect(problems).toEqual([expect.stringContaining('believe everyone')])
  })
  test.each([
    '*',
    'true',
    'loopback',
    '10.0.0',
    '10',
    '0x7f.1',
    '10.0.0.1/33',
    '::1/129',
    '10.0.0.1/',
    '10.0.0.1/8/8',
    '10.0.0.1/-1',
    'fe80::1%eth0',
    '[::1]',
    'proxy.example.com',
  ])('%s is no address', (entry) => {
    const problems = textsOf('problem', { KEYWRIGHT_TRUSTED_PROXIES: entry })
    expect(problems).toEqual([expect.stringContaining('expected addresses or CIDR ranges')])
  })
})

describe('addresses', () => {
  test.each([
    'postgres://a:b@db:5432/kw',
    'postgresql://db/kw?sslmode=require',
    'postgres:///kw?host=/run/postgresql',
    'postgres://a:b%23c@h1:5432,h2:5433/kw',
    'postgres://a@[::1]:5432/kw',
  ])('DATABASE_URL %s is accepted', (url) => {
    expect(textsOf('problem', { DATABASE_URL: url })).toEqual([])
  })
  test.each([
    ['sqlite:///./sso.db', 'a sqlite: address, but Keywright runs on PostgreSQL only'],
    ['sqlite+aiosqlite:///./sso.db', 'a sqlite: address, but'],
    ['postgresql+asyncpg://a:b@db/kw', 'without the name of a driver'],
    ['mysql://a:hunter22@db/kw', 'got a mysql one'],
    ['hunter22', 'got something else'],
    ['postgres:hunter22', 'got something else'],
    ['postgres://a:hunter22#x@db/kw', '%23'],
    ['postgres://a:hunter22%zz@db/kw', '%23'],
    ['postgres://a:b@db:port/hunter22', '%23'],
    ['postgres://a:b@h1:1,h2:x/hunter22', '%23'],
  ])('DATABASE_URL %s is refused in one sentence', (url, said) => {
    const problems = textsOf('problem', { DATABASE_URL: url })
    expect(problems).toEqual([expect.stringContaining(said)])
    expect(problems.join()).not.toContain('hunter22')
  })
  test.each([
    ['REDIS_URL', 'redis://:hunter22@h:6379/0', true],
    ['REDIS_URL', 'rediss://h', true],
    ['REDIS_URL', 'http://hunter22', false],
    ['REDIS_URL', 'hunter22', false],
    ['REDIS_URL', 'redis:hunter22', false],
    ['KEYWRIGHT_SMTP_URL', 'smtps://a:hunter22@h:465', true],
    ['KEYWRIGHT_SMTP_URL', 'mail.hunter22.example:587', false],
    ['KEYWRIGHT_HOST', '::1', true],
    ['KEYWRIGHT_HOST', '0.0.0.0', true],
    ['KEYWRIGHT_HOST', 'localhost:8080', false],
    ['PORT', '0', false],
  ])('%s=%s is accepted: %s', (name, value, accepted) => {
    const problems = textsOf('problem', { [name]: value })
    expect(problems.map((text) => text.split(': ')[0])).toEqual(accepted ? [] : [name])
    expect(problems.join()).not.toContain('hunter22')
  })
  test('PORT=0 is accepted when the issuer is given', () => {
    expect(textsOf('problem', { PORT: '0', KEYWRIGHT_ISSUER: 'http://localhost:9' })).toEqual([])
  })
  test.each(['localhost:9000', '127.0.0.1:1', '[::1]:65535', 'my_mock.test:80'])('outbound %s is accepted', (entry) => {
    expect(textsOf('problem', { KEYWRIGHT_OUTBOUND_ALLOW: entry })).toEqual([])
  })
  test.each(['localhost', '*:80', 'a:0', 'a:65536', '::1:80', '[a]:80', 'http://a:80', ':80', 'a:'])(
    'outbound %s is refused',
    (entry) => {
      const problems = textsOf('problem', { KEYWRIGHT_OUTBOUND_ALLOW: entry })
      expect(problems).toEqual([expect.stringContaining('expected host:port')])
    },
  )
})

describe('settings that contradict', () => {
  test.each([
    [{ KEYWRIGHT_REFRESH_IDLE_SECONDS: '101', KEYWRIGHT_REFRESH_ABSOLUTE_SECONDS: '100' }, 'KEYWRIGHT_REFRESH_IDLE'],
    [{ KEYWRIGHT_SESSION_IDLE_SECONDS: '101', KEYWRIGHT_SESSION_ABSOLUTE_SECONDS: '100' }, 'KEYWRIGHT_SESSION_IDLE'],
    [{ KEYWRIGHT_KEY_PUBLISH_SECONDS: '3600', KEYWRIGHT_KEY_ROTATE_SECONDS: '3600' }, 'KEYWRIGHT_KEY_PUBLISH'],
    [{ KEYWRIGHT_THROTTLE_FREE: '10', KEYWRIGHT_THROTTLE_HARD_CAP: '10' }, 'KEYWRIGHT_THROTTLE_FREE'],
  ])('%o is refused', (env, named) => {
    expect(textsOf('problem', env)).toEqual([expect.stringMatching(`^${named}`)])
  })
  test.each([
    { KEYWRIGHT_REFRESH_IDLE_SECONDS: '100', KEYWRIGHT_REFRESH_ABSOLUTE_SECONDS: '100' },
    { KEYWRIGHT_SESSION_IDLE_SECONDS: '100', KEYWRIGHT_SESSION_ABSOLUTE_SECONDS: '100' },
    { KEYWRIGHT_KEY_PUBLISH_SECONDS: '3599', KEYWRIGHT_KEY_ROTATE_SECONDS: '3600' },
    { KEYWRIGHT_THROTTLE_FREE: '9', KEYWRIGHT_THROTTLE_HARD_CAP: '10' },
  ])('%o is accepted', (env) => {
    expect(textsOf('problem', env)).toEqual([])
  })
})
