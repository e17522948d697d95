/**
 * The page of the API on a real server: every operation of the document is there, with a call that can be pasted; axe has nothing to
 * say in either theme; it fits a phone; it searches, opens what an address leads to, and is all there without JavaScript.
 */
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser.ts'
import { operations } from '../support/document.ts'
import { type House, openHouse } from '../support/flow.ts'
import { expectAccessible, visitor } from '../support/visit.ts'

let house: House
let browser: Browser

beforeAll(async () => {
  house = await openHouse()
  browser = await launchBrowser()
})

const open = async (options: Parameters<Browser['newContext']>[0] = {}, path = '/docs'): Promise<Page> => {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  await page.goto(new URL(path, house.server.issuer).href)
  return page
}

it('has every operation of the document, also at the older path', async () => {
  const reply = await house.server.client().get('/docs')
  expect(reply.status).toBe(200)
  expect(reply.headers['content-type']).toBe('text/html; charset=utf-8')
  const missing = operations.filter(({ operation }) => !reply.body.includes(`id="${operation.operationId}"`))
  expect(missing.map(({ path }) => path)).toEqual([])
  expect(reply.body).toContain(`curl -X POST &#39;${house.server.issuer}/api/v1/api-keys&#39;`)
  const older = await house.server.client().get('/redoc')
  expect(older.status).toBe(200)
  expect(older.headers.link).toBe(`<${house.server.issuer}/docs>; rel="successor-version"`)
})

it('the front door leads there', async () => {
  const reply = await house.server.client().get('/', { accept: 'application/json' })
  expect(reply.json<{ links: { href: string; label: string }[] }>().links).toContainEqual({
    href: '/docs',
    label: 'API reference',
  })
  const page = await open({}, '/')
  await page.getByRole('link', { name: 'API reference', exact: true }).click()
  await page.waitForURL('**/docs')
})

it('axe is content in both themes, and it fits a phone', { timeout: 180_000 }, async () => {
  const { page } = await visitor(browser)
  await page.goto(new URL('/docs#postApiKeys', house.server.issuer).href)
  await expectAccessible(page)
  const phone = await open({ viewport: { width: 390, height: 800 } }, '/docs#getUsers')
  expect(await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
})

describe('with JavaScript', () => {
  it('an address opens what it leads to', async () => {
    const page = await open({}, '/docs#postApiKeys')
    expect(await page.getByRole('heading', { name: /^Make an API key/ }).isVisible()).toBe(true)
  })

  it('searches by words of method, path and summary', async () => {
    const page = await open()
    await page.getByLabel('Search').fill('post api-keys rotate')
    const found = await page.locator('.chapter summary:visible').allTextContents()
    expect(found.length).toBeGreaterThan(0)
    for (const text of found) expect(text).toMatch(/POST .*api-keys.*rotate/s)
    await page.getByLabel('Search').fill('nothing like it')
    await expect.poll(() => page.getByRole('status').textContent()).toBe('Nothing has these words.')
    await page.getByLabel('Search').fill('')
    expect(await page.locator('.chapter summary:visible').count()).toBeGreaterThan(operations.length)
  })
})

it('without JavaScript everything is there, and no dead search field', async () => {
  const page = await open({ javaScriptEnabled: false })
  expect(await page.getByLabel('Search').isVisible()).toBe(false)
  const first = page.locator('details.operation').filter({ hasText: '/api/v1/api-keys' }).first()
  await first.locator('summary').click()
  expect(await first.getByText('Example').isVisible()).toBe(true)
})

it('speaks the language of its reader around the reference, which is English', async () => {
  const page = await open({ locale: 'de-DE' })
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('API-Referenz')
  expect(await page.locator('div.reference').getAttribute('lang')).toBe('en')
})
