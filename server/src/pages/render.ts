/**
 * Owns the way from a slice's data to a hosted page: one call, one string of HTML, every value escaped.
 * Never sends it, never sets a header, never decides what happens next. Start reading at `createPages`.
 */
import { StartError } from '../config/start-error.ts'
import { type Asset, loadPageAssets, type PageAssets } from './assets.ts'
import { type Branding, loadBranding, markArch, markKeystone } from './branding.ts'
import type { PageData, PageName } from './data.ts'
import { ownName } from './catalogues.ts'
import { letterSamples } from './letter-samples.ts'
import { createLetters, type Letters } from './letters.ts'
import { type LanguageWishes, localeOf } from './locale.ts'
import { createWordings, type Wording } from './messages.ts'
import type { ReferenceView } from './reference-data.ts'
import { isLink, isReturnAddress, monogram } from './safe.ts'
import { sampleFrame, samples } from './samples.ts'
import { describeScope } from './scopes.ts'
import { loadTemplates, type Templates } from './templates.ts'

export type { Asset } from './assets.ts'
export type { PageData, PageName } from './data.ts'

/**
 * What a page needs beside its data. `locale` is BCP 47; `nonce` is the one of the answer's Content-Security-Policy;
 * `assetsPath` is where `asset` is served, without a closing slash; `signedInAs` is a name for the foot of the page. `kept` are
 * the parameters of the page's address, to ask for it again in another language; without them no such choice is shown.
 */
export type Frame = {
  locale: string
  nonce: string
  assetsPath: string
  signedInAs?: string
  kept?: readonly (readonly [string, string])[]
  /** Who acts as somebody else sees as whom, and the way back. */
  acting?: { name: string; stop: string; csrf: string }
}

/** `issuer_path` is the path of the issuer's address, without a closing slash: empty for an issuer at the root. */
export type PagesOptions = {
  name: string
  color: string
  logo_file?: string
  templates_dir?: string
  issuer_path: string
}

export type Pages = Letters & {
  html: <P extends PageName>(page: P, data: PageData[P], frame: Frame) => string
  /** An asset by the name that the pages use; undefined for any other name. */
  asset: (name: string) => Asset | undefined
  /** The languages there are (BCP 47). */
  languages: readonly string[]
  /** The language for a reader of whom this is known. */
  localeOf: (wishes: LanguageWishes) => string
  /** The wording for a locale (BCP 47): for letters, and for problems in answers to programs. */
  wordingFor: (locale: string) => Wording
  /** Sentences for the log: templates that replace nothing, messages that are missing. Grows while the server runs. */
  problems: () => readonly string[]
}

const maxProblems = 100

/**
 * Compiles templates and assets once. Throws StartError, naming the file, when the logo cannot be used, a template does not
 * compile, or a replaced template cannot show its page.
 */
export const createPages = (options: PagesOptions): Pages => {
  const branding = loadBranding(options)
  const own = loadPageAssets()
  const assets = new Map([...branding.assets, ...Object.values(own)].map((asset) => [asset.name, asset]))
  const templates = loadTemplates(options.templates_dir)
  const problems = new Set<string>(templates.problems)
  const { languages, wordingFor } = createWordings(
    (sentence) => void (problems.size < maxProblems && problems.add(sentence)),
  )
  const choice = languages.map((lang) => ({ lang, name: ownName(lang) }))
  const brand = brandOf(options, branding, own)
  const reference = drawnOnce(templates)
  const html: Pages['html'] = (page, data, frame) => {
    const words = wordingFor(frame.locale)
    return `<!doctype html>\n${templates.render(page, { ...viewOf(page, data, { frame, brand, choice, words }), reference })}`
  }
  const letters = createLetters({ templates, wordingFor, look: options })
  proveReplaced(templates, html)
  proveLetter(templates, letters)
  return {
    ...letters,
    html,
    asset: (name) => assets.get(name),
    languages,
    localeOf: (wishes) => localeOf(wishes, languages),
    wordingFor,
    problems: () => [...problems],
  }
}

/** HTML of the reference of the API, which is long and the same for everybody. */
const drawnOnce = (templates: Templates): ((view: ReferenceView) => string) => {
  const drawn = new WeakMap<ReferenceView, string>()
  return (view) => {
    const text = drawn.get(view) ?? templates.render('_reference', view)
    drawn.set(view, text)
    return text
  }
}

type Brand = {
  name: string
  css: readonly string[]
  js: string
  passkeys: string
  strength: string
  docs: readonly [css: string, js: string]
  icon: string
  logo?: string
  start: string
  arch: string
  keystone: string
}

const brandOf = (options: PagesOptions, branding: Branding, own: PageAssets): Brand => ({
  name: options.name,
  css: [branding.css, own.css.name],
  js: own.js.name,
  passkeys: own.passkeys.name,
  strength: own.strength.name,
  docs: [own.docsCss.name, own.docs.name],
  icon: branding.icon,
  ...(branding.logo === undefined ? {} : { logo: branding.logo }),
  start: `${options.issuer_path}/`,
  arch: markArch,
  keystone: markKeystone,
})

type Around = { frame: Frame; brand: Brand; choice: readonly { lang: string; name: string }[]; words: Wording }

/** Everything a template can see, as `it`. */
const viewOf = (page: PageName, data: object, { frame, brand, choice, words }: Around) => ({
  ...words,
  page,
  data,
  frame,
  brand,
  choice,
  scope: (name: string) => describeScope(words, name),
  isLink,
  target: formTarget,
  isReturnAddress,
  monogram,
})

/** A form target that is no address of ours and no registered one is a bug of the caller: nothing may be posted there. */
const formTarget = (address: string): string => {
  if (!isReturnAddress(address))
    throw new TypeError('A form target must be a path, an http(s) address or a private scheme.')
  return address
}

/**
 * Draws every page once with sample data when the operator replaced a template: a mistake in it shall stop the start, not
 * the first visitor. A form without our csrf value would refuse everybody, so that is looked for too.
 */
const proveReplaced = (templates: Templates, html: Pages['html']): void => {
  if (templates.replaced.size === 0) return
  for (const page of Object.keys(samples) as PageName[]) {
    const file = templates.replaced.get(page)
    for (const sample of samples[page]) {
      const drawn = tryRender(
        () => html(page, sample as never, sampleFrame),
        file ?? [...templates.replaced.values()].join(', '),
      )
      if (file !== undefined && 'csrf' in sample && !drawn.includes(`value="${sample.csrf}"`))
        throw new StartError(`The template ${file} has no hidden field csrf, so its form would always be refused.`)
    }
  }
}

/** The same for the letter. Without its code and its link it would be of no use to anybody. */
const proveLetter = (templates: Templates, { letter }: Letters): void => {
  const file = templates.replaced.get('letter')
  if (file === undefined) return
  for (const view of letterSamples) {
    const drawn = tryRender(() => letter(view, 'en').html, file)
    if ([view.code, view.link?.href].some((part) => part !== undefined && !drawn.includes(part)))
      throw new StartError(`The template ${file} leaves out the code or the link, which its reader needs.`)
  }
}

const tryRender = (draw: () => string, file: string): string => {
  try {
    return draw()
  } catch (cause) {
    throw new StartError(
      `The template ${file} cannot show its page: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}
