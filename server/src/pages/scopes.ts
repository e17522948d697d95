/** Owns what scopes mean to people: a title and a sentence for each, from the catalogue. */
import type { Wording } from './messages.ts'

/** Title and sentence of a scope; one that nobody described is shown by its name, without a sentence. */
export const describeScope = (words: Pick<Wording, 'has' | 't'>, name: string): { title: string; about: string } => ({
  title: words.has(`scope.title.${name}`) ? words.t(`scope.title.${name}`) : name,
  about: words.has(`scope.about.${name}`) ? words.t(`scope.about.${name}`) : '',
})
