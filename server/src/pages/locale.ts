/**
 * Owns the choice of a language: what an application, a person and their browser wish for, matched with the languages there are.
 * Never reads a request (http/language.ts does) and holds no wording. Pure. Start reading at `localeOf`.
 */

/**
 * What is known of a reader's languages, all of it from outside and perhaps malformed. `ui_locales` is a list in order of
 * preference (OpenID Connect Core §3.1.2.1), `user_locale` the one of the profile, `accept_language` the header as it came.
 */
export type LanguageWishes = {
  ui_locales?: string | null | undefined
  user_locale?: string | null | undefined
  accept_language?: string | null | undefined
}

/** Longer wishes are cut: nobody reads more languages, and a stranger's header shall cost nothing. */
const maxLength = 500
const maxRanges = 20

/** The language to answer in: the first wish that can be fulfilled; English when none can. */
export const localeOf = (wishes: LanguageWishes, languages: readonly string[]): string =>
  wishedLanguage(wishes, languages) ?? 'en'

/** As `localeOf`, but undefined when no wish can be fulfilled. */
export const wishedLanguage = (wishes: LanguageWishes, languages: readonly string[]): string | undefined => {
  const { ui_locales, user_locale, accept_language } = wishes
  return (
    firstMatch(spaced(ui_locales), languages) ??
    firstMatch(spaced(user_locale), languages) ??
    firstMatch(byQuality(accept_language), languages)
  )
}

const spaced = (list: string | null | undefined): string[] =>
  (list ?? '').slice(0, maxLength).split(/\s+/, maxRanges).filter(Boolean)

/** RFC 9110 §12.5.4: the ranges by their weight, those of equal weight as they came. Weight 0 is "not this one". */
const byQuality = (header: string | null | undefined): string[] =>
  (header ?? '')
    .slice(0, maxLength)
    .split(',', maxRanges)
    .map(readRange)
    .filter(({ weight }) => weight > 0)
    .toSorted((one, other) => other.weight - one.weight)
    .map(({ range }) => range)

/** A weight that RFC 9110 §12.4.2 does not allow takes its range out. */
const readRange = (text: string): { range: string; weight: number } => {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim())
  if (parameters.length === 0) return { range, weight: 1 }
  const weight = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i.exec(parameters.join(';'))?.[1]
  return { range, weight: Number(weight ?? 0) }
}

const firstMatch = (ranges: readonly string[], languages: readonly string[]): string | undefined => {
  for (const range of ranges) {
    const found = matchLanguage(range, languages)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * RFC 4647 §3.4 (Lookup): the exact tag, else the tag with its last subtags taken off one by one; and before the bare
 * language the one with its likely script, so that zh-TW finds zh-Hant. `*` stands for no language in particular.
 */
const matchLanguage = (range: string, languages: readonly string[]): string | undefined => {
  const locale = readTag(range)
  if (locale === undefined) return undefined
  const subtags = locale.baseName.split('-')
  const shorter = subtags.map((_, index) => subtags.slice(0, subtags.length - index).join('-'))
  const { language, script } = locale.maximize()
  const candidates = [...shorter.slice(0, -1), `${language}-${script}`, ...shorter.slice(-1)]
  for (const candidate of candidates) {
    const found = languages.find((one) => one.toLowerCase() === candidate.toLowerCase())
    if (found !== undefined) return found
  }
  return undefined
}

/** BCP 47, forgiving the underscore that other systems write (de_DE). */
const readTag = (text: string): Intl.Locale | undefined => {
  try {
    return new Intl.Locale(text.replaceAll('_', '-'))
  } catch {
    return undefined
  }
}
