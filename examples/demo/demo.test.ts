import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repositoryRoot } from './settings.ts'
import { type Browser, openBrowser, type Page, textOf } from './test/browser.ts'
import {
  answers,
  cleanEnv,
  freePorts,
  keywright,
  type Program,
  runKeywright,
  startProgram,
  stopAll,
} from './test/program.ts'

const demoReady = /The demo is ready/
const login = 'ada@example.com'
const password = 'seven-quiet-harbours'
let dataDir: string
let issuer: string
let demoUrl: string
let env: Record<string, string>
let demo: Program

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'keywright-demo-'))
  const [port, demoPort, apiPort] = await freePorts(3)
  issuer = `http://localhost:${port}`
  demoUrl = `http://localhost:${demoPort}`
  env = cleanEnv({
    KEYWRIGHT_ISSUER: issuer,
    KEYWRIGHT_DATA_DIR: dataDir,
    DEMO_PORT: String(demoPort),
    API_PORT: String(apiPort),
  })
  demo = await startProgram(['examples/demo/start.ts'], env, demoReady)
  const person = ['user', 'create', '--email', login, '--password-stdin', '--verified', '--json']
  await runKeywright(person, { ...env, PORT: String(port) }, `${password}\n`)
}, 90_000)
afterAll(async () => {
  await stopAll()
  await rm(dataDir, { recursive: true, force: true })
}, 30_000)

const start = (browser: Browser): Promise<Page> => browser.open(demoUrl)

/** The whole way in: the button, the login page, the consent page when there is one, and back. */
const signIn = async (browser: Browser): Promise<Page> => {
  const loginPage = await browser.press(await start(browser), 'Sign in with Keywright')
  const next = await browser.press(loginPage, 'Sign in', { login, password })
  return next.url.pathname === '/consent' ? browser.press(next, 'Allow') : next
}

const notice = (page: Page): string => textOf(/<div class="notice.*?<\/div>/s.exec(page.text)?.[0])

describe('the arguments of npm run demo', () => {
  test.each([
    ['--help', 0, 'stdout', /^Usage: npm run demo/],
    ['-h', 0, 'stdout', /^Usage: npm run demo/],
    ['--port', 2, 'stderr', /^demo \| "--port" is not known here\. See: npm run demo -- --help\n$/],
  ] as const)('%s: exit code %i', (arg, code, stream, words) => {
    const said = spawnSync(process.execPath, ['examples/demo/start.ts', arg], {
      cwd: repositoryRoot,
      env,
      encoding: 'utf8',
    })
    expect(said.status).toBe(code)
    expect(said[stream]).toMatch(words)
  })
})

describe('npm run demo, without JavaScript', () => {
  test('starts Keywright, passes on its setup link, and says where to go', () => {
    expect(demo.output()).toMatch(/^keywright \| .*\/setup\b/m)
    expect(demo.output()).toContain(`demo | The demo is ready: open ${demoUrl}`)
  })

  test('a person who says no is brought back kindly', async () => {
    const browser = openBrowser()
    const loginPage = await browser.press(await start(browser), 'Sign in with Keywright')
    expect(loginPage.url.origin).toBe(issuer)
    const consent = await browser.press(loginPage, 'Sign in', { login, password })
    expect(consent.url.pathname).toBe('/consent')
    expect(textOf(consent.text)).toContain('Demo application')
    const back = await browser.press(consent, 'Deny')
    expect(back.url.origin).toBe(demoUrl)
    expect(notice(back)).toContain('You said no, and that is fine.')
  })

  test('signs in, calls the API, refreshes, and calls it again', async () => {
    const browser = openBrowser()
    const signedIn = await signIn(browser)
    expect(signedIn.url.href).toBe(`${demoUrl}/`)
    expect(notice(signedIn)).toContain('You are signed in.')
    expect(signedIn.text).toContain(login)
    const called = await browser.press(signedIn, 'Call the API')
    expect(textOf(called.text)).toContain('The API said 200')
    const refreshed = await browser.press(called, 'Refresh')
    expect(notice(refreshed)).toContain('The tokens are new.')
    expect(textOf(refreshed.text)).toContain('used 1 ×')
    expect(textOf((await browser.press(refreshed, 'Call the API')).text)).toContain('The API said 200')
  })

  test('signing in again asks for the password although the person is signed in', async () => {
    const browser = openBrowser()
    const proof = await browser.press(await signIn(browser), 'Sign in again')
    expect(proof.url.origin).toBe(issuer)
    const back = await browser.press(proof, 'Confirm', { password })
    expect(notice(back)).toContain('You have proved again that it is you.')
  })

  test('signing out ends the session at Keywright too', async () => {
    const browser = openBrowser()
    const out = await browser.press(await signIn(browser), 'Sign out')
    expect(out.url.origin).toBe(demoUrl)
    expect(notice(out)).toContain('You are signed out.')
    const again = await browser.press(out, 'Sign in with Keywright')
    expect(again.url.pathname).toBe('/login')
  })

  test('signing out everywhere kills the tokens of every device within two seconds', async () => {
    const [here, elsewhere] = [openBrowser(), openBrowser()]
    const mine = await signIn(here)
    let other = await elsewhere.press(await signIn(elsewhere), 'Call the API')
    expect(textOf(other.text)).toContain('The API said 200')
    const question = await here.press(mine, 'Sign out everywhere')
    expect(question.url.origin).toBe(issuer)
    const deadline = Date.now() + 2000
    const leaving = here.press(question, 'Sign out everywhere')
    do {
      await sleep(50)
      other = await elsewhere.press(other, 'Call the API')
    } while (!textOf(other.text).includes('The API said 401') && Date.now() < deadline)
    const out = await leaving
    expect(textOf(other.text)).toContain('The API said 401')
    expect(other.text).toContain('error=&quot;invalid_token&quot;')
    expect(notice(await elsewhere.press(other, 'Refresh'))).toContain('Your sign-in is over.')
    expect(out.url.origin).toBe(demoUrl)
    expect(notice(out)).toContain('the tokens died with it')
  })

  test('writes no token, code or secret anywhere', async () => {
    const { client_secret } = JSON.parse(await readFile(join(dataDir, 'demo-client.json'), 'utf8')) as {
      client_secret: string
    }
    expect(demo.output()).toContain('app: signed in ')
    expect(demo.output()).not.toContain(client_secret)
    expect(demo.output()).not.toContain(password)
    expect(demo.output()).not.toMatch(/\beyJ[\w-]+\.|kw_(at|rt|ac|cs)_|[?&]code=/)
  })

  test('stops its Keywright with it; uses one that runs, and the same client again', async () => {
    const clientBefore = await readFile(join(dataDir, 'demo-client.json'), 'utf8')
    expect(await demo.stop()).toBe(0)
    expect(await answers(issuer)).toBe(false)
    const server = await startProgram([keywright, 'serve'], { ...env, PORT: new URL(issuer).port }, /./)
    try {
      await expect.poll(() => answers(issuer), { timeout: 30_000 }).toBe(true)
      demo = await startProgram(['examples/demo/start.ts'], env, demoReady)
      expect(demo.output()).toContain(`demo | Uses Keywright at ${issuer}.`)
      expect(await readFile(join(dataDir, 'demo-client.json'), 'utf8')).toBe(clientBefore)
      expect(notice(await signIn(openBrowser()))).toContain('You are signed in.')
      expect(await demo.stop()).toBe(0)
      expect(await answers(issuer)).toBe(true)
    } finally {
      await server.stop()
    }
  }, 60_000)
})
