/** Password hashing: argon2id, NFKC, and a bounded queue (security rules LI-1, LI-2, RL-2). */
import { describe, expect, it } from 'vitest'
import { createHashing } from './hashing.ts'
import { Unavailable } from './unavailable.ts'

const cheap = { memoryKib: 19_456, passes: 2, running: 2, waiting: 64 }
const hashing = createHashing(cheap)

describe('hash and verify', () => {
  it('make a PHC string of argon2id with the parameters of the settings', async () => {
    const made = await hashing.hash('a quiet stone arch')
    expect(made).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22,}\$[\w+/]{43}$/)
    expect(await hashing.verify(made, 'a quiet stone arch')).toBe(true)
    expect(await hashing.verify(made, 'a quiet stone arc')).toBe(false)
    expect(await hashing.verify(made, 'A quiet stone arch')).toBe(false)
    expect(await hashing.hash('a quiet stone arch')).not.toBe(made)
  })

  it('take the same password typed on two keyboards for the same (NFKC)', async () => {
    const made = await hashing.hash('pass\u00e9 compos\u00e9')
    expect(await hashing.verify(made, 'passe\u0301 compose\u0301')).toBe(true)
    expect(await hashing.verify(await hashing.hash('ａbcdefghij'), 'abcdefghij')).toBe(true)
  })

  it('a hash that cannot be read is an error, never a yes', async () => {
    for (const broken of ['', 'plain', '$argon2id$v=19$m=1', '$2b$10$abcdefghijklmnopqrstuv'])
      await expect(hashing.verify(broken, 'x')).rejects.toThrow()
  })
})

describe('verifyNobody', () => {
  it('is always false, also for the password that nobody has', async () => {
    expect(await hashing.verifyNobody('nobody has this password')).toBe(false)
  })
})

describe('isOutdated', () => {
  it.each([
    ['$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA', false],
    ['$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA', true],
    ['$argon2id$v=19$m=19456,t=3,p=1$c2FsdA$aGFzaA', true],
    ['$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA', true],
    ['$argon2id$v=16$m=19456,t=2,p=1$c2FsdA$aGFzaA', true],
    ['$2b$10$abcdefghijklmnopqrstuv', true],
  ])('%s: %s', (stored, outdated) => {
    expect(hashing.isOutdated(stored)).toBe(outdated)
  })
})

describe('the queue (RL-2)', () => {
  it('refuses what is beyond running and waiting, at once, and works again afterwards', async () => {
    const small = createHashing({ ...cheap, running: 1, waiting: 2 })
    const results = await Promise.allSettled(Array.from({ length: 6 }, async () => await small.hash('password')))
    expect(results.map((one) => one.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ])
    for (const one of results.slice(3)) expect(one).toMatchObject({ reason: expect.any(Unavailable) as Unavailable })
    expect(await small.hash('password')).toContain('argon2id')
  })

  it('a failure gives its place back', async () => {
    const small = createHashing({ ...cheap, running: 1, waiting: 0 })
    for (let round = 0; round < 3; round += 1)
      await expect(small.verify('broken', 'x')).rejects.not.toBeInstanceOf(Unavailable)
    expect(await small.hash('password')).toContain('argon2id')
  })

  it('nobody counts like everybody: the time of a missing account tells nothing', async () => {
    const small = createHashing({ ...cheap, running: 1, waiting: 0 })
    await small.verifyNobody('x')
    const results = await Promise.allSettled([small.hash('a password'), small.verifyNobody('x')])
    expect(results.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })
})
