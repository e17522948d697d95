/**
 * Every page of the real server in a real browser, as it stands there: axe has nothing to say in either theme (WCAG 2.2 A
 * and AA), it fits 320 pixels (1.4.10), and the browser has nothing to complain about.
 */
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { createSetupLink } from '../../src/operations/setup.ts'
import { launchBrowser } from '../support/browser.ts'
import { authorizePath, type App, type House, openHouse, type Person } from '../support/flow.ts'
import { type Application, expectAccessible, openApplication, visitor } from '../support/visit.ts'

let house: House
let browser: Browser
let application: Application
let app: App

beforeAll(async () => {
  house = await openHouse()
  browser = await launchBrowser()
  application = await openApplication()
  app = await house.app({
    client_name: 'An application with a rather long name, as some have',
    redirect_uris: [application.callback],
    post_logout_redirect_uris: [application.goodbye],
  })
})

const to = async (page: Page, path: string): Promise<unknown> =>
  await page.goto(new URL(path, house.server.issuer).href)

const signInOn = async (page: Page, person: Person, password = person.password): Promise<void> => {
  await page.getByLabel('Email or username').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const signIn = async (page: Page, person: Person): Promise<void> => {
  await to(page, '/login')
  await signInOn(page, person)
  await page.waitForURL('**/account')
}

/** How a person comes to each page, by what its heading says then. */
const pages: [string, (page: Page, person: Person) => Promise<unknown>][] = [
  ['Keywright', async (page) => await to(page, '/')],
  ['Sign in', async (page) => await to(page, authorizePath(app))],
  [
    'Sign in',
    async (page, person) => {
      await to(page, authorizePath(app, { login_hint: person.email }))
      await signInOn(page, person, 'a wrong guess')
      await page.getByRole('alert').getByText('That did not match').waitFor()
    },
  ],
  [
    'Sign in',
    async (page, person) => {
      await to(page, authorizePath(app))
      await house.sql`update interactions set expires_at = now() - interval '1 minute'`
      await signInOn(page, person)
      await page.getByRole('alert').getByText('Let’s start again').waitFor()
    },
  ],
  [
    'Sign in',
    async (page, person) => {
      for (let guess = 0; guess < 6; guess += 1) {
        await to(page, '/login')
        await signInOn(page, person, 'a wrong guess')
        await page.getByRole('alert').waitFor()
      }
      await page.getByRole('alert').getByText('Too many attempts').waitFor()
    },
  ],
  [
    'An application with a rather long name, as some have asks for access to your account',
    async (page, person) => {
      await to(page, authorizePath(app, { scope: 'openid profile email roles offline_access' }))
      await signInOn(page, person)
      await page.waitForURL('**/consent?*')
    },
  ],
  [
    'Confirm that it is you',
    async (page, person) => {
      await signIn(page, person)
      await to(page, authorizePath(app, { prompt: 'login' }))
    },
  ],
  [
    'Choose an account',
    async (page, person) => {
      await signIn(page, person)
      await to(page, authorizePath(app, { prompt: 'select_account' }))
    },
  ],
  ['Your account', signIn],
  [
    'Sign out?',
    async (page, person) => {
      await signIn(page, person)
      await to(page, `/oauth/logout?client_id=${app.client_id}`)
    },
  ],
  [
    'You are signed out',
    async (page, person) => {
      await signIn(page, person)
      await page.getByRole('button', { name: 'Sign out everywhere' }).click()
      await page.waitForURL('**/logout')
    },
  ],
  ['The application is unknown', async (page) => await to(page, '/oauth/authorize?client_id=app_nobody')],
  ['There is nothing here', async (page) => await to(page, '/nowhere')],
  ['Create the first administrator', async (page) => await page.goto((await createSetupLink(house.ctx)) ?? '')],
  [
    'Create the first administrator',
    async (page) => {
      await page.goto((await createSetupLink(house.ctx)) ?? '')
      await page.getByLabel('Email').fill('admin@example.com')
      await page.getByLabel('Name', { exact: true }).fill('Ada')
      await page.getByLabel('Password', { exact: true }).fill('password1234')
      await page.getByRole('button', { name: 'Create account' }).click()
      await page.getByRole('alert').waitFor()
    },
  ],
  [
    'You are ready to go',
    async (page) => {
      await page.goto((await createSetupLink(house.ctx)) ?? '')
      await page.getByLabel('Email').fill('admin@example.com')
      await page.getByLabel('Name', { exact: true }).fill('Ada')
      await page.getByLabel('Password', { exact: true }).fill('a quiet stone arch')
      await page.getByRole('button', { name: 'Create account' }).click()
      await page.getByRole('heading', { name: 'You are ready to go' }).waitFor()
    },
  ],
]

describe('a page as it stands there', () => {
  it.each(pages.map(([title, open], index) => [index + 1, title, open] as const))(
    '%i: “%s” is accessible in both themes and fits a phone',
    async (_, title, open) => {
      const person = await house.person({ name: 'Ada Lovelace' })
      const { page, context, complaints } = await visitor(browser, { viewport: { width: 320, height: 640 } })
      await open(page, person)
      expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(title)
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
      await expectAccessible(page)
      await context.close()
      expect(complaints).toEqual([])
    },
  )
})
