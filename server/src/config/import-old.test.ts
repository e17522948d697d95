import { generateKeyPairSync } from 'node:crypto'
import { parseEnv } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { importOldEnv } from './import-old.ts'
import { readSettings } from './load.ts'
import { oldNames } from './old-names.ts'

const strong = 'k3Jx9QpLw7VbNz2RtYc5Hd8Mf1Gs4Aa6Uo0Ei-Ty_Wq'
const nothing = () => undefined
const translate = (text: string) => {
  const { env, notes } = importOldEnv(text, nothing)
  return { values: parseEnv(env), notes, env }
}
const pemOf = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

describe('one name', () => {
  test.each([
    ['APP_NAME="My # SSO"', { KEYWRIGHT_NAME: 'My # SSO' }],
    ['ISSUER_URL=https://SSO.example.com/', { KEYWRIGHT_ISSUER: 'https://sso.example.com' }],
    ['ISSUER_URL=https://sso.example.com/auth/', { KEYWRIGHT_ISSUER: 'https://sso.example.com/auth' }],
    ['ACCESS_TOKEN_EXPIRE_MINUTES=30', { KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS: '1800' }],
    ['ACCESS_TOKEN_EXPIRE_MINUTES=0.75', { KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS: '45' }],
    ['ACCESS_TOKEN_EXPIRE_SECONDS=900', { KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS: '900' }],
    ['JWT_EXPIRES_IN=15m', { KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS: '900' }],
    ['REFRESH_TOKEN_EXPIRE_DAYS=7', { KEYWRIGHT_REFRESH_IDLE_SECONDS: '604800' }],
    ['REFRESH_TOKEN_TTL="2 weeks"', { KEYWRIGHT_REFRESH_IDLE_SECONDS: '1209600' }],
    ['KEY_ROTATION_DAYS=30', { KEYWRIGHT_KEY_ROTATE_SECONDS: '2592000' }],
    ['SESSION_EXPIRE_HOURS=48', { KEYWRIGHT_SESSION_ABSOLUTE_SECONDS: '172800' }],
    ['JWT_ALGORITHM=es256', { KEYWRIGHT_SIGNING_ALGS: 'ES256,RS256' }],
    ['JWT_ALGORITHM=RS256', { KEYWRIGHT_SIGNING_ALGS: 'RS256' }],
    ['ENVIRONMENT=prod', { KEYWRIGHT_PROFILE: 'production' }],
    ['ENVIRONMENT=dev', { KEYWRIGHT_PROFILE: 'development' }],
    ['LOG_LEVEL=WARNING', { KEYWRIGHT_LOG_LEVEL: 'warn' }],
    ['APP_PORT=5000', { PORT: '5000' }],
    [`SECRET_KEY=${strong}`, { KEYWRIGHT_ROOT_SECRET: strong }],
    [`SECRET_KEY=${strong.slice(0, 32)}`, { KEYWRIGHT_ROOT_SECRET: strong.slice(0, 32) }],
    ['CACHE_URL=redis://cache:6379/1', { REDIS_URL: 'redis://cache:6379/1' }],
    ['RATE_LIMIT_ENABLED=False', { KEYWRIGHT_LIMITS: 'off' }],
    ['RATE_LIMIT_PER_MINUTE=60', { KEYWRIGHT_LIMIT_ADDRESS: '60' }],
    ['RATE_LIMIT_DEFAULT=600/hour', { KEYWRIGHT_LIMIT_ADDRESS: '10' }],
    ['RATE_LIMIT_LOGIN="5 per 15 minutes"', { KEYWRIGHT_LIMIT_LOGIN_ADDRESS: '1' }],
    ['RATE_LIMIT_PER_SECOND=10', { KEYWRIGHT_LIMIT_ADDRESS: '600' }],
    ['DYNAMIC_REGISTRATION_ENABLED=true', { KEYWRIGHT_REGISTRATION: 'token' }],
    ['TRUSTED_PROXIES="10.0.0.1, 192.168.0.0/16"', { KEYWRIGHT_TRUSTED_PROXIES: '10.0.0.1,192.168.0.0/16' }],
    ['SMTP_FROM=sso@example.com', { KEYWRIGHT_MAIL_FROM: 'sso@example.com' }],
    ['DATABASE_URL=postgresql+asyncpg://a:b@db/kw', { DATABASE_URL: 'postgresql://a:b@db/kw' }],
    ['DATABASE_URL=postgresql://a:b@db/kw?schema=public', { DATABASE_URL: 'postgresql://a:b@db/kw' }],
    [
      'DATABASE_URL=postgresql://db/kw?schema=public&sslmode=require',
      { DATABASE_URL: 'postgresql://db/kw?sslmode=require' },
    ],
    ['H=db\nDATABASE_URI=postgres://a:${P:-pw}@${H}/kw', { DATABASE_URL: 'postgres://a:pw@db/kw' }],
    ['BASE_URL=https://a.example\nISSUER_URL=https://b.example', { KEYWRIGHT_ISSUER: 'https://b.example' }],
    ['KEYWRIGHT_NAME=Ours\nAPP_NAME=Theirs', { KEYWRIGHT_NAME: 'Ours' }],
  ])('%s', (text, expected) => {
    expect(translate(text).values).toEqual(expected)
  })
})

