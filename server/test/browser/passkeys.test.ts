/**
 * Passkeys in a real browser, Chromium, with authenticators of its own: adding, signing in with the button and from the list
 * of the login field, as a fresh proof, several of them, with and without a verified user (security rules PK-1, PK-2, LI-4).
 */
import type { Browser, Page, Route } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Kind, plugIn, type Plugged } from '../support/authenticator.ts'
import { launchBrowser } from '../support/browser.ts'
import { type App, authorizePath, type House, openHouse, payloadOf, type Person, redeem } from '../support/flow.ts'
import { type Application, expectAccessible, openApplication, type Visitor, visitor } from '../support/visit.ts'
import { eventTypes } from '../support/written.ts'

let house: House
let browser: Browser
let application: Application
let app: App
let visitors: Visitor[] = []

beforeAll(async () => {
  house = await openHouse()
  browser = await launchBrowser()
  application = await openApplication()
  app = await house.app({ client_name: 'The Shop', first_party: true, redirect_uris: [application.callback] })
})

afterEach(async () => {
  const complaints = visitors.flatMap((one) => one.complaints)
  await Promise.all(visitors.map(async ({ context }) => await context.close()))
  visitors = []
  expect(complaints).toEqual([])
})

const open = async (): Promise<Page> => {
  const one = await visitor(browser)
  visitors.push(one)
  return one.page
}

const to = async (page: Page, path: string): Promise<unknown> =>
  await page.goto(new URL(path, house.server.issuer).href)

const press = async (page: Page, name: string): Promise<void> =>
  await page.getByRole('button', { name, exact: true }).click()

const arrive = async (page: Page, path: string): Promise<void> => await page.waitForURL((url) => url.pathname === path)

const signIn = async (page: Page, person: Person): Promise<void> => {
  await to(page, '/login')
  await page.getByLabel('Email or username').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await press(page, 'Sign in')
  await arrive(page, '/account')
}

const signOut = async (page: Page): Promise<void> => {
  await to(page, '/account')
  await press(page, 'Sign out on this browser')
  await page.getByText('Your session on this browser has ended.').waitFor()
}

const add = async (page: Page): Promise<void> => {
  await to(page, '/account/passkeys')
  await press(page, 'Add a passkey')
  await page.getByRole('alert').getByText('The passkey was added').waitFor()
}

/** Somebody with a browser, an authenticator and a passkey in it, signed out. */
const owner = async (kind: Kind = {}): Promise<{ person: Person; page: Page; authenticator: Plugged }> => {
  const person = await house.person()
  const page = await open()
  const authenticator = await plugIn(page, kind)
  await signIn(page, person)
  await add(page)
  await signOut(page)
  // Nobody sits there: otherwise the list of the login field would be answered before anything else is done.
  await authenticator.attended(false)
  return { person, page, authenticator }
}

/** Presses the button, and is there to say yes from then on: before, the list of the login field would be answered. */
const withPasskey = async (page: Page, authenticator: Plugged, button = 'Sign in with a passkey'): Promise<void> => {
  const sitDown = async (route: Route): Promise<void> => {
    await authenticator.attended(true)
    await route.continue()
  }
  await page.getByRole('button', { name: button }).waitFor()
  await page.waitForLoadState('networkidle')
  await page.route('**/passkey/options', sitDown, { times: 1 })
  await press(page, button)
}

/** The same, once: what comes next would be answered too. */
const tryPasskey = async (page: Page, authenticator: Plugged): Promise<void> => {
  const sent = page.waitForRequest('**/login/passkey')
  await withPasskey(page, authenticator)
  await sent
  await authenticator.attended(false)
}

const sessionsOf = async (person: Person): Promise<readonly unknown[]> =>
  await house.sql`select acr, amr from sessions where user_id = ${person.user_id} and ended_at is null`

