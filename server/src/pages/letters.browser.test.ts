/** Letters in a real browser, as a mail program shows them: both themes, right to left, narrow, and for screen readers. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { launchBrowser } from '../../test/support/browser.ts'
import { letterSamples } from './letter-samples.ts'
import { createPages } from './render.ts'

const pages = createPages({ name: 'Keywright', color: '#3b5bdb', issuer_path: '' })
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const cases = letterSamples.flatMap((view, index) =>
  (['light', 'dark'] as const).flatMap((scheme) => ['en', 'ar'].map((locale) => ({ view, index, scheme, locale }))),
)
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})

test.each(cases)(
  '$index, $scheme, $locale: axe is content, 320 pixels are enough, nothing is loaded',
  async ({ view, scheme, locale }) => {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 320, height: 640 } })
    const page = await context.newPage()
    const asked: string[] = []
    await context.route(/./, async (route) => {
      asked.push(route.request().url())
      await route.abort()
    })
    await page.setContent(pages.letter(view, locale).html)
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    const devtools = await context.newCDPSession(page)
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
    const expression = `${axe};axe.run(document,{runOnly:${JSON.stringify(tags)}}).then((r)=>JSON.stringify({checked:r.passes.length,found:r.violations.map((v)=>v.id+': '+v.nodes.map((n)=>n.html).join(' '))}))`
    const { result } = await devtools.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    const { checked, found } = JSON.parse(String(result.value)) as { checked: number; found: string[] }
    expect(found).toEqual([])
    expect(checked).toBeGreaterThan(3)
    expect(asked).toEqual([])
    await context.close()
  },
)
