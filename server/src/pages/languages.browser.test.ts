import { expect, test } from 'vitest'
import { sampleCases, serveSamples, violations } from '../../test/support/sample-pages.ts'

const { read } = serveSamples()

test.each(sampleCases)(
  '$page $index: in Arabic axe is content; 320 pixels are enough from right to left, and for the long words of German',
  async ({ page: name, index }) => {
    for (const [locale, dir] of [
      ['ar', 'rtl'],
      ['de-DE', 'ltr'],
    ] as const) {
      const { page, complaints } = await read(locale, `/${name}/${index}`)
      expect(await page.evaluate(() => document.documentElement.dir)).toBe(dir)
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
      // From right to left what is too wide sticks out on the other side, where nothing can be scrolled to.
      const leftmost = () =>
        Math.min(...[...document.querySelectorAll('main *')].map((one) => one.getBoundingClientRect().left))
      expect(await page.evaluate(leftmost)).toBeGreaterThanOrEqual(-1)
      expect(dir === 'rtl' ? await violations(page) : []).toEqual([])
      expect(complaints).toEqual([])
    }
  },
)
