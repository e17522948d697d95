import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import en from './messages/en.json' with { type: 'json' }
import { createPages, type PageData, type PageName } from './render.ts'
import { sampleFrame, samples } from './samples.ts'

const pages = createPages({ name: 'Keywright', color: '#3b5bdb', issuer_path: '' })
const names = Object.keys(samples) as PageName[]
const cases = names.flatMap((page) => samples[page].map((data, index) => ({ page, index, data })))
const draw = (page: PageName, data: unknown, by = pages) => by.html(page, data as never, sampleFrame)

// Names of values that choose a wording or a branch: our own, never a stranger's.
const ours = new Set([
  'key',
  'title_key',
  'what_to_do',
  'channel',
  'section',
  'done',
  'kind',
  'about',
  'locale',
  'zoneinfo',
  'zones',
  'state',
  'proof',
])
const addresses = new Set([
  'back',
  'email_code',
  'recover',
  'register',
  'resend',
  'action',
  'href',
  'login_href',
  'sign_in',
  'continue_uri',
  'client_uri',
  'policy_uri',
  'tos_uri',
  'select_account',
  'logout',
  'html_href',
  'link',
  'reload',
  'end',
  'withdraw',
  'request',
  'download',
  'forget',
  'prove',
  'older',
  'all_events',
  'rename',
  'make',
  'remove',
  'again',
  'change',
  'continue_href',
  'download',
  'new_codes',
])
const payload = `x"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;@<%= 1 %>{{name}}\${1}`
const hostileAddress = `https://evil.example/"'><svg/onload=alert(3)>`

/** The same data with every string replaced by an attack; addresses stay addresses. */
const hostile = (value: unknown, page: PageName, key = ''): unknown => {
  if (Array.isArray(value)) return value.map((item) => hostile(item, page, key))
  if (value instanceof Date) return value
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hostile(inner, page, name)]))
  if (typeof value !== 'string' || ours.has(key) || (page !== 'error' && key === 'error')) return value
  return addresses.has(key) ? hostileAddress : payload
}

