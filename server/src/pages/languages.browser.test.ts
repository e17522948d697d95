import type { BrowserContext } from 'playwright-core'
import { expect, test } from 'vitest'
import { sampleCases, serveSamples, stayHere, violations } from '../../test/support/sample-pages.ts'

const { open, person } = serveSamples()

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

test.each(sampleCases)(
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
      expect(dir === 'rtl' ? await violations(page) : []).toEqual([])
      expect(complaints).toEqual([])
      await page.close()
    }
  },
)