describe('a person with passkeys', () => {
  it('adds one, signs in with the button, and the session is of the highest level', async () => {
    const { person, page, authenticator } = await owner({ synced: true })
    expect(await authenticator.credentials()).toMatchObject([{ isResidentCredential: true }])
    await to(page, '/login')
    await withPasskey(page, authenticator)
    await arrive(page, '/account')
    expect(await sessionsOf(person)).toEqual([{ acr: 'phr', amr: ['swk', 'user', 'mfa'] }])
    expect(await eventTypes(house.sql, { user_id: person.user_id })).toEqual([
      'login.succeeded',
      'passkey.added',
      'session.ended',
      'login.succeeded',
    ])
    await to(page, '/account/passkeys')
    expect(await page.getByRole('listitem').filter({ hasText: 'Chrome' }).innerText()).toMatch(/Synced[\s\S]*Last used/)
  })

  it('signs in from the list of the login field', async () => {
    const { person, page, authenticator } = await owner()
    await authenticator.attended(true)
    await to(page, '/login')
    await arrive(page, '/account')
    expect(await sessionsOf(person)).toEqual([{ acr: 'phr', amr: ['hwk', 'user', 'mfa'] }])
  })

  it('comes back to the application, whose ID token tells the truth', async () => {
    const { page, authenticator } = await owner()
    await to(page, authorizePath(app, { acr_values: 'phr' }))
    await withPasskey(page, authenticator)
    await page.getByRole('heading', { name: 'Back at the application' }).waitFor()
    const code = application.arrivals.at(-1)?.params['code'] ?? ''
    const { id_token } = (await redeem(house.server.client(), app, code)).json<{ id_token: string }>()
    expect(payloadOf(id_token)).toMatchObject({ acr: 'phr', amr: ['hwk', 'user', 'mfa'] })
  })

  it('with an old key, which keeps nothing and asks nobody who they are, it is one factor', async () => {
    const person = await house.person()
    const page = await open()
    await plugIn(page, { transport: 'usb', hasResidentKey: false, hasUserVerification: false })
    await signIn(page, person)
    await add(page)
    await page.getByText('Works after your password').waitFor()
    await to(page, '/login?again=1&return_to=/account/passkeys')
    await press(page, 'Confirm with a passkey')
    await arrive(page, '/account/passkeys')
    expect(await sessionsOf(person)).toEqual([{ acr: 'aal1', amr: ['hwk', 'user'] }])
  })

  it('proves afresh with it that it is them, and goes where they were going', async () => {
    const { person, page, authenticator } = await owner()
    await signIn(page, person)
    await to(page, '/login?again=1&return_to=/account/passkeys')
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Confirm that it is you')
    await withPasskey(page, authenticator, 'Confirm with a passkey')
    await arrive(page, '/account/passkeys')
    expect(await sessionsOf(person)).toEqual([{ acr: 'phr', amr: ['hwk', 'user', 'mfa'] }])
  })

  it('confirms with one what the password began: an old key will do', async () => {
    const person = await house.person()
    const page = await open()
    await plugIn(page, { transport: 'usb', hasResidentKey: false, hasUserVerification: false })
    await signIn(page, person)
    await add(page)
    await signOut(page)
    await to(page, authorizePath(app, { acr_values: 'phr' }))
    await page.getByLabel('Email or username').fill(person.email)
    await page.getByLabel('Password', { exact: true }).fill(person.password)
    await press(page, 'Sign in')
    await page.waitForURL('**/factor?*')
    await press(page, 'Use your passkey')
    await page.getByRole('heading', { name: 'Back at the application' }).waitFor()
    const code = application.arrivals.at(-1)?.params['code'] ?? ''
    const { id_token } = (await redeem(house.server.client(), app, code)).json<{ id_token: string }>()
    expect(payloadOf(id_token)).toMatchObject({ acr: 'phr', amr: ['pwd', 'hwk', 'user', 'mfa'] })
  })

  it('who says no, or has none here, is told so and goes on with the password', async () => {
    const person = await house.person()
    const page = await open()
    await plugIn(page)
    await to(page, '/login')
    await press(page, 'Sign in with a passkey')
    await page.getByRole('status').getByText('No passkey was used.').waitFor()
    await expectAccessible(page)
    await page.getByLabel('Email or username').fill(person.email)
    await page.getByLabel('Password', { exact: true }).fill(person.password)
    await press(page, 'Sign in')
    await arrive(page, '/account')
  })

  it('whose account is disabled is refused like any other', async () => {
    const { person, page, authenticator } = await owner()
    await house.sql`update users set status = 'disabled' where id = ${person.user_id}`
    await to(page, '/login')
    await tryPasskey(page, authenticator)
    const alert = page.getByRole('alert')
    await alert.getByText('That passkey did not work').waitFor()
    await expect.poll(async () => await alert.evaluate((one) => one === document.activeElement)).toBe(true)
    await expectAccessible(page)
    expect(await sessionsOf(person)).toEqual([])
  })
})

