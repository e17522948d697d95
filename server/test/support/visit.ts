/**
 * Owns people with a real browser: a context for each, whose complaints are collected, the application they come from,
 * and the look at every page with axe in both themes. Start reading at `visitor`.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, expect } from 'vitest'

/** A person at a browser. */
export type Visitor = {
  context: BrowserContext
  page: Page
  /** Opens another tab of the same browser. */
  tab: () => Promise<Page>
  /** What the browser complained about: script errors, breaches of the policy, failed resources, dialogs. */
  complaints: string[]
}

/** Opens a browser of its own for one person; closed with the browser. */
export const visitor = async (browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> => {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  context.setDefaultTimeout(10_000)
  const complaints: string[] = []
  const tab = async (): Promise<Page> => {
    const page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', (message) => {
      // The page itself may be a refusal (401, 429, 400): the browser reports its status as a failed load of its address.
      const isPage =
        /^Failed to load resource: .* status of 4\d\d/.test(message.text()) && message.location().url === page.url()
      if (['error', 'warning'].includes(message.type()) && !isPage) complaints.push(`${page.url()}: ${message.text()}`)
    })
    return page
  }
  return { context, page: await tab(), tab, complaints }
}

/** What reached the application: how, and with which parameters. */
export type Arrival = { method: string; path: string; params: Record<string, string> }

export type Application = {
  callback: string
  goodbye: string
  /** The arrivals so far, oldest first. */
  arrivals: Arrival[]
}

/** Starts a tiny application on another site than the server (127.0.0.1 is not localhost); stopped after the test file. */
export const openApplication = async (): Promise<Application> => {
  const arrivals: Arrival[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const known = await noteArrival(request, arrivals)
    response.writeHead(known ? 200 : 204, { 'content-type': 'text/html; charset=utf-8' })
    response.end(known ? '<!doctype html><html lang="en"><title>App</title><h1>Back at the application</h1>' : '')
  }
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { callback: `${origin}/callback`, goodbye: `${origin}/goodbye`, arrivals }
}

/** Notes a callback or a goodbye; a browser asks for other things too, such as an icon. */
const noteArrival = async (request: IncomingMessage, arrivals: Arrival[]): Promise<boolean> => {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const body = new URLSearchParams(await text(request))
  if (!['/callback', '/goodbye'].includes(url.pathname)) return false
  arrivals.push({
    method: request.method ?? '',
    path: url.pathname,
    params: Object.fromEntries([...url.searchParams, ...body]),
  })
  return true
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Asserts that axe finds nothing on the page as it is now, in the light theme and in the dark one. */
export const expectAccessible = async (page: Page): Promise<void> => {
  const devtools = await page.context().newCDPSession(page)
  const run = `axe.run(document,{runOnly:${JSON.stringify(standards)}})`
  const summary = `.then((r)=>JSON.stringify({checked:r.passes.length,found:r.violations.map((v)=>v.id+': '+v.nodes.map((n)=>n.html).join(' '))}))`
  // Evaluated past the policy of the page, which would not let it in.
  await devtools.send('Runtime.evaluate', { expression: axe })
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    const { result } = await devtools.send('Runtime.evaluate', {
      expression: run + summary,
      awaitPromise: true,
      returnByValue: true,
    })
    const { checked, found } = JSON.parse(String(result.value)) as { checked: number; found: string[] }
    expect(found, `${page.url()} (${colorScheme})`).toEqual([])
    expect(checked).toBeGreaterThan(10)
  }
  await devtools.detach()
}
