/**
 * Owns the real browser of the tests: the system's Chromium, headless, with a fresh profile, quiet on the network.
 * Start reading at `launchBrowser`.
 */
import { type Browser, chromium as engine } from 'playwright-core'
import { afterAll } from 'vitest'
import { chromium, findTool } from '../../../scripts/ensure-tools.ts'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const browsers = new Set<Browser>()
afterAll(async () => {
  await Promise.all([...browsers].map((browser) => browser.close()))
})

/**
 * Starts Chromium; it is closed after the test file. Take a `newContext()` for each person, with
 * `{ javaScriptEnabled: false }` for one without JavaScript.
 * @throws Error saying what to install when there is none.
 */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findTool(chromium)
  if (executablePath === undefined) throw new Error('no Chromium: install it, or run "npm test" as root on Debian')
  const browser = await engine.launch({ executablePath, headless: true, args: flags })
  browsers.add(browser)
  return browser
}
