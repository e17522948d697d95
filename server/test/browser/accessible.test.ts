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
  house = await openHouse({ env: { KEYWRIGHT_THROTTLE_FREE: '1' } })
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
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

const signIn = async (page: Page, person: Person): Promise<void> => {
  await to(page, '/login')
  await signInOn(page, person)
  await page.waitForURL('**/account')
}

/** Each page, what its heading says, and how a person comes to it. */
const pages: [string, string, (page: Page, person: Person) => Promise<unknown>][] = [
  ['the front door', 'Keywright', async (page) => await to(page, '/')],
  ['sign-in', 'Sign in', async (page) => await to(page, authorizePath(app))],
  [
    'sign-in after a wrong password',
    'Sign in',
    async (page, person) => {
      await to(page, authorizePath(app, { login_hint: person.email }))
      await signInOn(page, person, 'a wrong guess')
      await page.getByRole('alert').getByText('That did not match').waitFor()
    },
  ],
  [
    'sign-in that began anew',
    'Sign in',
    async (page, person) => {
      await to(page, authorizePath(app))
      await house.sql`update interactions set expires_at = now() - interval '1 minute'`
      await signInOn(page, person)
      await page.getByRole('alert').getByText('Let’s start again').waitFor()
    },
  ],
  [
    'sign-in after too many attempts',
    'Sign in',
    async (page, person) => {
      for (let guess = 0; guess < 2; guess += 1) {
        await to(page, '/login')
        await signInOn(page, person, 'a wrong guess')
        await page.getByRole('alert').waitFor()
      }
      await page.getByRole('alert').getByText('Too many attempts').waitFor()
    },
  ],
  [
    'consent',
    'An application with a rather long name, as some have asks for access to your account',
    async (page, person) => {
      await to(page, authorizePath(app, { scope: 'openid profile email roles offline_access' }))
      await signInOn(page, person)
      await page.waitForURL('**/consent?*')
    },
  ],
  [
    'a fresh proof',
    'Confirm that it is you',
    async (page, person) => {
      await signIn(page, person)
      await to(page, authorizePath(app, { prompt: 'login' }))
    },
  ],
  [
    'the account chooser',
    'Choose an account',
    async (page, person) => {
      await signIn(page, person)
      await to(page, authorizePath(app, { prompt: 'select_account' }))
    },
  ],
  [
    'the own page',
    'Your account',
    async (page, person) => {
      await signIn(page, person)
      await to(page, authorizePath(app))
      await page.getByRole('button', { name: 'Allow' }).click()
      await page.getByRole('heading', { name: 'Back at the application' }).waitFor()
      await to(page, '/account')
    },
  ],
  [
    'signing out',
    'Sign out?',
    async (page, person) => {
      await signIn(page, person)
      await to(page, `/oauth/logout?client_id=${app.client_id}`)
    },
  ],
  [
    'signed out',
    'You are signed out',
    async (page, person) => {
      await signIn(page, person)
      await page.getByRole('button', { name: 'Sign out everywhere' }).click()
      await page.waitForURL('**/logout')
    },
  ],
  [
    'an unknown application',
    'The application is unknown',
    async (page) => await to(page, '/oauth/authorize?client_id=app_nobody'),
  ],
  ['an unknown address', 'There is nothing here', async (page) => await to(page, '/nowhere')],
  [
    'setup',
    'Create the first administrator',
    async (page) => await page.goto((await createSetupLink(house.ctx)) ?? ''),
  ],
  [
    'setup with a mistake',
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
    'setup done',
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
  it.each(pages)('%s (“%s”): accessible in both themes, fits a phone, no complaint', async (_, title, open) => {
    const person = await house.person({ name: 'Ada Lovelace' })
    const { page, context, complaints } = await visitor(browser, { viewport: { width: 320, height: 640 } })
    await open(page, person)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(title)
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    await expectAccessible(page)
    await context.close()
    expect(complaints).toEqual([])
  })
})
