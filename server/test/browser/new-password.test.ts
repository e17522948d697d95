/** A new password in a real browser: the meter speaks while somebody types, and everything works without it. */
import type { Browser, Page } from 'playwright-core'
import { afterEach, beforeAll, expect, it } from 'vitest'
import { createSetupLink } from '../../src/operations/setup.ts'
import { launchBrowser } from '../support/browser.ts'
import { type House, openHouse } from '../support/flow.ts'
import { expectAccessible, type Visitor, visitor } from '../support/visit.ts'

let house: House
let browser: Browser
let link: string
let visitors: Visitor[] = []

beforeAll(async () => {
  house = await openHouse()
  browser = await launchBrowser()
  link = (await createSetupLink(house.ctx)) ?? ''
})

afterEach(async () => {
  const complaints = visitors.flatMap((one) => one.complaints)
  await Promise.all(visitors.map(async ({ context }) => await context.close()))
  visitors = []
  expect(complaints).toEqual([])
})

const open = async (options: { javaScriptEnabled?: boolean } = {}): Promise<Page> => {
  const one = await visitor(browser, options)
  visitors.push(one)
  await one.page.goto(link)
  return one.page
}

const patience = { timeout: 10_000 }
const spoken = async (page: Page): Promise<string> => await page.locator('.strength p').innerText()

it('says how hard it is to guess, and why it would not be accepted, once somebody stops typing', async () => {
  const page = await open()
  const asked: string[] = []
  page.on('request', (request) => {
    if (request.url().endsWith('/password-strength')) asked.push(request.postData() ?? '')
  })
  const password = page.getByLabel('Password', { exact: true })
  const strength = page.locator('.strength')
  expect(await strength.isVisible()).toBe(false)
  await page.getByLabel('Name', { exact: true }).fill('Grace Hopper')
  await password.pressSequentially('short')
  await expect
    .poll(async () => await spoken(page), patience)
    .toBe('Very weak The password needs at least 10 characters.')
  expect(asked).toEqual([])
  await password.fill('password123')
  await expect.poll(async () => await spoken(page), patience).toContain('This password is too easy to guess.')
  await password.fill('gracehopper1906')
  await expect
    .poll(async () => await spoken(page), patience)
    .toContain('This password is too close to your name or address.')
  await password.fill('')
  expect(await strength.isVisible()).toBe(false)
  const before = asked.length
  await password.pressSequentially('a quiet stone arch', { delay: 5 })
  await expect.poll(async () => await spoken(page), patience).toBe('Strong')
  expect(await page.locator('.strength meter').evaluate((one) => String(Reflect.get(one, 'value')))).toBe('5')
  // Once for the whole of it, not for every key.
  expect(asked.length - before).toBeLessThanOrEqual(4)
  expect(JSON.parse(asked.at(-1) ?? '{}')).toEqual({ password: 'a quiet stone arch', context: ['Grace Hopper'] })
  expect(await page.locator('.strength p').getAttribute('aria-live')).toBe('polite')
})

it('axe is content with it in both themes', async () => {
  const page = await open()
  await page.getByLabel('Password', { exact: true }).fill('rtyuiophjkl')
  await expect.poll(async () => await spoken(page), patience).toBe('Fair Neighbouring keys are easy to guess.')
  await expectAccessible(page)
})

it('without an answer it says nothing, and the form is as good', async () => {
  const page = await open()
  await page.route('**/password-strength', async (route) => await route.fulfill({ status: 204 }))
  await page.getByLabel('Password', { exact: true }).fill('password1234')
  await page.waitForTimeout(700)
  expect(await page.locator('.strength').isVisible()).toBe(false)
})

it('without JavaScript there is none', async () => {
  const page = await open({ javaScriptEnabled: false })
  await page.getByLabel('Password', { exact: true }).fill('a quiet stone arch')
  expect(await page.locator('.strength').isVisible()).toBe(false)
  expect(await page.getByText('At least 10 characters.').isVisible()).toBe(true)
})
