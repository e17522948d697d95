import { Secret, TOTP } from 'otpauth'
import { describe, expect, it } from 'vitest'
import { isDenial } from '../protocol/errors.ts'
import { firebaseRecords, keycloakRecords, readFirebaseProject } from './foreign-exports.ts'
import { readRecord } from './import-record.ts'

const otp = (data: object) => ({
  type: 'otp',
  secretData: JSON.stringify({ value: 'a key of twenty byte' }),
  credentialData: JSON.stringify({ subType: 'totp', digits: 6, period: 30, algorithm: 'HmacSHA1', ...data }),
})

const ada = {
  id: '8f0c1f9a-6d3f-4a54-9f0a-0c1b7a3d9e11',
  createdTimestamp: 1_699_281_486_748,
  username: 'ada',
  enabled: true,
  totp: true,
  email: 'ada@example.com',
  emailVerified: true,
  firstName: 'Ada',
  lastName: 'Lovelace',
  attributes: { department: ['engines'], hats: ['top', 'bowler'] },
  credentials: [
    {
      type: 'password',
      secretData: '{"value":"S3uJTdxl7yg4e7ZQZPKdSkHSNSY=","salt":"c2FsdA==","additionalParameters":{}}',
      credentialData: '{"hashIterations":3,"algorithm":"pbkdf2","additionalParameters":{}}',
    },
    otp({}),
  ],
  requiredActions: ['UPDATE_PASSWORD', 'CONFIGURE_RECOVERY_AUTHN_CODES'],
  realmRoles: ['default-roles-example'],
  groups: ['/staff'],
  notBefore: 0,
}

describe('keycloakRecords', () => {
  const one = (user: object): Record<string, unknown> =>
    keycloakRecords(JSON.stringify({ realm: 'example', users: [user] }))?.[0]?.value as Record<string, unknown>

  it('takes over what an import can read, and nothing of roles and groups', () => {
    const record = one(ada)
    expect(record).toEqual({
      id: ada.id,
      username: 'ada',
      email: 'ada@example.com',
      email_verified: true,
      given_name: 'Ada',
      family_name: 'Lovelace',
      name: 'Ada Lovelace',
      status: 'active',
      required_actions: ['change_password'],
      claims: { department: 'engines', hats: ['top', 'bowler'] },
      password_hash: '$pbkdf2-sha1$i=3$c2FsdA$S3uJTdxl7yg4e7ZQZPKdSkHSNSY',
      totp_secret: 'MEQGWZLZEBXWMIDUO5SW45DZEBRHS5DF',
      created_at: '2023-11-06T14:38:06.748Z',
    })
    expect(isDenial(readRecord(record))).toBe(false)
  })

  it('the authenticator app goes on with the same codes: its key is the text itself', () => {
    const { totp_secret } = one(ada)
    const [of, as] = [
      new TOTP({ secret: Secret.fromUTF8('a key of twenty byte') }),
      Secret.fromBase32(String(totp_secret)),
    ]
    expect(new TOTP({ secret: as }).generate({ timestamp: 1e12 })).toBe(of.generate({ timestamp: 1e12 }))
  })

  it.each([{ digits: 8 }, { period: 60 }, { algorithm: 'HmacSHA256' }, { subType: 'hotp' }])(
    'leaves out an authenticator that apps do not have in common: %j',
    (data) => {
      expect(one({ ...ada, credentials: [otp(data)] })).not.toHaveProperty('totp_secret')
    },
  )

  it('a user name that is the address is none, and a disabled account stays so', () => {
    const record = one({ username: 'ada@example.com', email: 'ada@example.com', enabled: false })
    expect(record).toMatchObject({ status: 'disabled' })
    expect(record).not.toHaveProperty('username')
    expect(isDenial(readRecord(record))).toBe(false)
  })

  it('what is no account is refused by its number, and what is no export is none', () => {
    const lines = keycloakRecords(JSON.stringify({ users: [ada, 7, { id: 7 }] }))
    expect(lines?.map(({ line, value }) => [line, isDenial(readRecord(value))])).toEqual([
      [1, false],
      [2, true],
      [3, true],
    ])
    for (const text of ['', '[]', '{}', '{"users":{}}', 'null']) expect(keycloakRecords(text)).toBeUndefined()
  })
})

describe('firebaseRecords', () => {
  const project = { base64_signer_key: 'a2V5', base64_salt_separator: 'Bw==', rounds: 8, mem_cost: 14 }
  const grace = {
    localId: 'Xk2mT0pQ4nVbR7sZ1aLc9dEw3fGh',
    email: 'grace@example.com',
    emailVerified: false,
    passwordHash: 'aGFzaA==',
    salt: 'c2FsdA==',
    displayName: 'Grace',
    photoUrl: 'https://example.com/grace.png',
    createdAt: '1699281486748',
    lastSignedInAt: '1699281486748',
    phoneNumber: '+4930123456',
    customAttributes: '{"team":"compilers"}',
    providerUserInfo: [],
  }
  const one = (user: object, known: typeof project | undefined = project): Record<string, unknown> =>
    firebaseRecords(JSON.stringify({ users: [user] }), known)?.[0]?.value as Record<string, unknown>

  it('takes over ids, addresses, numbers, custom claims and passwords', () => {
    const record = one(grace)
    expect(record).toEqual({
      id: grace.localId,
      email: 'grace@example.com',
      email_verified: false,
      name: 'Grace',
      picture: 'https://example.com/grace.png',
      phone_number: '+4930123456',
      phone_number_verified: true,
      status: 'active',
      claims: { team: 'compilers' },
      password_hash: '$firebase-scrypt$ln=14,r=8,sk=a2V5,ss=Bw==$c2FsdA==$aGFzaA==',
      created_at: '2023-11-06T14:38:06.748Z',
    })
    expect(isDenial(readRecord(record))).toBe(false)
  })

  it('without the parameters of the project there are no passwords', () => {
    expect(firebaseRecords(JSON.stringify({ users: [grace] }), undefined)?.[0]?.value).not.toHaveProperty(
      'password_hash',
    )
  })

  it('somebody without an address has their id as user name', () => {
    const record = one({ localId: 'Xk2mT0pQ', phoneNumber: '+4930123456', disabled: true })
    expect(record).toMatchObject({ username: 'Xk2mT0pQ', status: 'disabled' })
    expect(isDenial(readRecord(record))).toBe(false)
  })

  it('reads the parameters as the console shows them', () => {
    expect(readFirebaseProject(JSON.stringify({ algorithm: 'SCRYPT', ...project, rounds: '8' }))).toEqual(project)
    for (const text of ['', '{}', 'hash_config { }']) expect(readFirebaseProject(text)).toBeUndefined()
  })
})