/** Tags with the names of their attributes, in order: what the browser would build, without any value. */
const skeleton = (html: string) =>
  [...html.matchAll(/<\/?[a-zA-Z!][^>]*>/g)].map(([tag]) => tag.replaceAll(/"[^"]*"/g, '""').replaceAll(/\s+/g, ' '))

describe('every page, every branch', () => {
  test.each(cases)('$page $index: complete, small, and allowed by the Content-Security-Policy', ({ page, data }) => {
    const html = draw(page, data)
    expect(html).toMatch(/^<!doctype html>\n<html lang="en" dir="ltr">/)
    expect(html).not.toMatch(/undefined|\[object|NaN|<%|\{\{/)
    expect(Buffer.byteLength(html)).toBeLessThanOrEqual(15 * 1024)
    expect(html).not.toMatch(/\s(?:style|on[a-z]+)=/)
    for (const [script] of html.matchAll(/<script[^>]*>/g)) expect(script).toContain(`nonce="${sampleFrame.nonce}"`)
    expect(html.match(/<h1/g)).toHaveLength(1)
    expect(html.match(/\sautofocus/g)?.length ?? 0).toBeLessThanOrEqual(1)
  })

  test.each(cases)('G-8 $page $index: hostile data changes no tag and no attribute', ({ page, data }) => {
    const attacked = createPages({ name: payload, color: '#3b5bdb', issuer_path: '' })
    const bad = hostile(data, page)
    const html = draw(page, bad, attacked)
    expect(skeleton(html)).toEqual(skeleton(draw(page, data)))
    expect(html).not.toContain('<script>alert')
    expect(html).not.toContain('<img src=x')
    expect(html).not.toContain('<svg/onload')
    expect(html).toContain('&lt;script&gt;alert(1)')
  })

  test('no message and no parameter is missing', () => {
    const fresh = createPages({ name: 'Keywright', color: '#3b5bdb', issuer_path: '' })
    for (const { page, data } of cases) draw(page, data, fresh)
    expect(fresh.problems()).toEqual([])
  })

  test.each(cases)('$page $index: every file it loads is one of ours', ({ page, data }) => {
    const files = [...draw(page, data).matchAll(/(?:(?<!<iframe[^>]*)src|<link rel="[a-z]+" href)="([^"]*)"/g)].map(
      ([, file]) => file ?? '',
    )
    expect(files.length).toBeGreaterThanOrEqual(4)
    expect(files.filter((file) => pages.asset(file.replace('/assets/', '')) === undefined)).toEqual([])
  })

  test.each(cases.filter(({ data }) => 'csrf' in data))(
    'AZ-13 $page $index: every form of ours carries the csrf value',
    ({ page, data }) => {
      const forms = [...draw(page, data).matchAll(/<form method="post"[\s\S]*?<\/form>/g)]
      // A person's own pages carry one for the forms that some of them have at times.
      expect('nav' in data || forms.length > 0).toBe(true)
      for (const [form] of forms) expect(form).toContain(`name="csrf" value="${'csrf' in data ? data.csrf : ''}"`)
    },
  )
})

describe('foreign addresses', () => {
  const script = ['javascript', 'alert(1)'].join(':')
  const consent = samples.consent[0] as PageData['consent']
  const failed = samples.error[0] as PageData['error']

  test('an address that runs script becomes no link', () => {
    const client = { ...consent.client, client_uri: script, policy_uri: 'data:text/html,1', tos_uri: '//evil.example' }
    for (const html of [
      draw('consent', { ...consent, client }),
      draw('logged-out', { continue_uri: script, everywhere: false }),
      draw('error', { ...failed, back: { href: script, label: { key: 'page.back' } } }),
      draw('login', { action: '/login', csrf: 'c', select_account: script }),
      draw('home', { ...samples.home[0], links: [{ href: script, label: { key: 'home.keys' } }] }),
    ])
      expect(html).not.toMatch(/javascript:|data:text|\/\/evil/)
  })

  test('a form never posts to one', () => {
    expect(() => draw('form-post', { action: script, fields: {} })).toThrow(TypeError)
    expect(() => draw('login', { action: '//evil.example', csrf: 'c' })).toThrow(TypeError)
  })

  test('AZ-13: consent names the application, the host of the answer, the scopes and the person, and loads no foreign logo', () => {
    const logo_uri = 'https://tracker.example/logo.png'
    const html = draw('consent', { ...consent, client: { ...consent.client, logo_uri } })
    for (const text of [
      'Acme Analytics',
      'analytics.example.com',
      'See your profile',
      'Stay connected',
      'reports:read',
      'Ada Lovelace',
      'ada@',
    ])
      expect(html).toContain(text)
    for (const decision of ['allow', 'deny', 'switch']) expect(html).toContain(`name="decision" value="${decision}"`)
    expect(html).not.toContain('tracker.example')
    expect(html).not.toContain('on this device')
  })

  test('AZ-13: a program on this device is called one', () => {
    const html = draw('consent', samples.consent[1])
    for (const text of [
      'This is a program on this device',
      'Allow it only if you have just started it.',
      '<bdi>127.0.0.1</bdi> on this device',
    ])
      expect(html).toContain(text)
  })

  test('AZ-13: consent names every resource as text, with and without scopes', () => {
    const resources = ['https://api.example/<b>', script].map((resource) => ({
      resource,
      is_new: false,
    }))
    for (const scopes of [consent.scopes, []]) {
      const html = draw('consent', { ...consent, scopes, resources })
      for (const text of [
        '<bdi>https://<wbr>api.example/<wbr>&lt;b&gt;</bdi>',
        '<bdi><wbr>javascript:alert(1)<wbr></bdi>',
      ])
        expect(html).toContain(text)
      expect(html).not.toContain('href="javascript:')
      expect(html).not.toContain('only learns that you have an account')
    }
  })
})

describe('wording', () => {
  const folder = new URL('./templates/', import.meta.url)
  const templates = readdirSync(folder)
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n')
  const keysIn = (text: string) => [...text.matchAll(/'((?:[a-z_]+\.)+[a-z_]+)'/g)].map(([, key]) => key ?? '')
  const source = fileURLToPath(new URL('../', import.meta.url))
  const slices = globSync('**/*.ts', { cwd: source })
    .filter((file) => !/\.test\.ts$|samples\.ts$/.test(file))
    .map((file) => readFileSync(join(source, file), 'utf8'))
    .join('\n')
  // Put together with a code, that of a refusal, a status, a scope; or chosen by data that samples alone show.
  const prefixes = [...`${templates}${slices}`.matchAll(/`((?:[a-z_]+\.)+)\$\{/g)].map(([, prefix]) => prefix ?? '')
  const isChosen = (key: string) =>
    ['error.do.', 'setup.error.', 'problem.', ...prefixes].some((prefix) => key.startsWith(prefix))
  test('every sentence of a refusal in the catalogue is one that a refusal has', () => {
    const known = Object.entries(en).filter(([key]) => /^problem\.(?!title\.)/.test(key))
    expect(known.filter(([, sentence]) => !slices.includes(`'${sentence}'`))).toEqual([])
  })

  const withoutPlural = (key: string) => key.replace(/_(one|other)$/, '')

  test('every key in a template exists, and every message is used', () => {
    const written = new Set(keysIn(templates))
    expect(written.size).toBeGreaterThan(80)
    const known = new Set(Object.keys(en).flatMap((key) => [key, withoutPlural(key)]))
    expect([...written].filter((key) => !known.has(key))).toEqual([])
    const used = new Set([...written, ...keysIn(slices)])
    const isUsed = (key: string) => used.has(key) || used.has(withoutPlural(key)) || isChosen(key)
    expect(Object.keys(en).filter((key) => !isUsed(key))).toEqual([])
  })

  test('nothing but the layout’s body, a part, or a message helper is written raw', () => {
    const raw = [...templates.matchAll(/<%~\s*([\s\S]*?)\s*%>/g)].map(([, code]) => code ?? '')
    expect(raw.length).toBeGreaterThan(40)
    expect(raw.filter((code) => !/^(include\('_|it\.body$|it\.reference\(|it\.rich\(|it\.timed\()/.test(code))).toEqual(
      [],
    )
  })
})

test('the error page finds a title by key, by code, by status, or says something general', () => {
  const error = { request_id: 'r', what_to_do: 'error.do.restart' }
  const title = (data: object) => /<h1>(.*)<\/h1>/.exec(draw('error', { ...error, ...data }))?.[1]
  expect(title({ status: 400, error: 'invalid_request', title_key: 'error.title.csrf' })).toBe(en['error.title.csrf'])
  expect(title({ status: 400, error: 'invalid_client' })).toBe(en['error.title.invalid_client'])
  expect(title({ status: 404, error: 'x' })).toBe(en['error.title.not_found'])
  expect(title({ status: 400, error: 'x' })).toBe(en['error.title.other'])
})

test('an unknown address is said once, and every error that signing in mends offers it', () => {
  const [unknown, spent] = [samples.error[3], samples.error[4]]
  expect(draw('error', unknown)).not.toContain('There is nothing at this address.')
  expect(draw('error', spent)).toContain('href="/login">Sign in</a>')
})

test('signed out without a way on: the start page', () => {
  expect(draw('logged-out', samples['logged-out'][2])).toContain('href="/">Go to the start page</a>')
})

test('assets: immutable names, types, nothing for other names, and small', () => {
  const html = draw('login', samples.login[0])
  const [css, js] = [/pages\.[0-9a-f]{12}\.css/, /pages\.[0-9a-f]{12}\.js/].map((name) =>
    pages.asset(name.exec(html)?.[0] ?? ''),
  )
  expect(css?.content_type).toBe('text/css; charset=utf-8')
  expect(js?.content_type).toBe('text/javascript; charset=utf-8')
  expect(css?.etag).toMatch(/^"[0-9a-f]{12}"$/)
  expect((css?.bytes.length ?? 0) + (js?.bytes.length ?? 0)).toBeLessThan(24 * 1024)
  for (const name of ['', '__proto__', '../render.ts', 'pages.css']) expect(pages.asset(name)).toBeUndefined()
})

test('an issuer with a path: links of ours stay below it', () => {
  const below = createPages({ name: 'Acme', color: '#3b5bdb', issuer_path: '/auth' })
  const html = below.html('home', samples.home[0] as PageData['home'], { ...sampleFrame, assetsPath: '/auth/assets' })
  expect(html).toContain('href="/auth/login"')
  expect(html).toContain('src="/auth/assets/pages.')
})
