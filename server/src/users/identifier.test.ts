/** Addresses and user names: what is accepted, and one canonical form for all spellings (security rule EM-1). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalEmail, canonicalLogin, canonicalUsername, isNobody, shownEmail } from './identifier.ts'

describe('canonicalEmail', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['Ada.Lovelace+tag@Example.COM', 'ada.lovelace+tag@example.com'],
    ["o'brien@example.com", "o'brien@example.com"],
    ['a@b', 'a@b'],
    ['müller@bücher.example', 'müller@xn--bcher-kva.example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    // Full-width letters are the same letters (NFKC), so they are the same account.
    ['ａｄａ@ｅｘａｍｐｌｅ.com', 'ada@example.com'],
    [`${'a'.repeat(64)}@${'b.'.repeat(94)}c`, `${'a'.repeat(64)}@${'b.'.repeat(94)}c`],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
  ])('%s is %s', (input, canonical) => {
    expect(canonicalEmail(input)).toBe(canonical)
  })

  it.each([
    '',
    'ada',
    '@example.com',
    'ada@',
    'a@b@c',
    'ada＠example.com@evil.example',
    'ada@example.com＠evil.example',
    '"ada"@example.com',
    'ada@example.com (comment)',
    'Ada <ada@example.com>',
    'a@example.com,b@example.com',
    'group: a@example.com;',
    'ada@example.com\r\nBcc: b@example.com',
    'ada\u0000@example.com',
    'ada @example.com',
    ' ada@example.com',
    'ada@exa mple.com',
    '.ada@example.com',
    'ada.@example.com',
    'a..b@example.com',
    'ada@-example.com',
    'ada@example-.com',
    'ada@.example.com',
    'ada@example..com',
    'ada@[127.0.0.1]',
    'ada@example.com/path',
    'ada@example.com:25',
    'ada@example.com?x',
    'ada@example.com#x',
    'ada@example.com\\x',
    'ada@ex%61mple.com',
    'ada@exam\u00adple.com',
    'ada@127.0.0.1',
    'ada@127.1',
    'ada@0x7f.1',
    // Its lower case is i with a dot above as a mark of its own: not its own canonical form.
    'İnci@example.com',
    'ada@1',
    'ada@0x7f',
    `${'a'.repeat(65)}@example.com`,
    // RFC 5321 §4.5.3.1.3: 255 characters; one less is an address.
    `${'a'.repeat(64)}@${'b.'.repeat(94)}cc`,
    `ada@${'a'.repeat(64)}.com`,
    `ada@${'a.'.repeat(130)}com`,
  ])('%j is refused', (input) => {
    expect(canonicalEmail(input)).toBeUndefined()
  })

  it('is its own canonical form, in lower case, with one @ and nothing that could end a header line', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.emailAddress(),
          fc.string({ unit: 'binary' }).map((text) => `${text}@example.com`),
        ),
        (input) => {
          const canonical = canonicalEmail(input)
          if (canonical === undefined) return
          expect(canonicalEmail(canonical)).toBe(canonical)
          expect(canonical).not.toMatch(/[\s"<>(),:;\\[\]\p{Cc}]/u)
          expect(canonical.split('@')).toHaveLength(2)
        },
      ),
    )
  })
})

describe('canonicalUsername', () => {
  it.each([
    ['ada', 'ada'],
    ['Ada_L-1.0', 'ada_l-1.0'],
    ['ＡＤＡ', 'ada'],
    ['é', 'é'],
    ['7', '7'],
  ])('%s is %s', (input, canonical) => {
    expect(canonicalUsername(input)).toBe(canonical)
  })

  it.each(['', 'ada@example.com', 'a＠b', '-ada', '.ada', 'a b', 'a\n', 'a/b', 'a:b', 'x'.repeat(65), '<b>'])(
    '%j is refused',
    (input) => {
      expect(canonicalUsername(input)).toBeUndefined()
    },
  )
})

describe('canonicalLogin', () => {
  it.each([
    ['  Ada@Example.com ', 'ada@example.com'],
    ['ADA', 'ada'],
    ['not an address @', '? not an address @'],
    ['', '? '],
    ['A b', '? a b'],
    // An address may begin with a question mark; what is none must not be counted as that one.
    ['?ada@example.com', '?ada@example.com'],
    ['.ada@example.com', '? .ada@example.com'],
  ])('%j is counted as %j', (input, canonical) => {
    expect(canonicalLogin(input)).toBe(canonical)
  })

  it('what cannot be an account has a form that no account has, of bounded length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000, unit: 'binary' }), (input) => {
        const canonical = canonicalLogin(input)
        const isAccount = canonicalUsername(canonical) === canonical || canonicalEmail(canonical) === canonical
        expect(isAccount).toBe(!isNobody(canonical))
        expect(canonical.length).toBeLessThanOrEqual(322)
      }),
    )
  })
})

describe('shownEmail (EM-1): what is told is what was proved', () => {
  it.each([
    ['Ada.Lovelace@Example.com', 'Ada.Lovelace@Example.com'],
    ['\u017fam@example.com', 'sam@example.com'],
    ['\uff41da@example.com', 'ada@example.com'],
    ['\u212aate@example.com', 'Kate@example.com'],
  ])('%s is shown as %s', (typed, shown) => {
    expect(shownEmail(typed)).toBe(shown)
    expect(canonicalEmail(shown)).toBe(canonicalEmail(typed))
    expect(shown.toLowerCase()).toBe(canonicalEmail(typed))
  })
})
