import { describe, expect, it } from 'vitest'
import { loadCatalogues } from '../server/src/pages/catalogues.ts'
import { alike, findGaps } from './translations.ts'

const english = {
  'page.title': '{{title}} · {{name}}',
  hello: 'Hello {{name}}',
  bye: 'Bye',
  days_one: '{{count}} day for {{name}}',
  days_other: '{{count}} days for {{name}}',
  'error.title.other': 'Other',
}
const german = {
  'page.title': '{{title}} · {{name}}',
  hello: 'Hallo {{name}}',
  bye: 'Tschüss',
  days_one: 'Ein Tag für {{name}}',
  days_other: '{{count}} Tage für {{name}}',
  'error.title.other': 'Anderes',
}

describe('findGaps', () => {
  it('finds nothing in a complete catalogue; titles made of placeholders only may be alike', () => {
    expect(findGaps('de', german, english)).toEqual([])
  })

  it.each<[string, Record<string, string>, string[]]>([
    ['a missing key', { bye: '' }, ['bye: missing: Bye']],
    ['a missing plural form', { days_one: '' }, ['days_one: missing: {{count}} days for {{name}}']],
    ['an unknown key', { more: 'Mehr' }, ['more: not in en.json, or not a plural form of this language']],
    [
      'a plural form of another language',
      { days_few: 'x' },
      ['days_few: not in en.json, or not a plural form of this language'],
    ],
    ['what was left in English', { bye: 'Bye' }, ['bye: the same as in English']],
    ['a lost parameter', { hello: 'Hallo' }, ['hello: other parameters than in English']],
    ['another parameter', { hello: 'Hallo {{nam}}' }, ['hello: other parameters than in English']],
    [
      'a number left out where it may be any',
      { days_other: 'Tage für {{name}}' },
      ['days_other: other parameters than in English'],
    ],
    ['nothing at all', { bye: ' ' }, ['bye: empty']],
  ])('finds %s', (_what, changes, found) => {
    const changed = Object.fromEntries(Object.entries({ ...german, ...changes }).filter(([, text]) => text !== ''))
    expect(findGaps('de', changed, english).map(({ key, because }) => `${key}: ${because}`)).toEqual(found)
  })

  it('asks for every plural category that the language has', () => {
    const keys = findGaps('ar', {}, english).map(({ key }) => key)
    expect(keys.filter((key) => key.startsWith('days'))).toEqual(
      ['zero', 'one', 'two', 'few', 'many', 'other'].map((category) => `days_${category}`),
    )
    expect(findGaps('ja', {}, english).map(({ key }) => key)).toContain('days_other')
    expect(findGaps('ja', {}, english).map(({ key }) => key)).not.toContain('days_one')
  })
})

describe('the catalogues', () => {
  const catalogues = loadCatalogues()
  const inEnglish = catalogues['en'] ?? {}
  const others = Object.keys(catalogues).filter((language) => language !== 'en')

  it('are those of the six languages', () => {
    expect(Object.keys(catalogues).toSorted()).toEqual(['ar', 'de', 'en', 'es', 'fr', 'ja'])
  })

  it.each(others)(
    '%s is complete: no key is missing, left in English, or without its parameters and plural forms',
    (language) => {
      expect(findGaps(language, catalogues[language] ?? {}, inEnglish)).toEqual([])
    },
  )

  it.each(Object.entries(catalogues))(
    'WCAG 2.5.3: in %s what a button is called contains what stands on it',
    (_language, texts) => {
      const longer = Object.entries(texts).filter(([key]) => key.endsWith('_of'))
      expect(longer.length).toBeGreaterThan(3)
      const other = longer.filter(([key, text]) => {
        const shown = texts[key.slice(0, -'_of'.length)]
        return shown !== undefined && !text.toLowerCase().includes(shown.toLowerCase())
      })
      expect(other).toEqual([])
    },
  )

  it('English has every plural form of its own', () => {
    const plurals = Object.keys(inEnglish).filter((key) => key.endsWith('_one'))
    expect(plurals.length).toBeGreaterThan(0)
    expect(plurals.filter((key) => inEnglish[key.replace(/_one$/, '_other')] === undefined)).toEqual([])
  })

  it('what may be alike is alike: the list holds nothing that was translated since', () => {
    const stale = Object.entries(alike).flatMap(([language, keys]) =>
      language === 'all' ? [] : keys.filter((key) => catalogues[language]?.[key] !== inEnglish[key]),
    )
    expect(stale).toEqual([])
  })
})
