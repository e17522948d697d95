/** Hashes of other systems: known answers of public specifications and implementations, and that nothing else is a yes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readHash, writeHash } from './hash-formats.ts'
import { matches } from './hash-verify.ts'

const verify = async (text: string, password: string): Promise<boolean> => {
  const stored = readHash(text)
  return stored !== undefined && (await matches(stored, password))
}

const base64 = (...hex: string[]): string => Buffer.from(hex.join(''), 'hex').toString('base64')
const long = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const greek = 'Ιωαννης'
const signerKey = 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=='
const firebaseHash = 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=='
const firebase = `$firebase-scrypt$ln=14,r=8,sk=${signerKey},ss=Bw==$42xEC+ixf3L2lw==$${firebaseHash}`

const knownAnswers: [source: string, password: string, hash: string][] = [
  // The self-test of crypt_blowfish 1.3, and of the bcrypt package for Python.
  ['bcrypt $2a', 'U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['bcrypt $2a, odd salt', 'U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'],
  ['bcrypt $2a, nothing', '', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy'],
  ['bcrypt $2a, 72 bytes', long, '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'],
  ['bcrypt $2b', 'zKo8vdFSnjX0f', '$2b$04$HP3I0PUs7KBEzMBNFw7o3O7f/uxaZU7aaDot1quHMgB2yrwBXsgyy'],
  ['bcrypt $2y', 'U*U', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  [
    'RFC 7914 §12, PHC',
    'password',
    `$scrypt$ln=10,r=8,p=16$TmFDbA$${base64(
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162',
      '2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    )}`,
  ],
  [
    'RFC 7914 §12, Werkzeug',
    'pleaseletmein',
    'scrypt:16384:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
  ],
  [
    'passlib, scrypt',
    'password',
    '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
  ],
  ['passlib, PBKDF2 SHA-1', 'password', '$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI'],
  ['passlib, PBKDF2 SHA-1, Greek', greek, '$pbkdf2$1212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc'],
  [
    'passlib, PBKDF2 SHA-256',
    'password',
    '$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ',
  ],
  [
    'passlib, PBKDF2 SHA-256, Greek',
    greek,
    '$pbkdf2-sha256$1212$3SABFJGDtyhrQMVt1uABPw$WyaUoqCLgvz97s523nF4iuOqZNbp5Nt8do/cuaa7AiI',
  ],
  [
    'passlib, PBKDF2 SHA-512',
    'password',
    '$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww',
  ],
  ['RFC 6070 §2, PHC', 'password', `$pbkdf2-sha1$i=4096$c2FsdA$${base64('4b007901b765489abead49d926f721d065a429c1')}`],
  [
    'RFC 6070 §2, Django',
    'passwordPASSWORDpassword',
    `pbkdf2_sha1$4096$saltSALTsaltSALTsaltSALTsaltSALTsalt$${base64('3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038')}`,
  ],
  ['RFC 6070 §2, Werkzeug', 'password', 'pbkdf2:sha1:2$salt$ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957'],
  [
    'RFC 6070 §2, NUL inside',
    'pass\0word',
    `$pbkdf2-sha1$i=4096,l=16$c2EAbHQ$${base64('56fa6aa75548099dcc37d7f03425e0c3')}`,
  ],
  [
    'RFC 7914 §11, two blocks',
    'passwd',
    `pbkdf2_sha256$1$salt$${base64(
      '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc',
      '49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783',
    )}`,
  ],
  ['Firebase, its own README', 'user1password', firebase],
  // The tests of the reference implementation of Argon2.
  ['argon2id', 'password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
  ['argon2i', 'password', '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA'],
  ['argon2i 1.0', 'password', '$argon2i$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ'],
  // passlib, Dovecot and uffd.
  ['LDAP {SSHA}', 'password', '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ'],
  ['LDAP {SSHA256}', 'test123', '{SSHA256}czO44OTV17PcF1cRxWrLZLy9xHd7CWyVYplr1rOhuMlx/7IK'],
  [
    'LDAP {ssha512}',
    'password',
    '{ssha512}dOeDLmVpHJThhHeag10Hm2g4T7s3SBE6rGHcXUolXJHVufY4qT782rwZ/0XE6cuLcBZ0KpnwmUzRpAEtZBdv+JYEEtZQs/uC',
  ],
]

describe('known answers', () => {
  it.each(knownAnswers)('%s', async (_source, password, hash) => {
    expect(await verify(hash, password)).toBe(true)
    expect(await verify(hash, `${password.slice(0, 60)}x`)).toBe(false)
  })

  it.each(knownAnswers)(
    '%s: the form that is stored says the same and is read as itself',
    async (_s, password, hash) => {
      const stored = readHash(hash)
      expect(stored).toBeDefined()
      if (stored === undefined) return
      const written = writeHash(stored)
      expect(readHash(written)).toEqual(stored)
      expect(writeHash(readHash(written) ?? stored)).toBe(written)
      expect(await verify(written, password)).toBe(true)
    },
  )

  it('bcrypt looks at the first 72 bytes only, as it always has', async () => {
    const hash = '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'
    expect(await verify(hash, `${long}chars after 72 are ignored`)).toBe(true)
    expect(await verify(hash, long.slice(0, 71))).toBe(false)
  })

  it('hashes of other systems are of the password as it was typed, ours of its NFKC', async () => {
    const { hash } = await import('@node-rs/argon2')
    const own = await hash('ﬁve stones', { algorithm: 2, memoryCost: 1024, timeCost: 1, parallelism: 1 })
    expect(await verify(own, 'five stones')).toBe(false)
    expect(await verify(await hash('five stones', { memoryCost: 1024, timeCost: 1 }), 'ﬁve stones')).toBe(true)
    const { hash: bcrypt } = await import('@node-rs/bcrypt')
    expect(await verify(await bcrypt('ﬁve stones', { cost: 4 }), 'ﬁve stones')).toBe(true)
  })
})

describe('what is no hash', () => {
  it.each([
    ['', 'nothing'],
    ['password', 'plain text'],
    ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'SHA-1 without salt'],
    ['{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'SHA-1 that says it has salt, and has none'],
    ['{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9h=', 'base64 with bits to spare'],
    ['{SMD5}jNoSMNY0cybfuBWiaGlFw3Mfi/U=', 'MD5'],
    ['{CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'another scheme'],
    ['$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e', 'bcrypt of the broken implementation'],
    ['$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'bcrypt below its least cost'],
    ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe', 'bcrypt, one character less'],
    ['$pbkdf2$01212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc', 'a number with a zero before it'],
    ['$pbkdf2$$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc', 'no number'],
    ['$pbkdf2$1212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc$', 'one part too many'],
    ['$pbkdf2-md5$1212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc', 'another digest'],
    ['$pbkdf2-sha256$i=1212$c2FsdA$c2hvcnQ', 'a hash of five bytes'],
    ['scrypt:16383:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38eb', 'N that is no power of two'],
    ['scrypt:16384:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38e', 'half a byte'],
    ['scrypt:65536:1:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38eb', 'N beyond what r allows (RFC 7914 §2)'],
    [firebase.replace('ln=14,r=8', 'ln=16,r=1'), 'the same of Firebase'],
    ['$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'bcrypt, a salt with bits to spare'],
    ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX', 'bcrypt, a hash with bits to spare'],
    ['$argon2d$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'argon2d'],
    ['$argon2id$v=19$m=4,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'too little memory'],
    ['$argon2id$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'no version'],
    [firebase.replace(',ss=Bw==', ''), 'Firebase without its separator'],
    [firebase.replace(signerKey, signerKey.slice(0, 44)), 'Firebase with another signer key'],
    [firebase.replace(firebaseHash, firebaseHash.slice(0, 44)), 'Firebase with half of the hash'],
    [`$2a$05$${'C'.repeat(2000)}`, 'too long'],
  ])('%s (%s)', async (text) => {
    expect(readHash(text)).toBeUndefined()
    expect(await verify(text, 'password')).toBe(false)
  })

  it('garbage never throws and never fits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (text, password) => {
        expect(await verify(text, password)).toBe(false)
      }),
    )
  })

  // Cheap ones: each run computes a hash, where the change left it readable.
  const cheap = [
    '$2b$04$HP3I0PUs7KBEzMBNFw7o3O7f/uxaZU7aaDot1quHMgB2yrwBXsgyy',
    '$scrypt$ln=4,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
    'scrypt:16:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3e',
    '$pbkdf2-sha256$12$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ',
    'pbkdf2_sha1$40$saltSALT$S3uJTdxl7yg4e7ZQZPKdSkHSNSY=',
    `$firebase-scrypt$ln=4,r=8,sk=${signerKey},ss=Bw==$42xEC+ixf3L2lw==$${firebaseHash}`,
    '$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '{SSHA256}czO44OTV17PcF1cRxWrLZLy9xHd7CWyVYplr1rOhuMlx/7IK',
    '$kw-wrap$sha1$bFOTSQ$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  ]

  it('a hash that was damaged never throws and never fits', async () => {
    const damaged = fc
      .tuple(fc.constantFrom(...cheap), fc.nat(), fc.nat(3), fc.string({ maxLength: 3 }))
      .map(([text, at, cut, put]) => {
        const place = at % text.length
        return text.slice(0, place) + put + text.slice(place + cut)
      })
    await fc.assert(
      fc.asyncProperty(damaged, async (text) => {
        expect(await verify(text, 'not the password')).toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})
