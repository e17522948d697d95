import { expect, describe, test } from 'vitest'
import { sampleCases, serveSamples, violations } from '../../test/support/sample-pages.ts'

const attack = `"'><script>alert(1)</script><img src=x onerror=alert(2)>`
const { open, origin, person, posts, read } = serveSamples()

describe('every page, every branch', () => {
  test.each(sampleCases)(
    '$page $index: axe is content in both themes, nothing breaks the policy, 320 pixels are enough',
    async ({ page: name, index }) => {
      const { page, complaints } = await read('en-GB', `/${name}/${index}`)
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
      expect(await violations(page)).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await violations(page, 'colours')).toEqual([])
      expect(complaints).toEqual([])
    },
  )
})

describe('sign-in', () => {
  test('by keyboard alone, in the order of the page', async () => {
    const context = await person()
    const { page } = await open(context, '/login/0')
    const focused = () =>
      page.evaluate(
        () => document.activeElement?.getAttribute('name') ?? document.activeElement?.getAttribute('aria-label'),
      )
    const visited = [await focused()]
    for (let step = 0; step < 3; step++) {
      await page.keyboard.press('Tab')
      visited.push(await focused())
    }
    expect(visited).toEqual(['login', 'password', 'Show password', null])
    await page.fill('#login', 'ada@example.com')
    await page.fill('#password', 'correct horse')
    posts.length = 0
    await page.press('#password', 'Enter')
    await expect.poll(() => posts).toHaveLength(1)
    expect(Object.fromEntries(new URLSearchParams(posts[0]?.body))).toEqual({
      csrf: 'sample-csrf-Zk3v9Q',
      interaction: 'sample-interaction-7Yw2',
      login: 'ada@example.com',
      password: 'correct horse',
    })
    await context.close()
  })

  test('after an error the focus is on the message, and the fields point to it', async () => {
    const context = await person()
    const { page } = await open(context, '/login/2')
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('alert')
    expect(await page.title()).toMatch(/^Error: /)
    for (const field of ['#login', '#password']) {
      expect(await page.getAttribute(field, 'aria-invalid')).toBe('true')
      expect(await page.getAttribute(field, 'aria-describedby')).toBe('alert')
    }
    await context.close()
  })

  test('the password can be shown, and is hidden again when it is sent', async () => {
    const context = await person()
    const { page } = await open(context, '/login/0')
    await page.fill('#login', 'ada')
    await page.fill('#password', 'secret')
    await page.click('[aria-label="Show password"]')
    expect(await page.getAttribute('#password', 'type')).toBe('text')
    posts.length = 0
    await page.click('button:has-text("Sign in")')
    expect(await page.getAttribute('#password', 'type')).toBe('password')
    await expect.poll(() => posts).toHaveLength(1)
    await context.close()
  })

  test('pressing twice sends once', async () => {
    const context = await person()
    const { page } = await open(context, '/login/0', { login_hint: 'ada' })
    await page.fill('#password', 'secret')
    posts.length = 0
    // The second press comes when the first request is already under way.
    await page.locator('button:has-text("Sign in")').dispatchEvent('click')
    await expect.poll(() => posts).toHaveLength(1)
    await page.locator('button:has-text("Sign in")').dispatchEvent('click')
    await page.waitForTimeout(200)
    expect(posts).toHaveLength(1)
    await context.close()
  })

  test('without JavaScript: no dead button is shown, the form and the way back work', async () => {
    const context = await person({ javaScriptEnabled: false })
    const { page } = await open(context, '/login/0')
    expect(await page.locator('[data-theme-switch], [data-reveal]').filter({ visible: true }).count()).toBe(0)
    posts.length = 0
    await page.click('button[name=cancel]')
    await expect.poll(() => posts).toHaveLength(1)
    expect(new URLSearchParams(posts[0]?.body).get('cancel')).toBe('1')
    await context.close()
  })
})

test('the dark switch is remembered and gives way to the system again', async () => {
  const context = await person({ colorScheme: 'light' })
  const { page } = await open(context, '/home/0')
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  const light = await ground()
  await page.click('[aria-label="Use the dark theme"]')
  const dark = await ground()
  expect(dark).not.toBe(light)
  await page.reload()
  expect(await ground()).toBe(dark)
  await page.click('[aria-label="Use the light theme"]')
  expect(await ground()).toBe(light)
  expect(await page.evaluate(() => localStorage.getItem('kw_theme'))).toBeNull()
  await context.close()
})

test('the reference of an error can be copied', async () => {
  const context = await person({ permissions: ['clipboard-read', 'clipboard-write'] })
  const { page } = await open(context, '/error/0')
  await page.click('button:has-text("Copy")')
  await page.waitForSelector('button:has-text("Copied")')
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('err_8Hq2mWzT4cVb')
  await context.close()
})

describe('form_post', () => {
  const fields = { code: 'c"<>', state: attack, submit: 'a field may be called submit' }

  test('sends itself under the policy, with every value intact', async () => {
    const context = await person()
    posts.length = 0
    const { page, complaints } = await open(context, '/form-post/0', { action: `${origin()}/callback`, fields })
    await expect.poll(() => posts).toHaveLength(1)
    expect(Object.fromEntries(new URLSearchParams(posts[0]?.body))).toEqual(fields)
    expect(complaints).toEqual([])
    await page.close()
    await context.close()
  })

  test('without JavaScript the button sends it', async () => {
    const context = await person({ javaScriptEnabled: false })
    posts.length = 0
    const { page } = await open(context, '/form-post/0', { action: `${origin()}/callback`, fields })
    expect(posts).toEqual([])
    await page.click('button:has-text("Continue")')
    await expect.poll(() => posts).toHaveLength(1)
    expect(new URLSearchParams(posts[0]?.body).get('state')).toBe(attack)
    await context.close()
  })
})

test('G-8: hostile values run no script, whatever the policy would stop', async () => {
  const context = await person({ bypassCSP: true })
  const { page, complaints } = await open(context, '/error/0', {
    error: attack,
    error_description: attack,
    error_id: attack,
    request_id: attack,
    back: { href: '/', label: { key: 'page.back_to_client', params: { client: attack } } },
  })
  expect(await page.textContent('.lead')).toBe(attack)
  expect(await page.textContent('#reference')).toBe(attack)
  expect(complaints).toEqual([])
  await context.close()
})
