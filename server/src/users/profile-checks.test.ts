import { describe, expect, test } from 'vitest'
import { checkProfile, type Profile, type ProfileProblem } from './profile-checks.ts'

const facts = { languages: ['en', 'de'], today: new Date('2026-11-20T12:00:00Z') }

const problemOf = (member: keyof Profile, value: unknown): ProfileProblem | undefined => {
  const checked = checkProfile({ [member]: value }, facts)
  return 'problems' in checked ? checked.problems[member] : undefined
}
const kept = (member: keyof Profile, value: unknown): unknown => {
  const checked = checkProfile({ [member]: value }, facts)
  return 'values' in checked ? checked.values[member] : 'refused'
}

describe('words', () => {
  test.each([
    ['name', '  Ada  Lovelace ', 'Ada  Lovelace'],
    ['name', '', null],
    ['name', ' ', null],
    ['name', null, null],
    ['name', 'Zoe\u0308', 'Zo\u00eb'],
    ['nickname', '👩‍🔬', '👩‍🔬'],
    ['family_name', 'می‌خواهم', 'می‌خواهم'],
  ] as const)('%s %j is kept as %j', (member, value, expected) => expect(kept(member, value)).toBe(expected))

  test.each([
    ['name', 'Ada\nLovelace', 'characters'],
    ['name', 'Ada\u0000', 'characters'],
    ['name', 'a\u202egpj.exe', 'characters'],
    ['nickname', '\ud800', 'characters'],
    ['name', 'x'.repeat(101), 'too_long'],
    ['gender', 'x'.repeat(41), 'too_long'],
  ] as const)('%s %j: %s', (member, value, problem) => expect(problemOf(member, value)).toBe(problem))

  test('length counts what people see as characters, not bytes', () =>
    expect(problemOf('name', '👩'.repeat(100))).toBeUndefined())
})

describe('RG-2: addresses', () => {
  test.each(['https://ada.example', 'https://ada.example/a?b=c', 'http://[2001:db8::1]:8080/'])(
    'website %s',
    (address) => expect(kept('website', address)).toBe(address),
  )

  const script = ['java', 'script:alert(1)'].join('')

  test.each([
    script,
    script.toUpperCase(),
    'data:text/html,x',
    'ftp://ada.example',
    '//ada.example',
    'ada.example',
    'https:ada.example',
    'https://',
    'https://ada:secret@ada.example',
    'https://ada@ada.example',
    'https://ada.example/#top',
    'https://ada.example/a b',
    'ht\ttps://ada.example',
    'https:\\\\ada.example',
  ])('%j is none', (address) => {
    expect(problemOf('website', address)).toBe('web_address')
    expect(problemOf('profile', address)).toBe('web_address')
    expect(problemOf('picture', address)).toBe('https_address')
  })

  test('a picture is loaded by others: https alone', () => {
    expect(problemOf('picture', 'http://ada.example/me.png')).toBe('https_address')
    expect(kept('picture', 'https://ada.example/me.png')).toBe('https://ada.example/me.png')
    expect(problemOf('picture', `https://ada.example/${'x'.repeat(1000)}`)).toBe('too_long')
  })
})

describe('OpenID Connect Core §5.1: birthdate', () => {
  test.each(['1815-12-10'.replace('1815', '1915'), '1980', '0000-02-29', '2024-02-29', '2026-11-20'])('%s', (date) =>
    expect(kept('birthdate', date)).toBe(date),
  )
  test.each([
    '0000',
    '2026-11-21',
    '2027',
    '1849',
    '1980-13-01',
    '1980-02-30',
    '2023-02-29',
    '1980-1-1',
    '10.12.1980',
    'soon',
  ])('%s is none', (date) => expect(problemOf('birthdate', date)).toBe('date'))
})

describe('zone and language', () => {
  test.each(['Europe/Berlin', 'UTC', 'Asia/Kolkata', 'Asia/Calcutta', 'America/Argentina/Buenos_Aires'])('%s', (zone) =>
    expect(kept('zoneinfo', zone)).toBe(zone),
  )
  test.each(['Europe/Atlantis', '+01:00', 'GMT+25', '../etc/passwd', 'CEST5'])('%s is no zone', (zone) =>
    expect(problemOf('zoneinfo', zone)).toBe('zone'),
  )
  test.each(['en', 'de', 'de-AT', 'en-GB'])('%s', (language) => expect(kept('locale', language)).toBe(language))
  test.each(['fr', 'DE', 'xx', 'de_AT', 'de-', 'deutsch', '__proto__'])('%s is none of ours', (language) =>
    expect(problemOf('locale', language)).toBe('language'),
  )
})

describe('address', () => {
  test('parts that are empty are left out; none at all is none', () => {
    expect(kept('address', { locality: ' London ', country: '', street_address: '12 St James\r\nFlat 3' })).toEqual({
      locality: 'London',
      street_address: '12 St James\nFlat 3',
    })
    expect(kept('address', { country: ' ' })).toBeNull()
    expect(kept('address', null)).toBeNull()
  })

  test('one line each, but for the street', () => {
    expect(problemOf('address', { locality: 'London\nX' })).toBe('characters')
    expect(problemOf('address', { street_address: '1\n2\n3\n4\n5\n6' })).toBe('too_long')
    expect(problemOf('address', { region: 'x'.repeat(201) })).toBe('too_long')
  })
})

test('all that is wrong is told at once, and nothing is kept', () => {
  expect(checkProfile({ name: 'Ada', picture: 'x', birthdate: 'x' }, facts)).toEqual({
    problems: { picture: 'https_address', birthdate: 'date' },
  })
})
