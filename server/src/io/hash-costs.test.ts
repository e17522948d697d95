/** What a hash of another system may cost: nothing beyond it is computed, neither at import nor at a sign-in. */
import { describe, expect, it } from 'vitest'
import { classOf, costOf, decoysOf, tooCostly, tooCostlyToVerify } from './hash-costs.ts'
import { readHash, type StoredHash } from './hash-formats.ts'
import { matches } from './hash-verify.ts'

const salt = 'c29tZXNhbHQ'
const hash = 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
const hash64 = Buffer.alloc(64, 7).toString('base64').replace(/=+$/, '')
const bcrypt = (cost: string): string => `$2b$${cost}$HP3I0PUs7KBEzMBNFw7o3O7f/uxaZU7aaDot1quHMgB2yrwBXsgyy`
const argon2 = (cost: string, kind = 'argon2id'): string => `$${kind}$v=19$${cost}$${salt}$${hash}`
const scrypt = (cost: string): string => `$scrypt$${cost}$${salt}$${hash}`
const firebase = (cost: string): string => `$firebase-scrypt$${cost},sk=${hash64},ss=Bw$${salt}$${hash64}`

const judge = (text: string): [import: string | undefined, verification: string | undefined] => {
  const stored = readHash(text)
  if (stored === undefined) throw new Error(`unreadable: ${text}`)
  return [tooCostly(stored), tooCostlyToVerify(stored)]
}

describe('at the bound', () => {
  it.each([
    bcrypt('14'),
    argon2('m=262144,t=10,p=8'),
    argon2('m=262144,t=10,p=8', 'argon2i'),
    `$kw-wrap$sha1$bFOTSQ${argon2('m=262144,t=10,p=8')}`,
    scrypt('ln=18,r=8,p=1'),
    scrypt('ln=18,r=8,p=2'),
    scrypt('ln=16,r=32,p=2'),
    firebase('ln=18,r=8'),
    'scrypt:262144:8:1$salt$7023bdcb3afd7348461c06cd81fd38eb',
    `$pbkdf2-sha512$i=2000000$${salt}$${hash64}`,
    `pbkdf2_sha256$2000000$salt$${hash}`,
    '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ',
  ])('%s', (text) => {
    expect(judge(text)).toEqual([undefined, undefined])
  })
})

describe('beyond it: refused, and false without being computed', () => {
  it.each([
    [bcrypt('15'), 'cost 15; at most 14'],
    [bcrypt('31'), 'cost 31; at most 14'],
    [`$pbkdf2-sha1$i=1000000000$${salt}$${hash}`, 'iterations 1000000000; at most 2000000'],
    [`$pbkdf2-sha256$2000001$${salt}$${hash}`, 'iterations 2000001; at most 2000000'],
    [`pbkdf2_sha256$9999999999$salt$${hash}`, 'iterations 9999999999; at most 2000000'],
    // RFC 7914 §12 has one of N = 2^20: a gigabyte.
    [scrypt('ln=20,r=8,p=1'), '1024 MiB of memory; at most 256'],
    [scrypt('ln=30,r=8,p=1'), '1048576 MiB of memory; at most 256'],
    [scrypt('ln=99,r=7,p=1'), /of memory; at most 256/],
    ['scrypt:1073741824:8:1$salt$7023bdcb3afd7348461c06cd81fd38eb', '1048576 MiB of memory; at most 256'],
    [scrypt('ln=4,r=33,p=1'), 'r 33; at most 32'],
    [scrypt('ln=4,r=8,p=17'), 'p 17; at most 16'],
    [scrypt('ln=18,r=8,p=3'), 'N × r × p above 4194304'],
    [firebase('ln=19,r=8'), '512 MiB of memory; at most 256'],
    [firebase('ln=14,r=33'), 'r 33; at most 32'],
    [argon2('m=4194304,t=1,p=1'), '4096 MiB of memory; at most 256'],
    [argon2('m=65536,t=1000000000,p=1'), 'passes 1000000000; at most 20'],
    [argon2('m=65536,t=2,p=9'), 'lanes 9; at most 8'],
    [`$kw-wrap$sha1$bFOTSQ${argon2('m=4194304,t=1,p=1')}`, '4096 MiB of memory; at most 256'],
  ])('%s', async (text, because) => {
    const [atImport, later] = judge(text)
    expect(atImport).toMatch(because)
    expect(later).toBeDefined()
    const stored = readHash(text)
    const begun = performance.now()
    expect(stored && (await matches(stored, 'password'))).toBe(false)
    expect(performance.now() - begun).toBeLessThan(50)
  })

  it('argon2id of this server, whose operator may have set more than an import may bring', () => {
    expect(judge(argon2('m=262145,t=2,p=1'))).toEqual(['256 MiB of memory; at most 256', undefined])
    expect(judge(argon2('m=1048576,t=20,p=1'))).toEqual(['1024 MiB of memory; at most 256', undefined])
    expect(judge(argon2('m=19456,t=11,p=1'))).toEqual(['passes 11; at most 10', undefined])
    expect(judge(argon2('m=1048577,t=2,p=1'))[1]).toBe('memoryKib 1048577; at most 1048576')
    expect(judge(argon2('m=19456,t=21,p=1'))[1]).toBe('passes 21; at most 20')
  })
})

