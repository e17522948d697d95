/** The tests' browser starts, with and without JavaScript. */
import { expect, test } from 'vitest'
import { launchBrowser } from './browser.ts'

test('a page is read as it is, and as its script changes it', async () => {
  const browser = await launchBrowser()
  const address = `data:text/html,<title>a</title><p>plain</p><script>document.title='b'</script>`
  const titleWith = async (javaScriptEnabled: boolean): Promise<string> => {
    const context = await browser.newContext({ javaScriptEnabled })
    const page = await context.newPage()
    await page.goto(address)
    return await page.title()
  }
  expect(await titleWith(true)).toBe('b')
  expect(await titleWith(false)).toBe('a')
})
