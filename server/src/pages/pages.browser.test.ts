import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchBrowser } from '../../test/support/browser.ts'
import { createPages, type PageName } from './render.ts'
import { letterSamples } from './letter-samples.ts'
import { sampleFrame, samples } from './samples.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const attack = `"'><script>alert(1)</script><img src=x onerror=alert(2)>`
const pages = createPages({ name: 'Keywright', color: '#3b5bdb', issuer_path: '' })
const names = Object.keys(samples) as PageName[]
const cases = names.flatMap((page) => samples[page].map((_, index) => ({ page, index })))

let browser: Browser
let origin = ''
let posts: { path: string; body: string }[] = []

/** Draws samples under the real policy; keeps what is posted, and answers a post slowly enough to press twice. */
const answer = async (request: IncomingMessage, response: ServerResponse) => {
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
  response.end(pages.html(page, data as never, { ...sampleFrame, locale, nonce }))
}

const server = createServer((request, response) => void answer(request, response))
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await launchBrowser()
})
afterAll(() => void server.close())

/** A page whose complaints (policy breaches, script errors, dialogs) are collected. */
const open = async (
  context: BrowserContext,
  path: string,
  data: object = {},
): Promise<{ page: Page; complaints: string[] }> => {
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
  // A page that sends itself away never finishes loading: its arrival is enough.
  const waitUntil = path.startsWith('/form-post') ? 'commit' : 'load'
  await page.goto(`${origin}${path}?data=${encodeURIComponent(JSON.stringify(data))}`, { waitUntil })
  await page.waitForSelector('h1')
  return { page, complaints }
}

const person = (options: Parameters<Browser['newContext']>[0] = {}) =>
  browser.newContext({ reducedMotion: 'reduce', ...options })

/** Rules of WCAG 2.2 A and AA and axe's own good practice, evaluated past the policy of the page. */
const violations = async (page: Page): Promise<string[]> => {
  const devtools = await page.context().newCDPSession(page)
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
  const expression = `${axe};axe.run(document,{iframes:false,runOnly:${JSON.stringify(tags)}}).then((r)=>JSON.stringify({checked:r.passes.length,found:r.violations.map((v)=>v.id+': '+v.nodes.map((n)=>n.html).join(' '))}))`
  const { result } = await devtools.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
  const { checked, found } = JSON.parse(String(result.value)) as { checked: number; found: string[] }
  expect(checked).toBeGreaterThan(10)
  return found
}

/** The page that sends itself away is looked at before it does; that it sends itself is tested below. */
const stayHere = (): void => {
  HTMLFormElement.prototype.submit = () => {}
  HTMLFormElement.prototype.requestSubmit = () => {}
}

describe('every page, every branch', () => {
  test.each(cases)(
    '$page $index: axe is content in both themes, nothing breaks the policy, 320 pixels are enough',
    async ({ page: name, index }) => {
      const context = await person({ colorScheme: 'light', viewport: { width: 320, height: 640 } })
      if (name === 'form-post') await context.addInitScript(stayHere)
      const { page, complaints } = await open(context, `/${name}/${index}`)
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
      expect(await violations(page)).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await violations(page)).toEqual([])
      expect(complaints).toEqual([])
      await context.close()
    },
  )
})

describe('every page, every branch, in other languages', () => {
  const contexts = new Map<string, BrowserContext>()
  /** One context for each language: to make one takes longer than to look at a page. */
  const speaking = async (locale: string): Promise<BrowserContext> => {
    const known = contexts.get(locale)
    if (known) return known
    const context = await person({ locale, colorScheme: 'light', viewport: { width: 320, height: 640 } })
    await context.addInitScript(stayHere)
    contexts.set(locale, context)
    return context
  }

  test.each(cases)(
    '$page $index: in Arabic axe is content; 320 pixels are enough from right to left, and for the long words of German',
    async ({ page: name, index }) => {
      for (const [locale, dir] of [
        ['ar', 'rtl'],
        ['de-DE', 'ltr'],
      ] as const) {
        const { page, complaints } = await open(await speaking(locale), `/${name}/${index}`)
        expect(await page.evaluate(() => document.documentElement.dir)).toBe(dir)
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
        // From right to left what is too wide sticks out on the other side, where nothing can be scrolled to.
        const leftmost = () =>
          Math.min(...[...document.querySelectorAll('main *')].map((one) => one.getBoundingClientRect().left))
        expect(await page.evaluate(leftmost)).toBeGreaterThanOrEqual(-1)
        if (dir === 'rtl') expect(await violations(page)).toEqual([])
        expect(complaints).toEqual([])
        await page.close()
      }
    },
  )
})

describe('sign-in', () => {
  test('by keyboard alone, in the order of the page', async () => {
    const context = await person()
    const { page } = await open(context, '/login/0')
    const focused = () =>
      page.evaluate(
        () => document.activeElement?.getAttribute('name') ?? document.activeElement?.getAttribute('aria-label'),
      )
    const visited = [await focused()]
    for (let step = 0; step < 3; step++) {
      await page.keyboard.press('Tab')
      visited.push(await focused())
    }
    expect(visited).toEqual(['login', 'password', 'Show password', null])
    await page.fill('#login', 'ada@example.com')
    await page.fill('#password', 'correct horse')
    posts = []
    await page.press('#password', 'Enter')
    await expect.poll(() => posts).toHaveLength(1)
    expect(Object.fromEntries(new URLSearchParams(posts[0]?.body))).toEqual({
      csrf: 'sample-csrf-Zk3v9Q',
      interaction: 'sample-interaction-7Yw2',
      login: 'ada@example.com',
      password: 'correct horse',
    })
    await context.close()
  })

  test('after an error the focus is on the message, and the fields point to it', async () => {
    const context = await person()
    const { page } = await open(context, '/login/2')
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('alert')
    expect(await page.title()).toMatch(/^Error: /)
    for (const field of ['#login', '#password']) {
      expect(await page.getAttribute(field, 'aria-invalid')).toBe('true')
      expect(await page.getAttribute(field, 'aria-describedby')).toBe('alert')
    }
    await context.close()
  })

  test('the password can be shown, and is hidden again when it is sent', async () => {
    const context = await person()
    const { page } = await open(context, '/login/0')
    await page.fill('#login', 'ada')
    await page.fill('#password', 'secret')
    await page.click('[aria-label="Show password"]')
    expect(await page.getAttribute('#password', 'type')).toBe('text')
    posts = []
    await page.click('button:has-text("Sign in")')
    expect(await page.getAttribute('#password', 'type')).toBe('password')
    await expect.poll(() => posts).toHaveLength(1)
    await context.close()
  })

  test('pressing twice sends once', async () => {
    const context = await person()
    const { page } = await open(context, '/login/0', { login_hint: 'ada' })
    await page.fill('#password', 'secret')
    posts = []
    // The second press comes when the first request is already under way.
    await page.locator('button:has-text("Sign in")').dispatchEvent('click')
    await expect.poll(() => posts).toHaveLength(1)
    await page.locator('button:has-text("Sign in")').dispatchEvent('click')
    await page.waitForTimeout(200)
    expect(posts).toHaveLength(1)
    await context.close()
  })

  test('without JavaScript: no dead button is shown, the form and the way back work', async () => {
    const context = await person({ javaScriptEnabled: false })
    const { page } = await open(context, '/login/0')
    expect(await page.locator('[data-theme-switch], [data-reveal]').filter({ visible: true }).count()).toBe(0)
    posts = []
    await page.click('button[name=cancel]')
    await expect.poll(() => posts).toHaveLength(1)
    expect(new URLSearchParams(posts[0]?.body).get('cancel')).toBe('1')
    await context.close()
  })
})

test('the dark switch is remembered and gives way to the system again', async () => {
  const context = await person({ colorScheme: 'light' })
  const { page } = await open(context, '/home/0')
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  const light = await ground()
  await page.click('[aria-label="Use the dark theme"]')
  const dark = await ground()
  expect(dark).not.toBe(light)
  await page.reload()
  expect(await ground()).toBe(dark)
  await page.click('[aria-label="Use the light theme"]')
  expect(await ground()).toBe(light)
  expect(await page.evaluate(() => localStorage.getItem('kw_theme'))).toBeNull()
  await context.close()
})

test('the reference of an error can be copied', async () => {
  const context = await person({ permissions: ['clipboard-read', 'clipboard-write'] })
  const { page } = await open(context, '/error/0')
  await page.click('button:has-text("Copy")')
  await page.waitForSelector('button:has-text("Copied")')
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('err_8Hq2mWzT4cVb')
  await context.close()
})

describe('form_post', () => {
  const fields = { code: 'c"<>', state: attack, submit: 'a field may be called submit' }

  test('sends itself under the policy, with every value intact', async () => {
    const context = await person()
    posts = []
    const { page, complaints } = await open(context, '/form-post/0', { action: `${origin}/callback`, fields })
    await expect.poll(() => posts).toHaveLength(1)
    expect(Object.fromEntries(new URLSearchParams(posts[0]?.body))).toEqual(fields)
    expect(complaints).toEqual([])
    await page.close()
    await context.close()
  })

  test('without JavaScript the button sends it', async () => {
    const context = await person({ javaScriptEnabled: false })
    posts = []
    const { page } = await open(context, '/form-post/0', { action: `${origin}/callback`, fields })
    expect(posts).toEqual([])
    await page.click('button:has-text("Continue")')
    await expect.poll(() => posts).toHaveLength(1)
    expect(new URLSearchParams(posts[0]?.body).get('state')).toBe(attack)
    await context.close()
  })
})

test('G-8: hostile values run no script, whatever the policy would stop', async () => {
  const context = await person({ bypassCSP: true })
  const { page, complaints } = await open(context, '/error/0', {
    error: attack,
    error_description: attack,
    error_id: attack,
    request_id: attack,
    back: { href: '/', label: { key: 'page.back_to_client', params: { client: attack } } },
  })
  expect(await page.textContent('.lead')).toBe(attack)
  expect(await page.textContent('#reference')).toBe(attack)
  expect(complaints).toEqual([])
  await context.close()
})
