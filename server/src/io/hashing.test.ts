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

  it('a hash that cannot be read, or costs too much, is never a yes', async () => {
    const hostile = '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
    for (const broken of ['', 'plain', '$argon2id$v=19$m=1', '$2b$10$abcdefghijklmnopqrstuv', hostile]) {
      expect(await hashing.verify(broken, 'x')).toBe(false)
      expect(await hashing.compare('x', { stored: broken, mayTell: true })).toBe(false)
    }
  })
})

describe('verifyNobody', () => {
  it('is always false, also for the password that nobody has', async () => {
    expect(await hashing.verifyNobody('nobody has this password')).toBe(false)
  })
})

const bcrypt = '$2b$10$ppJkWBg.WIfhlwq7M4RqTOa4L9pF.3YvKhUSfIcs7aQuDKsg6jGq.'

describe('compare', () => {
  it('is true for the right password of any kind, whether it may be told or not', async () => {
    const { hash: makeBcrypt } = await import('@node-rs/bcrypt')
    const several = createHashing({ ...cheap, samples: async () => await Promise.resolve([bcrypt, 'garbage']) })
    for (const stored of [await several.hash('a quiet arch'), await makeBcrypt('a quiet arch', { cost: 4 })]) {
      for (const mayTell of [true, false]) {
        expect(await several.compare('a quiet arch', { stored, mayTell })).toBe(true)
        expect(await several.compare('a quiet art', { stored, mayTell })).toBe(false)
      }
    }
    expect(await several.compare('a quiet arch', { stored: undefined, mayTell: true })).toBe(false)
  })

  it('LI-1: makes a hash of every kind in use unless a yes may be told', async () => {
    const several = createHashing({ ...cheap, samples: async () => await Promise.resolve([bcrypt]) })
    const stored = await several.hash('a quiet arch')
    const fastest = async (work: () => Promise<unknown>): Promise<number> => {
      const times: number[] = []
      for (let turn = 0; turn < 3; turn += 1) {
        const begun = performance.now()
        await work()
        times.push(performance.now() - begun)
      }
      return Math.min(...times)
    }
    const told = await fastest(async () => await several.compare('a quiet arch', { stored, mayTell: true }))
    // bcrypt of cost 10 takes about four times as long as argon2id does here.
    for (const work of [
      async () => await several.compare('a quiet arch', { stored, mayTell: false }),
      async () => await several.compare('wrong', { stored, mayTell: true }),
      async () => await several.compare('wrong', { stored: bcrypt, mayTell: true }),
      async () => await several.verifyNobody('wrong'),
    ])
      expect(await fastest(work)).toBeGreaterThan(2 * told)
  })
})

describe('adopt', () => {
  it('hashes one pass of a digest once more, at once, so that it lies nowhere as it was', async () => {
    const adopted = await hashing.adopt('{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ')
    expect(adopted).toMatch(/^\$kw-wrap\$sha1\$bFOTSQ\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]+\$[\w+/]{43}$/)
    expect(adopted).not.toContain('pKqkNr1tq3wtQqk')
    expect(await hashing.verify(adopted, 'password')).toBe(true)
    expect(await hashing.verify(adopted, 'passwort')).toBe(false)
    expect(hashing.isOutdated(adopted)).toBe(true)
    expect(await hashing.adopt(adopted)).toBe(adopted)
  })

  it('writes the others in one form, and takes nothing else', async () => {
    expect(await hashing.adopt(bcrypt)).toBe(bcrypt)
    expect(await hashing.adopt('pbkdf2_sha1$2$salt$6mwBTcctb4zNHtkqzh1B8NjeiVc=')).toBe(
      '$pbkdf2-sha1$i=2$c2FsdA$6mwBTcctb4zNHtkqzh1B8NjeiVc',
    )
    await expect(hashing.adopt('{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=')).rejects.toThrow('no hash')
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
    ['$kw-wrap$sha1$bFOTSQ$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA', true],
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

  it('what was refused gives its place back', async () => {
    const small = createHashing({ ...cheap, running: 1, waiting: 0 })
    for (let round = 0; round < 3; round += 1)
      expect(await small.compare('x', { stored: 'broken', mayTell: true })).toBe(false)
    expect(await small.hash('password')).toContain('argon2id')
  })

  it('nobody counts like everybody: the time of a missing account tells nothing', async () => {
    const small = createHashing({ ...cheap, running: 1, waiting: 0 })
    await small.verifyNobody('x')
    const results = await Promise.allSettled([small.hash('a password'), small.verifyNobody('x')])
    expect(results.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })
})