describe('several names that belong together', () => {
  test.each([
    ['DB_HOST=db\nDB_USER=kw\nDB_PASSWORD=p#1/@\nDB_NAME=sso', 'DATABASE_URL', 'postgres://kw:p@db:5432/sso'],
    [
      "DB_HOST=db\nDB_USER=kw\nDB_PASSWORD='p#1/@'\nDB_NAME=sso",
      'DATABASE_URL',
      'postgres://kw:p%231%2F%40@db:5432/sso',
    ],
    ['POSTGRES_SERVER=db\nPOSTGRES_PORT=6000', 'DATABASE_URL', 'postgres://postgres@db:6000/postgres'],
    ['REDIS_HOST=::1\nREDIS_PASSWORD=pw\nREDIS_DB=2', 'REDIS_URL', 'redis://:pw@[::1]:6379/2'],
    ['SMTP_HOST=mail\nSMTP_USER=a@b\nSMTP_PASSWORD=pw', 'KEYWRIGHT_SMTP_URL', 'smtp://a%40b:pw@mail:587'],
    ['SMTP_HOST=mail\nSMTP_PORT=465', 'KEYWRIGHT_SMTP_URL', 'smtps://mail:465'],
    ['SMTP_HOST=mail\nSMTP_SSL=true', 'KEYWRIGHT_SMTP_URL', 'smtps://mail:465'],
    ['RATE_LIMIT_REQUESTS=100\nRATE_LIMIT_WINDOW=300', 'KEYWRIGHT_LIMIT_ADDRESS', '20'],
    ['RATE_LIMIT_MAX_REQUESTS=100\nRATE_LIMIT_WINDOW_MS=900000', 'KEYWRIGHT_LIMIT_ADDRESS', '7'],
    ['DATABASE_URL=postgres://h/d\nDB_HOST=other', 'DATABASE_URL', 'postgres://h/d'],
  ])('%s', (text, name, value) => {
    expect(translate(text).values).toEqual({ [name]: value })
  })
})

