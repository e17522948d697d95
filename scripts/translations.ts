/**
 * Owns the comparison of the catalogues with the English one: what a language lacks, has too much, or left in English. By
 * hand: `node scripts/translations.ts` lists it for every language; the test beside the messages demands that it is nothing.
 * Start reading at `findGaps`.
 */
import { pathToFileURL } from 'node:url'
import { type Catalogue, loadCatalogues } from '../server/src/pages/catalogues.ts'

/** One thing that is wrong with one message of one language. */
export type Gap = { language: string; key: string; because: string }

/** Keys whose text may be the same as in English, by language; `all` are those without a word in them. */
export const alike: Readonly<Record<string, readonly string[]>> = {
  all: ['page.title', 'browser.alone', 'activity.at'],
  de: [
    'factor.code',
    'dev_mail.code',
    'dev_mail.link',
    'warning.browser',
    'consent.website',
    'setup.name',
    'home.version',
    'profile.name',
    'profile.website',
    'profile.region',
    'error.status',
    'register.name',
    'mail_code.code',
    'passkeys.title',
    'passkeys.name',
    'factors.name',
    'factors.passkeys',
    'factors.kind.passkey',
  ],
  es: ['page.title_problem', 'error.code'],
  fr: ['factor.code', 'account.section.applications', 'dev_mail.code', 'home.version', 'mail_code.code'],
}

const pluralEnding = /_(zero|one|two|few|many|other)$/

/** Everything that is wrong with a language, key by key. */
export const findGaps = (language: string, catalogue: Catalogue, english: Catalogue): Gap[] => {
  const mayBeAlike = [...(alike['all'] ?? []), ...(alike[language] ?? [])]
  const gap = (key: string, because: string): Gap => ({ language, key, because })
  const wanted = wantedKeys(language, english)
  const missing = [...wanted.keys()].filter((key) => !Object.hasOwn(catalogue, key))
  const unknown = Object.keys(catalogue).filter((key) => !wanted.has(key))
  const shared = [...wanted].filter(([key]) => Object.hasOwn(catalogue, key))
  const badParameters = shared.filter(([key, from]) => !sameParameters(key, catalogue[key] ?? '', english[from] ?? ''))
  const untranslated = shared.filter(([key, from]) => catalogue[key] === english[from] && !mayBeAlike.includes(key))
  return [
    ...missing.map((key) => gap(key, `missing: ${english[wanted.get(key) ?? key]}`)),
    ...unknown.map((key) => gap(key, 'not in en.json, or not a plural form of this language')),
    ...badParameters.map(([key]) => gap(key, 'other parameters than in English')),
    ...untranslated.map(([key]) => gap(key, 'the same as in English')),
    ...shared.filter(([key]) => catalogue[key]?.trim() === '').map(([key]) => gap(key, 'empty')),
  ]
}

/** The keys a language needs, each with the English one it translates: plural forms are those of the language (CLDR). */
const wantedKeys = (language: string, english: Catalogue): Map<string, string> => {
  const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories
  return new Map(
    Object.keys(english).flatMap((key): [string, string][] => {
      const base = key.replace(pluralEnding, '')
      const isPlural = base !== key && ['one', 'other'].every((form) => Object.hasOwn(english, `${base}_${form}`))
      return isPlural ? categories.map((form) => [`${base}_${form}`, `${base}_other`]) : [[key, key]]
    }),
  )
}

/** A form for one exact number (one, two, zero) may leave the number out. */
const sameParameters = (key: string, text: string, english: string): boolean => {
  const named = (from: string) => new Set([...from.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? ''))
  const optional = /_(zero|one|two)$/.test(key) ? ['count'] : []
  const [own, theirs] = [named(text), named(english)]
  return (
    [...theirs].every((name) => own.has(name) || optional.includes(name)) && [...own].every((name) => theirs.has(name))
  )
}

const main = (): void => {
  const catalogues = loadCatalogues()
  const english = catalogues['en'] ?? {}
  for (const [language, catalogue] of Object.entries(catalogues)) {
    const gaps = language === 'en' ? [] : findGaps(language, catalogue, english)
    console.log(`${language}: ${gaps.length}`)
    for (const { key, because } of gaps) console.log(`  ${key}: ${because}`)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main()
