/**
 * People with a real browser, Chromium, with JavaScript and without: every step of a sign-in, its refusals, and signing
 * out. Whatever the browser complains about (script errors, breaches of the policy) fails the test.
 */
import type { Browser, Page } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSetupLink } from '../../src/operations/setup.ts'
import { launchBrowser } from '../support/browser.ts'
import { type App, type House, openHouse, type Params, type Person, requestOf } from '../support/flow.ts'
import { type Application, openApplication, type Visitor, visitor } from '../support/visit.ts'

let house: House
let browser: Browser
let application: Application
let app: App
let visitors: Visitor[] = []

beforeAll(async () => {
  house = await openHouse()
  browser = await launchBrowser()
  application = await openApplication()
  app = await house.app({
    client_name: 'The Shop',
    redirect_uris: [application.callback],
    post_logout_redirect_uris: [application.goodbye],
  })
})

afterEach(async () => {
  const complaints = visitors.flatMap((one) => one.complaints)
  await Promise.all(visitors.map(async ({ context }) => await context.close()))
  visitors = []
  expect(complaints).toEqual([])
})

describe.each([
  ['with JavaScript', true],
  ['without JavaScript', false],
])('%s', (_, javaScriptEnabled) => {
  const open = async (): Promise<Visitor> => {
    const one = await visitor(browser, { javaScriptEnabled })
    visitors.push(one)
    return one
  }

  const ask = async (page: Page, params: Params = {}): Promise<void> => {
    const url = new URL('/oauth/authorize', house.server.issuer)
    url.search = new URLSearchParams(requestOf(app, params)).toString()
    await page.goto(url.href)
  }

  const heading = async (page: Page): Promise<string> => await page.getByRole('heading', { level: 1 }).innerText()

  const typePassword = async (page: Page, login: string, password: string): Promise<void> => {
    await page.getByLabel('Email or username').fill(login)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }

  const press = async (page: Page, name: string): Promise<void> =>
    await page.getByRole('button', { name, exact: true }).click()

  /** What the application got, once the browser is there. */
  const arrival = async (page: Page): Promise<Application['arrivals'][number]> => {
    await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//)
    expect(await heading(page)).toBe('Back at the application')
    const last = application.arrivals.at(-1)
    if (last === undefined) throw new Error('nothing has reached the application')
    return last
  }

  const expectCode = async (page: Page, method = 'GET'): Promise<void> => {
    expect(await arrival(page)).toEqual({
      method,
      path: '/callback',
      params: {
        code: expect.stringMatching(/^kw_ac_\w+$/) as unknown,
        state: 'state of the app',
        iss: house.server.issuer,
      },
    })
  }

  /** Signs in without any application and lands on the own page. */
  const signIn = async (page: Page, person: Person): Promise<void> => {
    await page.goto(`${house.server.issuer}/login`)
    await typePassword(page, person.email, person.password)
    await page.waitForURL('**/account')
  }

  it('a wrong password, then the right one, consent, and back at the application with a code', async () => {
    const ada = await house.person()
    const { page } = await open()
    await ask(page)
    expect(await heading(page)).toBe('Sign in')
    expect(await page.locator('.lead').innerText()).toContain('The Shop')
    await typePassword(page, ada.email, 'a wrong guess')
    const alert = page.getByRole('alert')
    await alert.waitFor()
    expect(await alert.innerText()).toContain('That did not match')
    // The error has the focus, so that whoever cannot see it hears it (WCAG 2.2, 3.3.1); what was typed is still there.
    await expect.poll(async () => await alert.evaluate((one) => one === document.activeElement)).toBe(true)
    expect(await page.title()).toMatch(/^Error: /)
    expect(await page.getByLabel('Email or username').inputValue()).toBe(ada.email)
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('')
    await typePassword(page, ada.email, ada.password)
    await page.waitForURL('**/consent?*')
    expect(await heading(page)).toBe('The Shop asks for access to your account')
    expect(await page.locator('main').innerText()).toContain(new URL(application.callback).host)
    await press(page, 'Allow')
    await expectCode(page)
    // The second time nobody is asked anything.
    await ask(page)
    await expectCode(page)
  })

  it('denial and the way back are told to the application as access_denied', async () => {
    const ada = await house.person()
    const { page } = await open()
    await ask(page)
    await press(page, 'Back to The Shop')
    const denied = { error: 'access_denied', state: 'state of the app', iss: house.server.issuer }
    expect((await arrival(page)).params).toMatchObject(denied)
    await ask(page)
    await typePassword(page, ada.email, ada.password)
    await press(page, 'Deny')
    const last = await arrival(page)
    expect(last.params).toMatchObject(denied)
    expect(last.params).not.toHaveProperty('code')
    // A denial is not remembered as an answer.
    await ask(page)
    expect(await heading(page)).toContain('asks for access')
  })

  it('two accounts in one browser: the chooser offers both, and the chosen one goes on', async () => {
    const [ada, grace] = [await house.person({ name: 'Ada' }), await house.person({ name: 'Grace' })]
    const { page } = await open()
    await signIn(page, ada)
    await ask(page, { prompt: 'select_account' })
    expect(await heading(page)).toBe('Choose an account')
    await page.getByRole('button', { name: 'Use another account' }).click()
    await page.waitForURL('**/login?*')
    await typePassword(page, grace.email, grace.password)
    await press(page, 'Allow')
    await expectCode(page)
    await ask(page, { prompt: 'select_account' })
    expect(await page.getByRole('listitem').count()).toBe(3)
    await page.getByRole('button', { name: ada.email }).click()
    // Ada has not been asked yet.
    await page.waitForURL('**/consent?*')
    expect(await page.getByRole('group', { name: 'Your account' }).innerText()).toContain(ada.email)
    await press(page, 'Allow')
    await expectCode(page)
  })

  it('signing out here ends this browser; signing out everywhere ends the others too', async () => {
    const ada = await house.person()
    const [first, second] = [await open(), await open()]
    await signIn(first.page, ada)
    await signIn(second.page, ada)
    await first.page.getByRole('link', { name: 'Devices', exact: true }).click()
    expect(
      await first.page.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem').count(),
    ).toBe(2)
    await first.page.getByRole('link', { name: 'Overview' }).click()
    await press(first.page, 'Sign out on this browser')
    await first.page.getByText('Your session on this browser has ended.').waitFor()
    await first.page.goto(`${house.server.issuer}/account`)
    expect(new URL(first.page.url()).pathname).toBe('/login')
    await second.page.reload()
    expect(await heading(second.page)).toBe('Your account')
    await signIn(first.page, ada)
    await press(first.page, 'Sign out everywhere')
    await first.page.getByText('Your sessions have ended on every device').waitFor()
    await second.page.reload()
    expect(new URL(second.page.url()).pathname).toBe('/login')
  })

  it('an application signs out: it asks, the person agrees, and comes back', async () => {
    const ada = await house.person()
    const { page } = await open()
    await signIn(page, ada)
    const params = { client_id: app.client_id, post_logout_redirect_uri: application.goodbye, state: 'bye' }
    await page.goto(`${house.server.issuer}/oauth/logout?${new URLSearchParams(params).toString()}`)
    expect(await heading(page)).toBe('Sign out?')
    await press(page, 'Sign out on this browser')
    expect(await arrival(page)).toEqual({ method: 'GET', path: '/goodbye', params: { state: 'bye' } })
    await page.goto(`${house.server.issuer}/account`)
    expect(new URL(page.url()).pathname).toBe('/login')
  })

  it('form_post: the answer reaches the application as a form, under the policy of the page', async () => {
    const ada = await house.person()
    const { page } = await open()
    await ask(page, { response_mode: 'form_post' })
    await typePassword(page, ada.email, ada.password)
    await press(page, 'Allow')
    // Without JavaScript nothing sends itself: the person does.
    if (!javaScriptEnabled) await press(page, 'Continue')
    await expectCode(page, 'POST')
  })

  it('a page that was open for too long starts again and still leads back to the application', async () => {
    const ada = await house.person()
    const { page } = await open()
    await ask(page)
    const old = new URL(page.url()).searchParams.get('interaction')
    await house.sql`update interactions set expires_at = now() - interval '1 minute' where id = ${old}`
    await typePassword(page, ada.email, ada.password)
    await page.getByRole('alert').getByText('Let’s start again').waitFor()
    expect(new URL(page.url()).searchParams.get('interaction')).not.toBe(old)
    await typePassword(page, ada.email, ada.password)
    await press(page, 'Allow')
    await expectCode(page)
  })

  it('the back button after the end shows what to do instead of doing it twice', async () => {
    const ada = await house.person()
    const { page } = await open()
    await ask(page)
    await typePassword(page, ada.email, ada.password)
    await press(page, 'Allow')
    await expectCode(page)
    const before = application.arrivals.length
    await page.goBack()
    await page.reload()
    expect(await page.locator('main').innerText()).toContain('Go back to the application and start again.')
    expect(application.arrivals).toHaveLength(before)
  })

  it('two tabs at once: each comes back with its own state', async () => {
    const ada = await house.person()
    const one = await open()
    const other = await one.tab()
    await ask(one.page, { state: 'first tab' })
    await ask(other, { state: 'second tab' })
    await typePassword(one.page, ada.email, ada.password)
    await press(one.page, 'Allow')
    expect((await arrival(one.page)).params['state']).toBe('first tab')
    // The person signed in next door meanwhile; this page's form still does what it says.
    await typePassword(other, ada.email, ada.password)
    expect((await arrival(other)).params['state']).toBe('second tab')
  })

  it('the setup page: what is wrong is said, then the first administrator is made and signs in', async () => {
    await house.sql`delete from user_roles`
    const link = await createSetupLink(house.ctx)
    const { page } = await open()
    const email = `admin-${javaScriptEnabled ? 1 : 2}@example.com`
    await page.goto(link ?? '')
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Name', { exact: true }).fill('Ada')
    // Long enough for the form, on the list of what everybody tries.
    await page.getByLabel('Password', { exact: true }).fill('password1234')
    await press(page, 'Create account')
    const alert = page.getByRole('alert')
    expect(await alert.innerText()).toContain('This password is too easy to guess.')
    await expect.poll(async () => await alert.evaluate((one) => one === document.activeElement)).toBe(true)
    expect(await page.getByLabel('Email').inputValue()).toBe(email)
    await page.getByLabel('Password', { exact: true }).fill('a quiet stone arch')
    await press(page, 'Create account')
    await page.getByRole('heading', { name: 'You are ready to go' }).waitFor()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await typePassword(page, email, 'a quiet stone arch')
    await page.waitForURL('**/account')
    await page.goto(link ?? '')
    expect(await heading(page)).toBe('This link no longer works')
  })
})