describe('what cannot come along is said', () => {
  test.each([
    ['DATABASE_URL=sqlite:///./sso.db', 'sqlite: address'],
    ['SQLALCHEMY_DATABASE_URI=mysql://a:hunter22@b/c', 'no PostgreSQL address'],
    ['DB_TYPE=sqlite\nDB_HOST=x', 'not PostgreSQL'],
    ['JWT_ISSUER=my-sso', 'no http or https address'],
    ['ISSUER_URL="https://a b"', 'no http or https address'],
    ['APP_NAME=it\'s `a "b', 'no quotes of a .env file fit'],
    ['ISSUER_URL=${BASE_URL}\nBASE_URL=${ISSUER_URL}', 'no http or https address'],
    ['ISSUER_URL=${NOWHERE}', 'no http or https address'],
    ['JWT_ALGORITHM=HS256', 'names no algorithm'],
    ['JWT_SECRET_KEY=hunter22', 'key pairs'],
    ['SECRET_KEY=hunter22', 'too short or too easy'],
    [`SECRET_KEY=${'hunter22'.repeat(4)}`, 'too short or too easy'],
    ['CACHE_URL=memory://', 'no redis:// address'],
    ['TRUST_PROXY=true', 'addresses of proxies'],
    ['TRUSTED_PROXIES=0.0.0.0/0', 'addresses of proxies'],
    ['SESSION_COOKIE_NAME=sid', 'Cookies have fixed names'],
    ['JWT_PRIVATE_KEY_PATH=keys/private.pem', 'no such key file'],
    ['RATE_LIMIT_ENABLED=maybe', 'neither true nor false'],
    ['RATE_LIMIT_MAX=many', 'not a number of requests'],
    ['ACCESS_TOKEN_EXPIRE_MINUTES=long', 'not a number'],
    ['APP_PORT=0', 'PORT takes'],
    ['SMTP_HOST="a b"', 'KEYWRIGHT_SMTP_URL takes'],
    ['PRIMARY_COLOR=red', 'KEYWRIGHT_COLOR takes a colour'],
    ['SOMETHING_ELSE=hunter22', 'SOMETHING_ELSE: not known here'],
    ['KEYWRIGHT_NONSENSE=1', 'KEYWRIGHT_NONSENSE: not known here'],
  ])('%s', (text, said) => {
    const { values, notes, env } = translate(text)
    expect(values).toEqual({})
    expect(notes.join('\n')).toContain(said)
    expect(env).toContain(said)
    expect(env).not.toContain('hunter22')
  })
  test('a number outside our range is moved, with a note', () => {
    const { values, notes } = translate('ACCESS_TOKEN_EXPIRE_MINUTES=1440')
    expect(values).toEqual({ KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS: '3600' })
    expect(notes).toEqual([expect.stringContaining('would be 86400')])
  })
  test('of a list of proxies the addresses stay, and the rest is said', () => {
    const { values, notes } = translate('TRUSTED_PROXIES=10.0.0.1,loopback')
    expect(values).toEqual({ KEYWRIGHT_TRUSTED_PROXIES: '10.0.0.1' })
    expect(notes).toEqual([expect.stringContaining('something other than the addresses')])
  })
  test('times that agree are left as they are, and an empty list of notes says so', () => {
    const { values, notes, env } = translate('SESSION_EXPIRE_MINUTES=60\nSESSION_TIMEOUT=3600')
    expect(values).toEqual({ KEYWRIGHT_SESSION_ABSOLUTE_SECONDS: '3600', KEYWRIGHT_SESSION_IDLE_SECONDS: '3600' })
    expect(notes).toEqual([])
    expect(env).toContain('# Notes\n# - none\n')
  })
  test('so is one that was put together', () => {
    const { values, notes } = translate('RATE_LIMIT_REQUESTS=900000000\nRATE_LIMIT_WINDOW=1')
    expect(values).toEqual({ KEYWRIGHT_LIMIT_ADDRESS: '10000000' })
    expect(notes).toEqual([expect.stringContaining('would be 54000000000')])
  })
  test('of two names for one setting the first is taken, and the other said', () => {
    const { values, notes } = translate('APP_NAME=A\nPROJECT_NAME=B\nSITE_NAME=A')
    expect(values).toEqual({ KEYWRIGHT_NAME: 'A' })
    expect(notes).toEqual(['PROJECT_NAME: KEYWRIGHT_NAME was already taken from APP_NAME; left out.'])
  })
  test.each([
    ['REFRESH_TOKEN_EXPIRE_DAYS=120', 'KEYWRIGHT_REFRESH_ABSOLUTE_SECONDS', '10368000'],
    ['SESSION_EXPIRE_MINUTES=60', 'KEYWRIGHT_SESSION_IDLE_SECONDS', '3600'],
    ['SESSION_EXPIRE_MINUTES=60\nSESSION_TIMEOUT=7200', 'KEYWRIGHT_SESSION_IDLE_SECONDS', '3600'],
    ['KEY_ROTATION_DAYS=1', 'KEYWRIGHT_KEY_PUBLISH_SECONDS', '43200'],
  ])('%s moves %s along', (text, name, value) => {
    const { values, notes } = translate(text)
    expect(values[name]).toBe(value)
    expect(notes).toEqual([expect.stringContaining(`${name} was set to ${value}`)])
  })
  test('what production would refuse is said', () => {
    const { notes } = translate('ENVIRONMENT=production\nISSUER_URL=http://sso.example.com')
    expect(notes).toEqual([
      expect.stringMatching(/^Before the first start: KEYWRIGHT_ISSUER: production needs an https/),
      expect.stringMatching(/^Before the first start: KEYWRIGHT_ROOT_SECRET: production needs one/),
    ])
  })
  test('a secret that lies in a file is kept as it is', () => {
    const { values, notes } = translate('KEYWRIGHT_PROFILE=production\nKEYWRIGHT_ROOT_SECRET_FILE=/run/root')
    expect(values).toEqual({ KEYWRIGHT_PROFILE: 'production', KEYWRIGHT_ROOT_SECRET_FILE: '/run/root' })
    expect(notes).toEqual([])
  })
})

