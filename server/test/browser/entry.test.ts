/** The way to an account and back to it in a real browser: each page looked at by axe in both themes, nothing to complain about. */
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { isDenial } from '../../src/protocol/errors.ts'
import { invite } from '../../src/signup/invitations.ts'
import { launchBrowser } from '../support/browser.ts'
import { freshAddress, goodPassword } from '../support/entry.ts'
import { authorizePath, type App, type House, openHouse, signIn } from '../support/flow.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'
import { type Application, expectAccessible, openApplication, visitor } from '../support/visit.ts'

let house: House
let browser: Browser
let inbox: TestInbox
let application: Application
let app: App

beforeAll(async () => {
  house = await openHouse()
  browser = await launchBrowser()
  inbox = inboxOf(house.server)
  application = await openApplication()
  app = await house.app({ first_party: true, redirect_uris: [application.callback] })
})

const to = async (page: Page, path: string): Promise<unknown> =>
  await page.goto(new URL(path, house.server.issuer).href)

const press = async (page: Page, name: string): Promise<void> => await page.getByRole('button', { name }).click()

const heading = async (page: Page, text: string): Promise<void> =>
  await page.getByRole('heading', { name: text, level: 1 }).waitFor()

const seen = async (page: Page, text: string): Promise<void> => {
  await heading(page, text)
  await expectAccessible(page)
}

describe('in Chromium', () => {
  it('a newcomer registers on the way into an application, types the code, and is there', async () => {
    const { page, complaints } = await visitor(browser)
    const email = freshAddress()
    await to(page, authorizePath(app))
    await page.getByRole('link', { name: 'Create an account' }).click()
    await seen(page, 'Create an account')
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Name', { exact: true }).fill('Ada Lovelace')
    await page.getByLabel('Password', { exact: true }).fill(goodPassword)
    await press(page, 'Create account')
    await seen(page, 'Confirm your email')
    await page.getByLabel('Code').fill('000000')
    await press(page, 'Confirm')
    await page.getByRole('alert').getByText('That code did not work').waitFor()
    await page.getByLabel('Code').fill((await inbox.letter(email)).code)
    await press(page, 'Confirm')
    await heading(page, 'Back at the application')
    expect(complaints).toEqual([])
  })

  it('the reader of the mail in another browser chooses a password there, without JavaScript', async () => {
    const writer = await visitor(browser)
    const email = freshAddress()
    await to(writer.page, '/register')
    await writer.page.getByLabel('Email').fill(email)
    await writer.page.getByLabel('Name', { exact: true }).fill('Somebody')
    await writer.page.getByLabel('Password', { exact: true }).fill('the stranger knows it')
    await press(writer.page, 'Create account')
    const { link } = await inbox.letter(email)
    const reader = await visitor(browser, { javaScriptEnabled: false })
    await reader.page.goto(link)
    await heading(reader.page, 'Finish your account')
    await reader.page.getByLabel('Password', { exact: true }).fill(goodPassword)
    await press(reader.page, 'Create account')
    await heading(reader.page, 'Your account')
    expect([...writer.complaints, ...reader.complaints]).toEqual([])
  })

  it('a forgotten password: the mail, the link, the new one, and in', async () => {
    const { page, complaints } = await visitor(browser)
    const person = await house.person()
    await to(page, '/login')
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.getByLabel('Email or username').fill(person.email)
    await seen(page, 'Forgot your password?')
    await press(page, 'Send the mail')
    await seen(page, 'Look at your mail')
    await page.goto((await inbox.letter(person.email)).link)
    await seen(page, 'Choose a new password')
    await page.getByLabel('New password').fill('seven loud brass bells')
    await press(page, 'Set the password')
    await seen(page, 'Your password is set')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Email or username').fill(person.email)
    await page.getByLabel('Password', { exact: true }).fill('seven loud brass bells')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await heading(page, 'Your account')
    expect(complaints).toEqual([])
  })

  it('a code by mail signs in, and the link does in another browser', async () => {
    const { page, complaints } = await visitor(browser)
    const person = await house.person()
    await to(page, '/login')
    await page.getByLabel('Email or username').fill(person.email)
    await press(page, 'Email me a code')
    await heading(page, 'Look at your mail')
    const letter = await inbox.letter(person.email)
    await page.getByLabel('Code').fill(letter.code)
    await press(page, 'Sign in')
    await heading(page, 'Your account')
    const other = await visitor(browser)
    await to(other.page, '/login')
    await other.page.getByLabel('Email or username').fill(person.email)
    await press(other.page, 'Email me a code')
    await heading(other.page, 'Look at your mail')
    const third = await visitor(browser)
    await third.page.goto((await inbox.letter(person.email, { kind: 'sign_in', after: letter })).link)
    await seen(third.page, 'Sign in')
    await press(third.page, 'Sign in')
    await heading(third.page, 'Your account')
    expect([...complaints, ...other.complaints, ...third.complaints]).toEqual([])
  })

  it('an invitation, and the button of a warning', async () => {
    const { page, complaints } = await visitor(browser)
    const email = freshAddress()
    const made = await invite(house.ctx, { email, roles: [] })
    if (isDenial(made)) throw new Error(made.error)
    await page.goto((await inbox.letter(email)).link)
    await seen(page, 'Accept the invitation')
    await page.getByLabel('Name', { exact: true }).fill('Ada')
    await page.getByLabel('Password', { exact: true }).fill(goodPassword)
    await press(page, 'Create account')
    await heading(page, 'Your account')
    await house.sql`update devices set created_at = created_at - interval '1 hour'`
    await signIn(house.server.client(), { user_id: '', email, password: goodPassword, name: 'Ada' })
    await page.goto((await inbox.letter(email, { kind: 'new_device' })).link)
    await seen(page, 'This was not you?')
    await press(page, 'It was not me')
    await seen(page, 'Choose a new password')
    expect(complaints).toEqual([])
  })
})