describe('the page of passkeys', () => {
  it('keeps several, and names them', async () => {
    const person = await house.person()
    const page = await open()
    await signIn(page, person)
    const first = await plugIn(page)
    await add(page)
    // The same authenticator twice: the browser says so, and nothing is sent.
    await press(page, 'Add a passkey')
    await page.getByRole('status').getByText('This device has a passkey').waitFor()
    await first.unplug()
    await plugIn(page, { transport: 'usb', hasResidentKey: false, hasUserVerification: false })
    await add(page)
    const items = page.getByRole('region', { name: 'Your passkeys' }).getByRole('listitem')
    expect(await items.count()).toBe(2)
    await items.nth(1).getByText('Change').click()
    await items.nth(1).getByLabel('Name').fill('Blue <key>')
    await press(page, 'Save name')
    await page.getByRole('alert').getByText('The passkey has its new name').waitFor()
    expect(await items.nth(1).innerText()).toContain('Blue <key>')
  })

  it('removes one, which then signs nobody in', async () => {
    const { person, page, authenticator } = await owner()
    await signIn(page, person)
    await to(page, '/account/passkeys')
    await page.getByText('Change', { exact: true }).click()
    await page.getByRole('button', { name: 'Remove: ' }).click()
    await page.getByRole('alert').getByText('The passkey was removed').waitFor()
    await page.getByText('You have no passkey yet.').waitFor()
    await signOut(page)
    await to(page, '/login')
    await tryPasskey(page, authenticator)
    await page.getByRole('alert').getByText('That passkey did not work').waitFor()
    expect(await sessionsOf(person)).toEqual([])
  })

  it('LI-4: asks for a fresh proof before the browser is asked for anything', async () => {
    const person = await house.person()
    const page = await open()
    const authenticator = await plugIn(page)
    await signIn(page, person)
    await house.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${person.user_id}`
    // Copies of sessions are at most a second old.
    await page.waitForTimeout(1100)
    await to(page, '/account/passkeys')
    await press(page, 'Add a passkey')
    await page.waitForURL('**/login?again=1*')
    expect(await authenticator.credentials()).toEqual([])
    // The browser reports the refusal of the options.
    for (const { complaints } of visitors) complaints.splice(0)
    await page.getByLabel('Password', { exact: true }).fill(person.password)
    await press(page, 'Confirm')
    await arrive(page, '/account/passkeys')
    await add(page)
  })

  it('is accessible with everything open', async () => {
    const { person, page } = await owner()
    await signIn(page, person)
    await to(page, '/account/passkeys')
    await page.getByText('Change').click()
    await expectAccessible(page)
  })

  it('says without JavaScript what is missing, and everything else works', async () => {
    const person = await house.person()
    const one = await visitor(browser, { javaScriptEnabled: false })
    visitors.push(one)
    await signIn(one.page, person)
    await to(one.page, '/account/passkeys')
    await one.page.getByText('This browser cannot make passkeys here').waitFor()
    expect(await one.page.getByRole('button', { name: 'Add a passkey' }).count()).toBe(0)
  })
})
