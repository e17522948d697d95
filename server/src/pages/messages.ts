/**
 * Owns the wording of pages and letters: which language answers a locale, and how a message gets its parameters and plural.
 * Never holds a sentence itself (messages/<language>.json do, flat keys, {{name}} for parameters). Start at `createWordings`.
 */
import { type Catalogue, loadCatalogues } from './catalogues.ts'
import { createFormats, type Formats } from './formats.ts'
import { localeOf } from './locale.ts'
import en from './messages/en.json' with { type: 'json' }
import { escapeHtml } from './safe.ts'

type Named<K> = K extends `${infer Base}_other` ? (`${Base}_one` extends keyof typeof en ? Base | K : K) : K
/**
 * A key of the catalogue: other slices name a message by this type, so a wrong key does not compile. A message with plural
 * forms (`key_one`, `key_other` in English) is named without its ending, and gets the parameter `count`.
 */
export type MessageKey = Named<keyof typeof en>
/**
 * What may stand in a message, written as its language writes it: an instant, a duration, a list, another message. A number
 * is written as it is, but for `count`.
 */
export type Param = string | number | Date | { seconds: number } | readonly string[] | Message
export type Params = Readonly<Record<string, Param>>
/** A message that a slice chose, still without a language. */
export type Message = { key: MessageKey; params?: Params }

/** What templates and letters need to speak one language. Texts are still to be escaped; `rich` and `timed` are HTML. */
export type Wording = Formats & {
  lang: string
  dir: 'ltr' | 'rtl'
  has: (key: string) => boolean
  t: (key: string, params?: Params) => string
  /** A message that a slice chose. */
  say: (message: Message) => string
  /** The public sentence of a refusal, which is English, in this language: undefined when the catalogue does not have it. */
  sentence: (english: string) => string | undefined
  /** A value as a message would write it. */
  show: (value: Param) => string
  rich: (key: string, params?: Params) => string
  /** HTML: a message whose {{time}} becomes a <time> element, which the script rewrites to the reader's own zone. */
  timed: (key: string, when: Date) => string
}

const rightToLeft = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi'])
const placeholder = /\{\{(\w+)\}\}/g

/** Wordings by language, and which languages there are. */
export type Wordings = {
  languages: readonly string[]
  /** The wording for a locale (BCP 47), or English. */
  wordingFor: (locale: string) => Wording
}

/**
 * Makes the wordings of all languages. A key that a language lacks is told to `onMissing` and answered in English; one
 * that English lacks too, with the key itself: a page never fails for want of a word.
 */
export const createWordings = (
  onMissing: (sentence: string) => void,
  available: Readonly<Record<string, Catalogue>> = loadCatalogues(),
): Wordings => {
  const languages = Object.keys(available)
  const english = available['en'] ?? en
  const refusals = new Map(Object.entries(english).flatMap(([key, text]) => (isRefusal(key) ? [[text, key]] : [])))
  const make = (lang: string, catalogue: Catalogue) => wordingOf(lang, { catalogue, english, refusals, onMissing })
  const made = new Map(Object.entries(available).map(([lang, catalogue]) => [lang, make(lang, catalogue)]))
  const fallback = made.get('en') ?? make('en', english)
  return { languages, wordingFor: (locale) => made.get(localeOf({ ui_locales: locale }, languages)) ?? fallback }
}

/** Refusals are known by their English sentence, as `deny` has it. */
const isRefusal = (key: string): boolean => key.startsWith('problem.') && !key.startsWith('problem.title.')

type Sources = {
  catalogue: Catalogue
  english: Catalogue
  refusals: ReadonlyMap<string, string>
  onMissing: (sentence: string) => void
}

const isMessage = (value: Param | undefined): value is Message =>
  typeof value === 'object' && 'key' in value && typeof value.key === 'string'

/**
 * <bdi> keeps a name in another writing direction from rearranging our sentence. What has no letter, a telephone number or an
 * address of the network, would follow the direction around it: it is always written from left to right.
 */
const isolated = (text: string, dir: Wording['dir']): string =>
  `<bdi${dir === 'rtl' && !/\p{L}/u.test(text) ? ' dir="ltr"' : ''}>${escapeHtml(text)}</bdi>`

const wordingOf = (lang: string, sources: Sources): Wording => {
  const { catalogue, english, refusals } = sources
  const formats = createFormats(lang)
  const find = createFinder(lang, sources, formats.plural)
  const { t, show, value } = createWriter(find, formats, sources.onMissing)
  const dir = rightToLeft.has(lang) ? 'rtl' : 'ltr'
  const rich: Wording['rich'] = (key, params = {}) =>
    escapeHtml(find(key, params)).replace(placeholder, (_, name: string) => {
      const given = params[name]
      return isMessage(given) ? rich(given.key, given.params) : isolated(value(params, name, key), dir)
    })
  return {
    ...formats,
    lang,
    dir,
    has: (key) => Object.hasOwn(catalogue, key) || Object.hasOwn(english, key),
    t,
    say: ({ key, params }) => t(key, params),
    show,
    sentence: (spoken) => {
      const key = refusals.get(spoken)
      return key === undefined ? undefined : t(key)
    },
    rich,
    timed: (key, when) => {
      const element = `<time datetime="${when.toISOString()}">${escapeHtml(formats.instant(when))}</time>`
      return escapeHtml(find(key, {})).replace('{{time}}', () => element)
    },
  }
}

type Find = (key: string, params: Params) => string

/** Messages as plain text. */
const createWriter = (find: Find, formats: Formats, onMissing: (sentence: string) => void) => {
  const value = (params: Params, name: string, key: string): string => {
    if (!Object.hasOwn(params, name)) onMissing(`The message ${key} needs the parameter ${name}.`)
    const given = params[name] ?? ''
    return name === 'count' && typeof given === 'number' ? formats.number(given) : show(given)
  }
  const show = (given: Param): string => {
    if (typeof given !== 'object') return String(given)
    if (given instanceof Date) return formats.instant(given)
    if (isMessage(given)) return t(given.key, given.params)
    return 'seconds' in given ? formats.duration(given.seconds) : formats.list(given)
  }
  const t: Wording['t'] = (key, params = {}) =>
    find(key, params).replace(placeholder, (_, name: string) => value(params, name, key))
  return { t, show, value }
}

/** Finds the text of a message: in its language, else in English, else the key. With `count`, the plural form of the language. */
const createFinder = (lang: string, { catalogue, english, onMissing }: Sources, plural: Formats['plural']): Find => {
  const inEnglish = createFormats('en').plural
  return (key, { count }) => {
    const categoryBy = (select: Formats['plural']) => (typeof count === 'number' ? select(count) : undefined)
    const text = lookUp(catalogue, key, categoryBy(plural))
    if (text !== undefined) return text
    onMissing(`The message ${key} is missing in ${lang}.json.`)
    return lookUp(english, key, categoryBy(inEnglish)) ?? key
  }
}

/** As i18next reads its JSON (version 4): `key_<category>`, else `key_other`, else `key`. */
const lookUp = (catalogue: Catalogue, key: string, plural: Intl.LDMLPluralRule | undefined): string | undefined => {
  const keys = plural === undefined ? [key] : [`${key}_${plural}`, `${key}_other`, key]
  const found = keys.find((one) => Object.hasOwn(catalogue, one))
  return found === undefined ? undefined : catalogue[found]
}
