/**
 * Owns numbers, instants, durations and lists in a language, all by Intl. Digits are the European ones everywhere: codes,
 * addresses and dates of one page shall be written alike, and a code is typed as it is shown.
 * Never holds wording. Start reading at `createFormats`.
 */

/** How one language writes what is not wording. */
export type Formats = {
  /** Days, hours, minutes or seconds, rounded up: "45 seconds", "2 minutes", "7 days". */
  duration: (totalSeconds: number) => string
  /** A date with its time, in UTC and saying so: the server does not know where the reader is. */
  instant: (when: Date) => string
  /** "a, b and c". */
  list: (items: readonly string[]) => string
  number: (value: number) => string
  /** A country by its code (ISO 3166-1); the code itself when it has no name. */
  country: (code: string) => string
  /** The CLDR plural category of a number: one of zero, one, two, few, many, other. */
  plural: (value: number) => Intl.LDMLPluralRule
}

/** Makes the formats of a language. Each is built at its first use: they cost more than a page. */
export const createFormats = (language: string): Formats => {
  const locale = `${language}-u-nu-latn`
  const instants = once(
    () => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }),
  )
  const lists = once(() => new Intl.ListFormat(locale, { type: 'conjunction' }))
  const numbers = once(() => new Intl.NumberFormat(locale))
  const plurals = once(() => new Intl.PluralRules(locale))
  const countries = once(() => new Intl.DisplayNames(locale, { type: 'region', fallback: 'code' }))
  return {
    duration: (totalSeconds) => durationIn(locale, totalSeconds),
    instant: (when) => `${instants().format(when)} UTC`,
    list: (items) => lists().format(items),
    number: (value) => numbers().format(value),
    country: (code) => (/^[A-Z]{2}$/.test(code) ? (countries().of(code) ?? code) : code),
    plural: (value) => plurals().select(value),
  }
}

const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => (made ??= make())
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** A unit serves from two of it on, or when it comes out even; a minute always does. */
const durationIn = (locale: string, totalSeconds: number): string => {
  const fitting = units.find(([, size]) => totalSeconds >= 2 * size || (totalSeconds > 0 && totalSeconds % size === 0))
  const [unit, size] = fitting ?? (totalSeconds >= 60 ? units[2] : (['second', 1] as const))
  const format = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' })
  return format.format(Math.max(1, Math.ceil(totalSeconds / size)))
}
