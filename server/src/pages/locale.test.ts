import { describe, expect, test } from 'vitest'
import { type LanguageWishes, localeOf, wishedLanguage } from './locale.ts'

const languages = ['de', 'en', 'es', 'fr', 'ja', 'ar', 'zh-Hant', 'pt-BR']

describe('which wish counts', () => {
  test.each<[string, LanguageWishes, string]>([
    ['nothing is known', {}, 'en'],
    ['ui_locales come first', { ui_locales: 'de', user_locale: 'fr', accept_language: 'es' }, 'de'],
    ['then the profile', { user_locale: 'fr', accept_language: 'es' }, 'fr'],
    ['then the browser', { accept_language: 'es' }, 'es'],
    ['a list is read in its order', { ui_locales: 'xx ja de' }, 'ja'],
    [
      'what nobody speaks here is passed over',
      { ui_locales: 'xx', user_locale: 'yy', accept_language: 'zz, ar' },
      'ar',
    ],
    ['English is a wish like any other', { user_locale: 'en', accept_language: 'de' }, 'en'],
    ['a profile may be empty', { user_locale: null, accept_language: 'de' }, 'de'],
    ['an unknown one is answered in English', { user_locale: 'xx', accept_language: 'xx' }, 'en'],
  ])('%s', (_name, wishes, language) => {
    expect(localeOf(wishes, languages)).toBe(language)
  })

  test('whether a wish was fulfilled can be told', () => {
    expect(wishedLanguage({ ui_locales: 'xx' }, languages)).toBeUndefined()
    expect(wishedLanguage({ ui_locales: 'en-GB' }, languages)).toBe('en')
  })
})

describe('RFC 4647 §3.4: a tag finds its language', () => {
  test.each([
    ['de', 'de'],
    ['DE', 'de'],
    ['de-AT', 'de'],
    ['de_DE', 'de'],
    ['de-Latn-DE-1996', 'de'],
    ['de-DE-u-co-phonebk', 'de'],
    ['zh-TW', 'zh-Hant'],
    ['zh-Hant-HK', 'zh-Hant'],
    ['zh', 'en'],
    ['zh-CN', 'en'],
    ['pt-BR', 'pt-BR'],
    ['pt-br', 'pt-BR'],
    ['pt', 'en'],
    ['*', 'en'],
    ['', 'en'],
    ['-', 'en'],
    ['deutsch', 'en'],
    ['x-de', 'en'],
    ['__proto__', 'en'],
    ['constructor', 'en'],
    ['de"><script>', 'en'],
  ])('%j is answered in %s', (tag, language) => {
    expect(localeOf({ ui_locales: tag }, languages)).toBe(language)
  })
})

describe('RFC 9110 §12.5.4: Accept-Language', () => {
  test.each([
    ['de', 'de'],
    ['de-CH, fr;q=0.9', 'de'],
    ['fr;q=0.5, de;q=0.8', 'de'],
    ['fr;q=0.8, de;q=0.8', 'fr'],
    ['xx, fr;q=0.1', 'fr'],
    ['fr;q=0', 'en'],
    ['fr;q=0.000, es;q=0.001', 'es'],
    ['fr; q=0.5 , es ; q=1.000', 'es'],
    ['*', 'en'],
    ['*, de;q=0.1', 'de'],
    ['fr;q=2, de;q=0.1', 'de'],
    ['fr;q=0.1234, de;q=0.1', 'de'],
    ['fr;q=-1, de;q=0.1', 'de'],
    ['fr;q=, de;q=0.1', 'de'],
    ['fr;level=1, de;q=0.1', 'de'],
    [',,, ;;; , de', 'de'],
    ['\u0000, de', 'de'],
  ])('%j is answered in %s', (header, language) => {
    expect(localeOf({ accept_language: header }, languages)).toBe(language)
  })

  test('a header without end costs nothing: what stands behind its first part is not read', () => {
    expect(localeOf({ accept_language: `${'xx,'.repeat(20)}de` }, languages)).toBe('en')
    expect(localeOf({ ui_locales: `${'xx '.repeat(20)}de` }, languages)).toBe('en')
    expect(localeOf({ accept_language: `${'x'.repeat(500)},de` }, languages)).toBe('en')
    const long = `${'a-'.repeat(4000)}, ${'de;q=0.9,'.repeat(1000)}`
    const started = performance.now()
    for (let round = 0; round < 100; round++) localeOf({ accept_language: long, ui_locales: long }, languages)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
