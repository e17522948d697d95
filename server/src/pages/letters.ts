/**
 * Owns the way from what a letter says to the mail or text message that says it: one template, plain text beside it, the
 * look of the deployment, nothing that a mail program would have to load. Never sends it. Start reading at `createLetters`.
 */
import type { Message, Param, Wording } from './messages.ts'
import { palette, type Theme } from './palette.ts'
import { isLink, monogram } from './safe.ts'
import type { Templates } from './templates.ts'

/**
 * What a letter says, without a language. `code` and `link` are what its reader came for; a link is an address of this
 * server. `facts` stand one below the other (when, where), `footnotes` in small print. `locale` is that of the account it goes
 * to, where the writer knows one: it counts before that of the request.
 */
export type LetterView = {
  locale?: string | null
  subject: Message
  paragraphs: readonly Message[]
  code?: string
  link?: { href: string; label: Message }
  facts?: readonly { label: Message; value: Param }[]
  footnotes?: readonly Message[]
}

/** A mail as it goes out. */
export type WrittenLetter = { subject: string; text: string; html: string }

export type Letters = {
  /** Writes a mail for a reader of this locale (BCP 47). */
  letter: (view: LetterView, locale: string) => WrittenLetter
  /** Writes a text message. `host` is that of the issuer: browsers offer the code on its pages only. */
  textMessage: (view: LetterView, reader: { locale: string; host: string }) => string
}

type Parts = {
  templates: Templates
  wordingFor: (locale: string) => Wording
  look: { name: string; color: string }
}

/** Makes the writer of letters. */
export const createLetters = ({ templates, wordingFor, look }: Parts): Letters => {
  const themes = palette(look.color)
  return {
    letter: (view, locale) => {
      const words = wordingFor(locale)
      const shown = { ...words, data: view, brand: { name: look.name }, ...themes, dark_css: darkCss(themes.dark) }
      return {
        subject: oneLine(words.say(view.subject)),
        text: plainText(words, view, look.name),
        html: `<!doctype html>\n${templates.render('letter', { ...shown, isLink, monogram })}`,
      }
    },
    textMessage: (view, { locale, host }) => shortText(wordingFor(locale), view, { name: look.name, host }),
  }
}

/** Names of people may stand in a subject; a header is one line. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()

/** Mail programs read one style sheet for the dark theme; the light one stands in the elements, which all of them read. */
const darkCss = (theme: Theme): string => {
  const rules = [
    `.page{background:${theme.page}!important;color:${theme.ink}!important}`,
    `.card{background:${theme.card}!important;border-color:${theme.line}!important}`,
    `.ink{color:${theme.ink}!important}`,
    `.muted{color:${theme.muted}!important}`,
    `.line{border-color:${theme.line}!important}`,
    `.soft{background:${theme.soft}!important;border-color:${theme.line}!important;color:${theme.ink}!important}`,
    `.accent{background:${theme.accent}!important;border-color:${theme.accent_edge}!important;color:${theme.on_accent}!important}`,
    `.accent-text{color:${theme.accent_text}!important}`,
  ]
  return `@media (prefers-color-scheme:dark){${rules.join('')}}`
}

const plainText = (words: Wording, view: LetterView, name: string): string => {
  const facts = (view.facts ?? []).map(({ label, value }) => `${words.say(label)}: ${oneLine(words.show(value))}`)
  const blocks = [
    ...view.paragraphs.map((message) => wrap(words.say(message))),
    view.code === undefined ? '' : `    ${view.code}`,
    facts.join('\n'),
    view.link === undefined ? '' : `${wrap(`${words.say(view.link.label)}:`)}\n${view.link.href}`,
    ...(view.footnotes ?? []).map((message) => wrap(words.say(message))),
    // RFC 3676 §4.3: what follows is no part of the message.
    `-- \n${name}\n${wrap(words.t('letter.automatic', { name }))}`,
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

/** RFC 3676 §4.2: lines of at most 72 characters, broken at spaces. Languages without spaces are left to the mail program. */
const wrap = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replace(/(?=.{73})(.{1,72})[ \t]+/gu, '$1\n').trimEnd())
    .join('\n')

/** As short as it can be: each part of a text message costs money. The last line is for browsers that fill codes in by themselves (WICG, origin-bound one-time codes). */
const shortText = (words: Wording, view: LetterView, { name, host }: { name: string; host: string }): string => {
  const sentences = view.paragraphs.map((message) => oneLine(words.say(message)))
  const isSaid = (part: string | undefined): boolean =>
    part === undefined || sentences.some((sentence) => sentence.includes(part))
  const rest = [view.code, view.link?.href].filter((part) => !isSaid(part))
  const text = [`${name}:`, ...sentences, ...rest].join(' ')
  return view.code === undefined ? text : `${text}\n\n@${host} #${view.code}`
}
