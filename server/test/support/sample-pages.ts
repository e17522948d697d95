/**
 * Owns the samples of every page in a real browser: a server that draws them under the real policy, in the language that the
 * browser asks for, and what is looked at on each. Start reading at `serveSamples`.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { letterSamples } from '../../src/pages/letter-samples.ts'
import { createPages, type PageName } from '../../src/pages/render.ts'
import { sampleFrame, samples } from '../../src/pages/samples.ts'
import { launchBrowser } from './browser.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const pages = createPages({ name: 'Keywright', color: '#3b5bdb', issuer_path: '' })
const names = Object.keys(samples) as PageName[]

/** Every sample there is. */
export const sampleCases = names.flatMap((page) => samples[page].map((_, index) => ({ page, index })))

export type Opened = { page: Page; complaints: string[] }

export type SamplePages = {
  origin: () => string
  /** What was posted, and a way to forget it. */
  posts: { path: string; body: string }[]
  person: (options?: Parameters<Browser['newContext']>[0]) => Promise<BrowserContext>
  /** Opens a sample on the small light screen of the one reader of a language, who goes from page to page: that is four times faster. */
  read: (locale: string, path: string) => Promise<Opened>
  /** Opens `/<page>/<index>` with changed data; complaints (policy breaches, script errors, dialogs) are collected. */
  open: (context: BrowserContext, path: string, data?: object) => Promise<Opened>
}

/** Starts the server and the browser for a test file. */
export function serveSamples(): SamplePages {
  const posts: SamplePages['posts'] = []
  let browser: Browser | undefined
  let origin = ''
  const server = createServer((request, response) => void answer(request, response, posts))
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await launchBrowser()
  })
  afterAll(() => void server.close())
  const person: SamplePages['person'] = async (options = {}) => {
    if (browser === undefined) throw new Error('the browser is started before all tests')
    return await browser.newContext({ reducedMotion: 'reduce', ...options })
  }
  const readers = new Map<string, Opened>()
  const reader = async (locale: string): Promise<Opened> => {
    const context = await person({ locale, viewport: { width: 320, height: 640 } })
    // The page that sends itself away is looked at before it does.
    await context.addInitScript(stayHere)
    return await newPage(context)
  }
  return {
    origin: () => origin,
    posts,
    person,
    read: async (locale, path) => {
      const { page, complaints } = readers.get(locale) ?? (await reader(locale))
      readers.set(locale, { page, complaints })
      complaints.length = 0
      await page.emulateMedia({ colorScheme: 'light' })
      await goTo(page, `${origin}${path}`)
      return { page, complaints }
    },
    open: async (context, path, data = {}) => {
      const opened = await newPage(context)
      await goTo(opened.page, `${origin}${path}?data=${encodeURIComponent(JSON.stringify(data))}`)
      return opened
    },
  }
}

/** Draws samples under the real policy; keeps what is posted, and answers a post slowly enough to press twice. */
const answer = async (request: IncomingMessage, response: ServerResponse, posts: SamplePages['posts']) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (request.method === 'POST') {
    let body = ''
    for await (const chunk of request) body += chunk
    posts.push({ path: url.pathname, body })
    setTimeout(() => response.writeHead(204).end(), 300)
    return
  }
  const asset = pages.asset(url.pathname.replace('/assets/', ''))
  if (asset) {
    response.writeHead(200, { 'content-type': asset.content_type, etag: asset.etag }).end(asset.bytes)
    return
  }
  if (url.pathname.startsWith('/dev/mail/')) {
    response.writeHead(200, { 'content-type': 'text/html' }).end(pages.letter(letterSamples[0], 'en').html)
    return
  }
  const [, name, index] = url.pathname.split('/')
  const page = names.find((one) => one === name)
  if (page === undefined) {
    response.writeHead(404).end()
    return
  }
  const nonce = 'bm9uY2Utb2YtdGhlLXRlc3Q'
  const policy = `default-src 'none'; style-src 'self' 'nonce-${nonce}'; script-src 'nonce-${nonce}' 'strict-dynamic'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'${page === 'dev-mail' ? "; frame-src 'self'" : ''}`
  const changes = JSON.parse(url.searchParams.get('data') ?? '{}') as object
  const data = { ...samples[page][Number(index)], ...changes }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy })
  const locale = pages.localeOf({ accept_language: request.headers['accept-language'] })
  response.end(pages.html(page, data, { ...sampleFrame, locale, nonce }))
}

const newPage = async (context: BrowserContext): Promise<Opened> => {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  // What is posted to an application stays here.
  await context.route(/^https:/, (route) => route.fulfill({ status: 204 }))
  return { page, complaints }
}

const goTo = async (page: Page, address: string): Promise<void> => {
  // A page that sends itself away never finishes loading: its arrival is enough.
  const waitUntil = new URL(address).pathname.startsWith('/form-post') ? 'commit' : 'load'
  await page.goto(address, { waitUntil })
  await page.waitForSelector('h1')
}

/** Rules of WCAG 2.2 A and AA and axe's own good practice. */
const everyRule = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** What another theme can break: everything else of a page is the same in both. */
const colourRules = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }

/** What axe finds on a page, evaluated past its policy. `colours`: of the rules about colours alone. */
export const violations = async (page: Page, about: 'all' | 'colours' = 'all'): Promise<string[]> => {
  const devtools = await page.context().newCDPSession(page)
  const runOnly = JSON.stringify(about === 'all' ? everyRule : colourRules)
  const expression = `${axe};axe.run(document,{iframes:false,runOnly:${runOnly}}).then((r)=>JSON.stringify({checked:r.passes.length,found:r.violations.map((v)=>v.id+': '+v.nodes.map((n)=>n.html).join(' '))}))`
  const { result } = await devtools.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
  await devtools.detach()
  const { checked, found } = JSON.parse(String(result.value)) as { checked: number; found: string[] }
  expect(checked).toBeGreaterThan(about === 'all' ? 10 : 0)
  return found
}

const stayHere = (): void => {
  HTMLFormElement.prototype.submit = () => {}
  HTMLFormElement.prototype.requestSubmit = () => {}
}
