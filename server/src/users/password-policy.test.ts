/** Which new passwords are accepted (security rule LI-2, NIST SP 800-63B-4 §3.1.1.2), as a table. */
import { randomBytes, randomInt } from 'node:crypto'
import { dictionary } from '@zxcvbn-ts/language-common'
import { describe, expect, it } from 'vitest'
import { loadCommonPasswords } from './common-passwords.ts'
import { checkPassword, minimumLength, type PasswordFacts, tooLongToTry } from './password-policy.ts'

const common = new Set(['password123', 'qwertyuiop', 'password', 'summer', 'dragon', 'abcd12'])

const facts: PasswordFacts = {
  minimum: 10,
  context: ['ada.lovelace@example.com', 'ada', 'lovelace', 'Ada Lovelace', 'Keywright', 'engines.example', 'countess'],
  isCommon: (text) => common.has(text),
}

/** Signs of four bytes each, in no order. */
const signs = (count: number): string =>
  Array.from({ length: count }, (_, index) => String.fromCodePoint(0x1f300 + ((index * 77) % 256))).join('')

describe('accepted', () => {
  it.each([
    ['ten characters', 'k3!xp0w9zq'],
    ['words with spaces', 'a quiet stone arch'],
    ['no digit, no capital, no symbol', 'winterlandscapes'],
    ['256 code points', '\u{1f511}ab'.repeat(85) + 'x'],
    ['1024 bytes', signs(256)],
    ['ten code points outside the BMP', '\u{1f511}\u{1f512}\u{1f513}'.repeat(4) + 'x'],
    ['the name among other words', 'lovelace engines 1843'],
    ['the name and four letters', 'lovelace-qxvk'],
    ['a common one with more to it', 'password123 and then some'],
    ['a common one with seven signs around it', 'dragon4815162'],
    ['the three letters of a short name', 'ada4815162342'],
    ['something longer twice', 'k3!xpk3!xp'],
  ])('%s', (_name, password) => {
    expect(checkPassword(password, facts)).toBeUndefined()
  })
})

describe('refused', () => {
  it.each([
    ['nine characters', 'k3!xp0w9z', { code: 'too_short', minimum: 10 }],
    ['nine code points of two units each', '\u{1f511}'.repeat(9), { code: 'too_short', minimum: 10 }],
    ['what NFKC shortens below ten', 'e\u0301'.repeat(9), { code: 'too_short', minimum: 10 }],
    ['nothing', '', { code: 'too_short', minimum: 10 }],
    ['257 code points', 'ab'.repeat(128) + 'c', { code: 'too_long' }],
    ['1025 bytes', signs(256) + 'x', { code: 'too_long' }],
    ['what NFKC makes too long', '\ufdfa'.repeat(20), { code: 'too_long' }],
    ['what is too long to be looked at', 'x'.repeat(4097), { code: 'too_long' }],
    ['a common one', 'password123', { code: 'too_common' }],
    ['a common one in capitals', 'PassWord123', { code: 'too_common' }],
    ['a common one in full width', 'ｑｗｅｒｔｙｕｉｏｐ', { code: 'too_common' }],
    ['a common one and a year', 'Summer2024', { code: 'too_common' }],
    ['a common one and six signs', 'dragon48151!', { code: 'too_common' }],
    ['a common one between signs', '!!summer24!', { code: 'too_common' }],
    ['a common one twice', 'passwordpassword', { code: 'too_common' }],
    ['four characters again and again', 'k3!xk3!xk3!x', { code: 'too_common' }],
    ['one character again and again', 'aaaaaaaaaaaa', { code: 'too_common' }],
    ['a run upwards', 'abcdefghijkl', { code: 'too_common' }],
    ['a run downwards', 'zyxwvutsrq', { code: 'too_common' }],
    ['the address', 'ada.lovelace@example.com', { code: 'too_close' }],
    ['the name', 'Ada Lovelace', { code: 'too_close' }],
    ['the name in one', 'AdaLovelace', { code: 'too_close' }],
    ['the name with digits after it', 'lovelace1843', { code: 'too_close' }],
    ['the name with digits before it', '1843lovelace', { code: 'too_close' }],
    ['the name with three letters more', 'lovelace-xyz', { code: 'too_close' }],
    ['the name backwards', 'ecalevol!!!', { code: 'too_close' }],
    ['the name backwards with digits after it', 'ECALEVOL1843', { code: 'too_close' }],
    ['two words of one’s own', 'countesslovelace', { code: 'too_close' }],
    ['the deployment', 'keywright!!', { code: 'too_close' }],
    ['the application', 'Engines.Example 1', { code: 'too_close' }],
  ])('%s', (_name, password, problem) => {
    expect(checkPassword(password, facts)).toEqual(problem)
  })
})

describe('the shortest that is accepted', () => {
  it.each([
    ['default', 8, 8],
    ['default', 10, 10],
    ['default', 64, 64],
    ['nist', 8, 15],
    ['nist', 15, 15],
    ['nist', 16, 16],
  ] as const)('%s, set to %i: %i characters, and not one less', (password_profile, password_min_length, minimum) => {
    expect(minimumLength({ password_profile, password_min_length })).toBe(minimum)
    const long = 'k3!xp0w9zq7v'.repeat(6)
    expect(checkPassword(long.slice(0, minimum), { ...facts, minimum })).toBeUndefined()
    expect(checkPassword(long.slice(0, minimum - 1), { ...facts, minimum })).toEqual({ code: 'too_short', minimum })
  })
})

describe('the list', () => {
  it('misses none of what attackers try first', async () => {
    const isCommon = await loadCommonPasswords()
    const known = dictionary['passwords-common'].filter((word) => word.length >= 4)
    expect(known.filter((word) => !isCommon(word.normalize('NFKC').toLowerCase()))).toEqual([])
    // Those that the length alone would stop are not what the list is for.
    const shipped = known.filter((word) => Array.from(word).length >= 8)
    expect(shipped.length).toBeGreaterThanOrEqual(3000)
    for (const word of ['usuckballz1', 'welkom112233', 'motherlode', 'Iloveyou12', 'Liverpool1'])
      expect(checkPassword(word, { ...facts, isCommon })).toEqual({ code: 'too_common' })
  })

  it('takes hardly any other password for one of its own: at most three in 10 000', async () => {
    const isCommon = await loadCommonPasswords()
    const words = dictionary['diceware-common']
    const phrase = (): string => Array.from({ length: 3 }, () => words[randomInt(words.length)]).join(' ')
    const made = Array.from({ length: 20_000 }, (_, index) =>
      index % 2 === 0 ? randomBytes(8).toString('base64url').toLowerCase() : phrase(),
    )
    expect(made.filter(isCommon).length).toBeLessThanOrEqual(6)
  })
})

describe('tooLongToTry (RL-2)', () => {
  it.each([
    [4096, false],
    [4097, true],
  ])('%i bytes: %s', (length, refused) => {
    expect(tooLongToTry('x'.repeat(length))).toBe(refused)
    expect(tooLongToTry('é'.repeat(length / 2))).toBe(refused && length % 2 === 0)
  })
})
