/**
 * Owns the languages there are: one file of messages/ each, found by its name, so that a new language is a new file.
 * Never picks one (locale.ts) and never fills in a message (messages.ts). Start reading at `loadCatalogues`.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** The messages of a language: flat keys, as i18next keeps them in JSON. */
export type Catalogue = Readonly<Record<string, string>>

const folder = new URL('./messages/', import.meta.url)
const ending = '.json'

/** Every catalogue by its language (BCP 47), in the order in which a choice of languages shows them. */
export const loadCatalogues = (): Readonly<Record<string, Catalogue>> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((file) => file.endsWith(ending))
      .map((file) => file.slice(0, -ending.length))
      .toSorted((one, other) => ownName(one).localeCompare(ownName(other), 'en'))
      .map((language) => [language, read(language)]),
  )

/** What a language calls itself, with a capital letter where its script has them: Deutsch, Français, 日本語. */
export const ownName = (language: string): string => {
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language
  return name.replace(/^\p{Ll}/u, (first) => first.toLocaleUpperCase(language))
}

const read = (language: string): Catalogue =>
  JSON.parse(readFileSync(new URL(`${language}${ending}`, folder), 'utf8')) as Catalogue
