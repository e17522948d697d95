/** Which password hashes of other systems are taken over, and how an account with one signs in (security design 3.6). */
import { hash as bcrypt } from '@node-rs/bcrypt'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Fixtures, fixtures } from '../../test/support/fixtures.ts'
import { accountOf, provePassword } from './credentials.ts'
import { firebaseHash, keycloakHash } from './hash-exports.ts'
import { adoptHash, checkImportedHash } from './import-hash.ts'
import { loadHashSamples } from './store.ts'

let made: Fixtures

beforeAll(async () => {
  made = await fixtures()
})

const storedHash = async (user_id: string): Promise<string> => {
  const [row] = await made.db<
    { password_hash: string }[]
  >`select password_hash from password_credentials where user_id = ${user_id}`
  return row?.password_hash ?? ''
}

const project = {
  base64_signer_key: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
  base64_salt_separator: 'Bw==',
  rounds: 8,
  mem_cost: 14,
}
const firebaseAccount = {
  passwordHash: 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
  salt: '42xEC+ixf3L2lw==',
}

const keycloak = (secret: object, data: object): unknown => ({
  id: '3b800dbd-bcfb-4734-925f-85a9f75f1cef',
  type: 'password',
  createdDate: 1_699_281_486_748,
  secretData: JSON.stringify({ ...secret, additionalParameters: {} }),
  credentialData: JSON.stringify({ additionalParameters: {}, ...data }),
})

const keycloakArgon2 = keycloak(
  { value: 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc=', salt: 'c29tZXNhbHQ=' },
  {
    hashIterations: 2,
    algorithm: 'argon2',
    additionalParameters: { hashLength: ['32'], memory: ['65536'], type: ['id'], version: ['1.3'], parallelism: ['1'] },
  },
)
const keycloakPbkdf2 = keycloak(
  { value: 'S3uJTdxl7yg4e7ZQZPKdSkHSNSY=', salt: 'c2FsdA==' },
  { hashIterations: 3, algorithm: 'pbkdf2' },
)

describe('checkImportedHash', () => {
  it.each([
    ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'the form {SHA}'],
    ['{MD5}X03MO1qnZdYdgyfeuILPmQ==', 'the form {MD5}'],
    ['$6$rounds=5000$abcdefgh$secretsecret', 'the form $6$'],
    ['md5$salt$5f4dcc3b5aa765d61d8327deb882cf99', 'the form md5$'],
    ['correct horse battery staple', '28 characters of no known form'],
    ['', '0 characters of no known form'],
    ['$2b$31$HP3I0PUs7KBEzMBNFw7o3O7f/uxaZU7aaDot1quHMgB2yrwBXsgyy', 'bcrypt: cost 31; at most 14'],
    [
      '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
      'argon2: 4096 MiB of memory; at most 256',
    ],
  ])('refuses %s with a reason that does not hold it', (text, got) => {
    const refused = checkImportedHash(text)
    expect(refused).toMatchObject({ error: 'unsupported_hash', status: 422, because: { got } })
    expect(JSON.stringify(refused)).not.toMatch(/W6ph|X03M|secret|5f4d|HP3I|CTFh/)
  })

  it('accepts what is within bounds', () => {
    expect(checkImportedHash('{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ')).toBeUndefined()
  })
})

