/** Which new passwords are accepted (security rule LI-2, NIST SP 800-63B §3.1.1.2), as a table. */
import { describe, expect, it } from 'vitest'
import { loadCommonPasswords } from './common-passwords.ts'
import { checkPassword, type PasswordFacts, tooLongToTry } from './password-policy.ts'

const facts: PasswordFacts = {
  minimum: 10,
  context: ['ada.lovelace@example.com', 'ada', 'lovelace', 'Keywright'],
  common: new Set(['password123', 'qwertyuiop']),
}

describe('accepted', () => {
  it.each([
    ['ten characters', 'k3!xp0w9zq'],
    ['words with spaces', 'a quiet stone arch'],
    ['no digit, no capital, no symbol', 'winterlandscapes'],
    ['256 code points', '\u{1f511}ab'.repeat(85) + 'x'],
    ['ten code points outside the BMP', '\u{1f511}\u{1f512}\u{1f513}'.repeat(4)],
    ['the name among other words', 'lovelace engines 1843'],
    ['a common one with more to it', 'password123 and then some'],
    ['the three letters of a short name', 'ada4815162342'],
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
    ['1025 bytes', '\u{1f511}\u{1f512}'.repeat(128) + 'x', { code: 'too_long' }],
    ['a common one', 'password123', { code: 'too_common' }],
    ['a common one in capitals', 'PassWord123', { code: 'too_common' }],
    ['a common one in full width', 'ｑｗｅｒｔｙｕｉｏｐ', { code: 'too_common' }],
    ['one character again and again', 'aaaaaaaaaaaa', { code: 'too_common' }],
    ['a run upwards', 'abcdefghijkl', { code: 'too_common' }],
    ['a run downwards', 'zyxwvutsrq', { code: 'too_common' }],
    ['the address', 'ada.lovelace@example.com', { code: 'too_close' }],
    ['the name with digits after it', 'lovelace1843', { code: 'too_close' }],
    ['the deployment', 'keywright!!', { code: 'too_close' }],
  ])('%s', (_name, password, problem) => {
    expect(checkPassword(password, facts)).toEqual(problem)
  })

  it('the length of the setting counts', () => {
    expect(checkPassword('k3!xp0w9zq', { ...facts, minimum: 15 })).toEqual({ code: 'too_short', minimum: 15 })
  })
})

describe('the list', () => {
  it('has at least 3000 entries that the length alone would not stop, in the form that is compared', async () => {
    const common = await loadCommonPasswords()
    expect(common.size).toBeGreaterThanOrEqual(3000)
    for (const entry of common) expect(entry).toBe(entry.normalize('NFKC').toLowerCase())
    for (const known of ['1234567890', 'password123', 'qwertyuiop'])
      expect(checkPassword(known, { ...facts, common })).toEqual({ code: 'too_common' })
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