describe('key files', () => {
  const pem = pemOf(2048)
  test('are found, read and named in the note', () => {
    const read = (path: string) => (path === 'keys/private.pem' ? pem : undefined)
    const { keyFiles, notes } = importOldEnv(
      'JWT_PRIVATE_KEY_PATH=keys/private.pem\nPRIVATE_KEY_PATH=keys/private.pem',
      read,
    )
    expect(keyFiles).toEqual([{ path: 'keys/private.pem', pem }])
    expect(notes).toEqual([expect.stringContaining('keywright keys import --pem keys/private.pem --passive')])
  })
  test('a key inside the file is taken out of it', () => {
    const inline = pem.replaceAll('\n', '\\n')
    const { keyFiles, env } = importOldEnv(`JWT_PRIVATE_KEY='${inline}'`, nothing)
    expect(keyFiles).toEqual([{ path: 'jwt-private-key.pem', pem }])
    expect(env).not.toContain('BEGIN')
  })
  const encrypted = generateKeyPairSync('ed25519').privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'pw',
  })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  test.each([
    ['no key', 'hello', 'no private key'],
    ['RSA of 1024 bits', pemOf(1024), 'RSA of at least 2048'],
    ['P-384', p384.toString(), 'RSA of at least 2048'],
    ['a passphrase', encrypted.toString(), 'openssl pkey'],
  ])('%s is left out with a note', (_, text, said) => {
    const { keyFiles, notes } = importOldEnv('JWT_PRIVATE_KEY_PATH=k', () => text)
    expect(keyFiles).toEqual([])
    expect(notes).toEqual([expect.stringContaining(said)])
  })
  test.each(['ed25519', 'ec'] as const)('%s is accepted', (type) => {
    const pair = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
    const text = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(importOldEnv('JWT_PRIVATE_KEY_PATH=k', () => text).keyFiles).toHaveLength(1)
  })
})

describe('whatever the old file holds', () => {
  const names = [
    ...oldNames.flatMap((row) => row.names).filter((name) => !name.endsWith('*')),
    'PORT',
    'DATABASE_URL',
    'REDIS_URL',
  ]
  const value = fc.oneof(
    fc.stringMatching(/^[^'\r\n]{0,40}$/),
    fc.nat().map(String),
    fc.constantFrom(
      'true',
      '15m',
      '10/minute',
      'https://a.example/x/',
      '0.0.0.0/0',
      'postgres://a:b@c/d',
      'sqlite://x',
      'a@b',
      strong,
    ),
  )
  const lines = fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 12 })
  const textOf = (pairs: [string, string][]) => pairs.map(([name, text]) => `${name}='${text}'`).join('\n')

  test('the new one loads, in development without a problem', () => {
    fc.assert(
      fc.property(lines, (pairs) => {
        const { env, notes } = importOldEnv(textOf(pairs), nothing)
        const values = new Map(Object.entries(parseEnv(env)).flatMap(([name, text]) => (text ? [[name, text]] : [])))
        const isProduction = values.get('KEYWRIGHT_PROFILE') === 'production'
        const { problems, findings } = readSettings(values, { cwd: '/srv' })
        const refused = findings.filter(({ level }) => level === 'problem').map(({ text }) => text)
        expect(problems).toEqual([])
        expect(notes).toEqual(expect.arrayContaining(refused.map((text) => `Before the first start: ${text}`)))
        expect(isProduction || refused.length === 0).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
  test('no note holds a secret', () => {
    const secretNames = [
      'SECRET_KEY',
      'JWT_SECRET_KEY',
      'SMTP_PASSWORD',
      'DB_PASSWORD',
      'DATABASE_URL',
      'CACHE_URL',
      'JWT_PRIVATE_KEY',
      'JWT_PRIVATE_KEY_PATH',
      'KEYWRIGHT_MANAGEMENT_TOKEN',
    ]
    const secret = fc.stringMatching(/^[A-Za-z0-9+/=_:@.]{8,50}$/)
    fc.assert(
      fc.property(fc.constantFrom(...secretNames), secret, (name, text) => {
        const { notes } = importOldEnv(`${name}='${text}'\nDB_HOST=db\nSMTP_HOST=mail`, nothing)
        expect(notes.join('\n')).not.toContain(text)
      }),
    )
  })
})