describe('exports of other systems', () => {
  it('Keycloak: PBKDF2 and Argon2', () => {
    expect(keycloakHash(keycloakPbkdf2)).toBe('$pbkdf2-sha1$i=3$c2FsdA$S3uJTdxl7yg4e7ZQZPKdSkHSNSY')
    expect(keycloakHash(keycloakArgon2)).toBe(
      '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    )
    const secret = { value: 'AAAA', salt: 'BBBB' }
    for (const [algorithm, digest] of [
      ['pbkdf2-sha256', 'sha256'],
      ['pbkdf2-sha512', 'sha512'],
    ])
      expect(keycloakHash(keycloak(secret, { algorithm, hashIterations: 210_000 }))).toBe(
        `$pbkdf2-${digest}$i=210000$BBBB$AAAA`,
      )
  })

  it.each([
    ['a one-time code', { ...(keycloakPbkdf2 as object), type: 'otp' }],
    ['text that is no JSON', { ...(keycloakPbkdf2 as object), secretData: '{' }],
    ['another algorithm', keycloak({ value: 'AAAA', salt: 'BBBB' }, { algorithm: 'bcrypt', hashIterations: 10 })],
    ['no salt', keycloak({ value: 'AAAA' }, { algorithm: 'pbkdf2', hashIterations: 10 })],
    ['nothing', undefined],
  ])('Keycloak: %s is no password', (_name, credential) => {
    expect(keycloakHash(credential)).toBeUndefined()
  })

  it('Firebase: an account with a password, and one without', () => {
    expect(firebaseHash(firebaseAccount, project)).toMatch(
      /^\$firebase-scrypt\$ln=14,r=8,sk=jxs.+==,ss=Bw==\$42x.+==\$lSr.+==$/,
    )
    expect(firebaseHash({ passwordHash: '', salt: '' }, project)).toBeUndefined()
    expect(firebaseHash({}, project)).toBeUndefined()
  })
})

const prove = async (email: string, password: string): ReturnType<typeof provePassword> =>
  await provePassword(made.ctx, await accountOf(made.ctx, email, undefined), password)

describe('an imported account', () => {
  const imported: [name: string, password: string, hash: () => Promise<string> | string | undefined][] = [
    ['bcrypt', 'a quiet stone arch', async () => await bcrypt('a quiet stone arch', { cost: 5 })],
    ['PBKDF2 of Django', 'password', () => 'pbkdf2_sha1$2$salt$6mwBTcctb4zNHtkqzh1B8NjeiVc='],
    ['PBKDF2 of Keycloak', 'password', () => '$pbkdf2-sha1$i=4096$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE'],
    ['Argon2 of Keycloak', 'password', () => keycloakHash(keycloakArgon2)],
    ['Firebase', 'user1password', () => firebaseHash(firebaseAccount, project)],
    ['LDAP', 'password', () => '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ'],
  ]

  it.each(imported)(
    '%s: signs in with the old password, and has a hash of ours from then on',
    async (_n, password, hash) => {
      const { user_id, email } = await made.user()
      const adopted = await adoptHash(made.ctx, (await hash()) ?? '')
      expect(adopted).toBeTypeOf('string')
      await made.db`update password_credentials set password_hash = ${adopted as string} where user_id = ${user_id}`
      expect(await prove(email, `${password}x`)).toBeUndefined()
      expect(await storedHash(user_id)).toBe(adopted)
      const proof = await prove(email, password)
      expect(proof).toMatchObject({ user_id, status: 'active' })
      const upgraded = await storedHash(user_id)
      expect(upgraded).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      expect(await prove(email, password)).toBeDefined()
      expect(await storedHash(user_id)).toBe(upgraded)
    },
  )

  it('a password that was changed meanwhile is not overwritten by the upgrade of the old one', async () => {
    const { user_id, email } = await made.user()
    const old = await bcrypt('a quiet stone arch', { cost: 10 })
    await made.db`update password_credentials set password_hash = ${old} where user_id = ${user_id}`
    const proving = prove(email, 'a quiet stone arch')
    // Its hash was read by then, and is being compared.
    await new Promise((resolve) => setTimeout(resolve, 30))
    const changed = await made.ctx.hashing.hash('an entirely different thing')
    await made.db`update password_credentials set password_hash = ${changed} where user_id = ${user_id}`
    await proving
    expect(await storedHash(user_id)).toBe(changed)
  })
})

describe('loadHashSamples', () => {
  it('is one hash of each kind, however many accounts there are', async () => {
    await made.db`delete from password_credentials`
    const kinds = [
      '$2b$10$',
      '$2b$12$',
      '$pbkdf2-sha256$i=29000$',
      '$scrypt$ln=15,r=8,p=1$',
      '$argon2id$v=19$m=19456,t=2,p=1$',
    ]
    await made.db`insert into users (id, username) select 'u' || n, 'u' || n from generate_series(1, 300) n`
    await made.db`
      insert into password_credentials (user_id, password_hash)
      select 'u' || n, (${kinds}::text[])[1 + n % 5] || 'salt' || n || '$hash' || n from generate_series(1, 300) n`
    await made.db`
      insert into users (id, username) values ('wrapped', 'wrapped'), ('plain', 'plain')`
    await made.db`
      insert into password_credentials (user_id, password_hash) values
        ('wrapped', '$kw-wrap$sha1$bFOTSQ$argon2id$v=19$m=19456,t=2,p=1$salt$hash'), ('plain', '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ')`
    const samples = await loadHashSamples(made.db)
    expect(samples).toHaveLength(5)
    for (const kind of kinds) expect(samples.filter((sample) => sample.includes(kind))).toHaveLength(1)
    await made.db`delete from password_credentials`
    expect(await loadHashSamples(made.db)).toEqual([])
  })
})
