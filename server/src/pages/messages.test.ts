import { describe, expect, test } from 'vitest'
import { createWording } from './messages.ts'
import en from './messages/en.json' with { type: 'json' }

const arabic = { hello: 'مرحبا {{name}}' }
const german = { hello: 'Hallo {{name}}', since: 'Seit {{time}} <b>' }

const speak = (locale: string) => {
  const missing: string[] = []
  const words = createWording((sentence) => missing.push(sentence), { en, ar: arabic, de: german })(locale)
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

  test('timed puts an instant into an escaped message', () => {
    const html = speak('de').words.timed('since', new Date('2026-11-20T16:40:00Z'))
    expect(html).toBe('Seit <time datetime="2026-11-20T16:40:00.000Z">20.11.2026, 16:40 UTC</time> &lt;b&gt;')
  })

  test('a missing key is answered with itself and reported', () => {
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

  test.each([
    [0, '1 second'],
    [1, '1 second'],
    [12.2, '13 seconds'],
    [59, '59 seconds'],
    [60, '1 minute'],
    [95, '2 minutes'],
    [900, '15 minutes'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(speak('en').words.duration(seconds)).toBe(text)
  })
})