describe('costOf', () => {
  it.each([
    [bcrypt('10'), 54],
    [argon2('m=19456,t=2,p=1'), 12],
    [scrypt('ln=14,r=8,p=1'), 35],
    [`$pbkdf2-sha256$i=100000$${salt}$${hash}`, 15],
    // Two blocks of 32 bytes: the work is done twice.
    [`$pbkdf2-sha256$i=100000$${salt}$${hash64}`, 30],
  ])('%s: about %i ms', (text, ms) => {
    const stored = readHash(text)
    expect(stored && Math.round(costOf(stored).ms)).toBe(ms)
  })
})

describe('decoysOf (LI-1): whoever was named, the same classes are made', () => {
  const read = (text: string): StoredHash =>
    readHash(text) ?? { kind: 'argon2', text, memoryKib: 8, passes: 1, lanes: 1 }
  const current = read(argon2('m=19456,t=2,p=1'))
  const old = read(argon2('m=65536,t=3,p=1'))
  const foreign = read(bcrypt('10'))
  const wrapped = read(`$kw-wrap$sha1$bFOTSQ${argon2('m=19456,t=2,p=1')}`)
  const inUse = [current, old, foreign, wrapped]

  /** The classes of one refused sign-in, those of the account's own hash included. */
  const made = (done: StoredHash | undefined, kinds = inUse): string[] =>
    [...(done ? [done] : []), ...decoysOf(current, kinds, done)].map(classOf).toSorted()

  it('is one of each, with every kind of account and without one', () => {
    const all = made(undefined)
    expect(all).toEqual(['argon2 19456 2', 'argon2 65536 3', 'bcrypt 10'])
    for (const done of inUse) expect(made(done)).toEqual(all)
  })

  it('is the current kind alone where nothing else is in use', () => {
    expect(made(undefined, [])).toEqual(['argon2 19456 2'])
    expect(made(current, [current, wrapped])).toEqual(['argon2 19456 2'])
  })

  it('bcrypt of any prefix, and Firebase and scrypt of the same cost, are one class', () => {
    const [a, y] = [bcrypt('10').replace('2b', '2a'), bcrypt('10').replace('2b', '2y')].map(read)
    expect(made(a, [foreign, y ?? foreign])).toEqual(made(undefined, [foreign]))
    expect(classOf(read(firebase('ln=14,r=8')))).toBe(classOf(read(scrypt('ln=14,r=8,p=1'))))
  })

  it('stays within its budget: the dearest are left out, the current one never', () => {
    const dear = ['13', '14'].map((cost) => read(bcrypt(cost)))
    expect(made(undefined, [...dear, foreign])).toEqual(['argon2 19456 2', 'bcrypt 10', 'bcrypt 13', 'bcrypt 14'])
    const tooMany = [...dear, read(scrypt('ln=18,r=8,p=2')), foreign]
    expect(made(undefined, tooMany)).toEqual(['argon2 19456 2', 'bcrypt 10', 'bcrypt 13', 'bcrypt 14'])
    const huge = read(argon2('m=1048576,t=20,p=1'))
    expect(decoysOf(huge, tooMany, undefined)[0]).toBe(huge)
  })
})
