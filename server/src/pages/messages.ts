/**
 * Owns the wording of the hosted pages: which language answers a locale, and how a message gets its parameters.
 * Never holds a sentence itself (messages/<language>.json do, flat keys, {{name}} for parameters). Start at `createWording`.
 */
import en from './messages/en.json' with { type: 'json' }
import { escapeHtml } from './safe.ts'

/** A key of the catalogue: other slices name a message by this type, so a wrong key does not compile. */
export type MessageKey = keyof typeof en
export type Params = Readonly<Record<string, string | number>>
/** A message that a slice chose, still without a language. */
export type Message = { key: MessageKey; params?: Params }
export type Catalogue = Readonly<Record<string, string>>

/** What templates need to speak one language. Texts are still to be escaped; `rich` and `timed` are HTML. */
export type Wording = {
  lang: string
  dir: 'ltr' | 'rtl'
  has: (key: string) => boolean
  t: (key: string, params?: Params) => string
  rich: (key: string, params?: Params) => string
  /** HTML: a message whose {{time}} becomes a <time> element, which the script rewrites to the reader's own zone. */
  timed: (key: string, when: Date) => string
  /** Minutes from a minute on, seconds before, rounded up: "45 seconds", "2 minutes". */
  duration: (totalSeconds: number) => string
  /** A date with its time, in UTC and saying so: the server does not know where the reader is. */
  instant: (when: Date) => string
}

const catalogues: Readonly<Record<string, Catalogue>> = { en }
const rightToLeft = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi'])
const placeholder = /\{\{(\w+)\}\}/g

/**
 * Finds the wording for a locale (BCP 47): the exact language, else the language without its region, else English.
 * A missing key is told to `onMissing` and answered with the key itself, so that a page never fails for want of a word.
 */
export const createWording = (
  onMissing: (sentence: string) => void,
  available = catalogues,
): ((locale: string) => Wording) => {
  const made = new Map(
    Object.entries(available).map(([lang, catalogue]) => [lang, wordingOf(lang, catalogue, onMissing)]),
  )
  const english = made.get('en') ?? wordingOf('en', en, onMissing)
  return (locale) => made.get(locale) ?? made.get(locale.split('-')[0]?.toLowerCase() ?? '') ?? english
}

const wordingOf = (lang: string, catalogue: Catalogue, onMissing: (sentence: string) => void): Wording => {
  const find = (key: string) => {
    const text = Object.hasOwn(catalogue, key) ? catalogue[key] : undefined
    if (text === undefined) onMissing(`The message ${key} is missing in ${lang}.json.`)
    return text ?? key
  }
  const value = (params: Params, name: string, key: string) => {
    if (!Object.hasOwn(params, name)) onMissing(`The message ${key} needs the parameter ${name}.`)
    return String(params[name] ?? '')
  }
  // Made at the first date: it costs more than everything else here, and most pages show none.
  let instants: Intl.DateTimeFormat | undefined
  const inUtc = (when: Date) => {
    instants ??= new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
    return `${instants.format(when)} UTC`
  }
  return {
    lang,
    dir: rightToLeft.has(lang) ? 'rtl' : 'ltr',
    has: (key) => Object.hasOwn(catalogue, key),
    t: (key, params = {}) => find(key).replace(placeholder, (_, name: string) => value(params, name, key)),
    // <bdi> keeps a name in another writing direction from rearranging our sentence.
    rich: (key, params = {}) =>
      escapeHtml(find(key)).replace(
        placeholder,
        (_, name: string) => `<bdi>${escapeHtml(value(params, name, key))}</bdi>`,
      ),
    timed: (key, when) => {
      const element = `<time datetime="${when.toISOString()}">${escapeHtml(inUtc(when))}</time>`
      return escapeHtml(find(key)).replace('{{time}}', () => element)
    },
    duration: (totalSeconds) => durationIn(lang, totalSeconds),
    instant: inUtc,
  }
}

const durationIn = (lang: string, totalSeconds: number): string => {
  const inMinutes = totalSeconds >= 60
  const format = new Intl.NumberFormat(lang, {
    style: 'unit',
    unit: inMinutes ? 'minute' : 'second',
    unitDisplay: 'long',
  })
  return format.format(Math.max(1, Math.ceil(inMinutes ? totalSeconds / 60 : totalSeconds)))
}
