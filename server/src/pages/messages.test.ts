import { describe, expect, test } from 'vitest'
import { createWordings, type Param } from './messages.ts'
import en from './messages/en.json' with { type: 'json' }

const arabic = { hello: 'مرحبا {{name}}' }
const german = { hello: 'Hallo {{name}}', since: 'Seit {{time}} <b>' }

const speak = (locale: string) => {
  const missing: string[] = []
  const all = createWordings((sentence) => missing.push(sentence), { en, ar: arabic, de: german })
  const words = all.wordingFor(locale)
  return { words, missing }
}

describe('the language of a locale', () => {
  test.each([
    ['de', 'de', 'ltr'],
    ['de-AT', 'de', 'ltr'],
    ['DE-at', 'de', 'ltr'],
    ['ar-EG', 'ar', 'rtl'],
    ['fr', 'en', 'ltr'],
    ['', 'en', 'ltr'],
    ['__proto__', 'en', 'ltr'],
  ])('%j speaks %s, %s', (locale, lang, dir) => {
    expect(speak(locale).words).toMatchObject({ lang, dir })
  })
})

describe('messages', () => {
  test('parameters are put in as they are; the template escapes', () => {
    expect(speak('de').words.t('hello', { name: '<Ada $& {{name}}>' })).toBe('Hallo <Ada $& {{name}}>')
  })

  test('rich escapes the message and its parameters, and isolates their direction', () => {
    expect(speak('de').words.rich('hello', { name: `<i>"'$&` })).toBe('Hallo <bdi>&lt;i&gt;&quot;&#39;$&amp;</bdi>')
  })

  test('in a text from right to left, numbers of telephones and networks stay as they are', () => {
    expect(speak('ar').words.rich('hello', { name: '+4915112345678' })).toBe(
      'مرحبا <bdi dir="ltr">+4915112345678</bdi>',
    )
    expect(speak('ar').words.rich('hello', { name: 'Ada' })).toBe('مرحبا <bdi>Ada</bdi>')
  })

  test('a message in a message has its own names isolated, and speaks the same language', () => {
    const inner = { key: 'page.back_to_client', params: { client: '<b>' } } as const
    expect(speak('de').words.rich('hello', { name: inner })).toBe('Hallo Back to <bdi>&lt;b&gt;</bdi>')
  })

  test('timed puts an instant into an escaped message', () => {
    const html = speak('de').words.timed('since', new Date('2026-11-20T16:40:00Z'))
    expect(html).toBe('Seit <time datetime="2026-11-20T16:40:00.000Z">20.11.2026, 16:40 UTC</time> &lt;b&gt;')
  })

  test('a key that is missing is answered in English and reported', () => {
    const { words, missing } = speak('de')
    expect(words.t('page.copy')).toBe('Copy')
    expect(words.has('page.copy')).toBe(true)
    expect(missing).toEqual(['The message page.copy is missing in de.json.'])
  })

  test('one that English lacks too is answered with itself and reported', () => {
    const { words, missing } = speak('de')
    expect(words.t('nothing.here')).toBe('nothing.here')
    expect(words.t('constructor')).toBe('constructor')
    expect(words.has('nothing.here')).toBe(false)
    expect(missing).toEqual([
      'The message nothing.here is missing in de.json.',
      'The message constructor is missing in de.json.',
    ])
  })

  test('a missing parameter is left out and reported', () => {
    const { words, missing } = speak('de')
    expect(words.t('hello')).toBe('Hallo ')
    expect(missing).toEqual(['The message hello needs the parameter name.'])
  })

  test('the sentence of a refusal is found by its English', () => {
    const { wordingFor } = createWordings(() => {}, {
      en: { 'problem.not_found': 'There is nothing here.', 'problem.title.404': 'Not found', other: 'Other' },
      de: { 'problem.not_found': 'Hier gibt es nichts.', other: 'Anderes' },
    })
    expect(wordingFor('de').sentence('There is nothing here.')).toBe('Hier gibt es nichts.')
    expect(wordingFor('en').sentence('There is nothing here.')).toBe('There is nothing here.')
    for (const unknown of ['Not found', 'Other', 'other', '', '__proto__'])
      expect(wordingFor('de').sentence(unknown)).toBeUndefined()
  })

  test('a message that a slice chose', () => {
    expect(speak('en').words.say({ key: 'password.hint', params: { min: 10 } })).toBe(
      'At least 10 characters. A few unrelated words work well.',
    )
  })
})

describe('what may stand in a message', () => {
  test.each<[string, Param, string]>([
    ['en', 'as it is', 'as it is'],
    ['en', 2026, '2026'],
    ['en', new Date('2026-11-20T16:40:00Z'), 'Nov 20, 2026, 4:40 PM UTC'],
    ['de', new Date('2026-11-20T16:40:00Z'), '20.11.2026, 16:40 UTC'],
    ['de', { seconds: 600 }, '10 Minuten'],
    ['de', ['Ada', 'Grace', 'Edsger'], 'Ada, Grace und Edsger'],
    ['de', { key: 'page.copy' }, 'Copy'],
    ['en', { key: 'password.hint', params: { min: 10 } }, 'At least 10 characters. A few unrelated words work well.'],
  ])('%s: %j', (language, name, text) => {
    const { words } = speak(language)
    expect(words.show(name)).toBe(text)
    expect(words.t('page.back_to_client', { client: name })).toContain(text)
    expect(words.rich('page.back_to_client', { client: name }).replaceAll(/<.?bdi>/g, '')).toContain(text)
  })
})

describe('plurals, by the categories of CLDR', () => {
  const forms = (categories: string) =>
    Object.fromEntries(categories.split(' ').map((category) => [`apples_${category}`, `{{count}} ${category}`]))
  const available = {
    en: { ...forms('one other'), plain: '{{count}} plain' },
    ar: forms('zero one two few many other'),
    ja: forms('other'),
    fr: forms('one many other'),
    de: {},
  }
  const missing: string[] = []
  const { wordingFor } = createWordings((sentence) => missing.push(sentence), available)

  test.each([
    ['en', 0, '0 other'],
    ['en', 1, '1 one'],
    ['en', 2, '2 other'],
    ['en', 12_345, '12,345 other'],
    ['fr', 0, '0 one'],
    ['fr', 1.5, '1,5 one'],
    ['fr', 2, '2 other'],
    ['fr', 1_000_000, '1\u202f000\u202f000 many'],
    ['ja', 1, '1 other'],
    ['ar', 0, '0 zero'],
    ['ar', 1, '1 one'],
    ['ar', 2, '2 two'],
    ['ar', 3, '3 few'],
    ['ar', 10, '10 few'],
    ['ar', 11, '11 many'],
    ['ar', 99, '99 many'],
    ['ar', 100, '100 other'],
    ['ar', 103, '103 few'],
  ])('%s: %d', (language, count, text) => {
    expect(wordingFor(language).t('apples', { count })).toBe(text)
  })

  test('a message without plural forms takes a count as well', () => {
    expect(wordingFor('en').t('plain', { count: 2 })).toBe('2 plain')
    expect(missing).toEqual([])
  })

  test('a language without the message says it in English, with the plural of English', () => {
    expect(wordingFor('de').t('apples', { count: 1 })).toBe('1 one')
    expect(missing).toEqual(['The message apples is missing in de.json.'])
  })
})
