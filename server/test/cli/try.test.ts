/** `keywright try` against a running server: the test is the browser. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { decide, finish, type House, openHouse, type Person, signInOn } from '../support/flow.ts'
import { httpClient, type Reply } from '../support/http.ts'
import { freePort } from '../support/port.ts'
import { cli } from '../support/server.ts'
import { type Child, childEnv, shim, startChild, temporaryFolder } from '../support/child.ts'

let house: House
let ada: Person

beforeAll(async () => {
  house = await openHouse()
  await cli(['seed', '--demo'], { env: house.server.env })
  ada = await house.person()
})

const start = async (args: string[], input = ''): Promise<Child> =>
  startChild([process.execPath, shim, 'try', '--no-open', ...args], {
    env: childEnv(house.server.env),
    cwd: await temporaryFolder(),
    input,
  })

/** The address that the command asks to open. */
const addressOf = async (child: Child): Promise<URL> => {
  for (const until = performance.now() + 15_000; performance.now() < until; await sleep(20)) {
    const found = /^ {2}(http\S+)$/m.exec(child.stderr())?.[1]
    if (found !== undefined) return new URL(found)
  }
  throw new Error(`no address in: ${child.output()}`)
}

/** Signs in and allows, up to the redirect to the command's own listener. */
const throughPages = async (url: URL): Promise<Reply> => {
  const browser = house.server.client()
  return await finish(browser, await browser.walk(browser.get(url)), ada)
}
const callback = async (url: URL | undefined): Promise<Reply> => {
  if (url === undefined) throw new Error('no callback')
  return await httpClient(url.origin).get(url)
}

describe('keywright try', () => {
  it('goes the whole way and prints each step, tokens shortened', async () => {
    const child = await start(['--scope', 'openid profile email offline_access'])
    const url = await addressOf(child)
    expect(url.searchParams.get('client_id')).toBe('app_demo')
    const answer = await throughPages(url)
    expect(answer.location?.href).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback\?/)
    const page = await callback(answer.location)
    expect(page).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
    })
    expect(page.body).toContain('Done. Go back to the terminal.')
    expect(await child.exit).toEqual({ code: 0, signal: null })
    const steps = [...child.stdout().matchAll(/^\d+\. (.*)$/gm)].map(([, step]) => step)
    expect(steps).toEqual([
      'Discovery',
      'Authorization request',
      'Authorization response',
      'Token request',
      'Token response',
      'ID token checked',
      'UserInfo',
      'Refresh request',
      'Token response',
      'Revocation',
    ])
    expect(child.stdout()).toContain(ada.user_id)
    expect(child.stdout()).toMatch(/userinfo afterwards +401\n/)
    expect(child.stdout()).toMatch(/Every step was right\.\n$/)
    const code = answer.location?.searchParams.get('code') ?? 'none'
    expect(child.output()).not.toContain(code)
    expect(child.output()).not.toMatch(/kw_(at|rt|ac)_\w{20}|eyJ[\w-]{20}/)
  })

  it('prints all steps as JSON with --json', async () => {
    const child = await start(['--json', '--scope', 'openid'])
    await callback((await throughPages(await addressOf(child))).location)
    expect(await child.exit).toEqual({ code: 0, signal: null })
    const { steps } = JSON.parse(child.stdout()) as { steps: { step: string; facts: Record<string, unknown> }[] }
    expect(steps.find(({ step }) => step === 'UserInfo')?.facts).toMatchObject({ sub: ada.user_id })
    expect(child.stdout()).not.toMatch(/kw_(at|rt|ac)_\w{20}|eyJ[\w-]{20}/)
  })

  it('takes no answer of another request, and waits on for its own', async () => {
    const child = await start(['--scope', 'openid'])
    const { location } = await throughPages(await addressOf(child))
    const forged = new URL(location ?? '')
    forged.searchParams.set('state', 'another')
    expect((await callback(forged)).status).toBe(400)
    expect((await callback(new URL('/other', location))).status).toBe(404)
    expect((await callback(location)).status).toBe(200)
    expect(await child.exit).toEqual({ code: 0, signal: null })
  })

  it('takes no answer that names another issuer (RFC 9207 §2.4)', async () => {
    const child = await start(['--scope', 'openid'])
    const { location } = await throughPages(await addressOf(child))
    const mixedUp = new URL(location ?? '')
    mixedUp.searchParams.set('iss', 'https://attacker.example')
    await callback(mixedUp)
    expect(await child.exit).toEqual({ code: 1, signal: null })
    expect(child.stderr()).toContain(
      `keywright: The answer comes from https://attacker.example, not from ${house.server.issuer}.\n`,
    )
  })

  it('says in one sentence that the person denied, and where to learn more', async () => {
    const child = await start(['--scope', 'openid email'])
    const grace = await house.person()
    const browser = house.server.client()
    const consent = await signInOn(browser, await browser.walk(browser.get(await addressOf(child))), grace)
    await callback((await decide(browser, consent, 'deny')).location)
    expect(await child.exit).toEqual({ code: 1, signal: null })
    expect(child.stderr()).toMatch(
      /^keywright: The authorization endpoint refuses: access_denied, The person denied the request\. `keywright explain err_\w{12}` says why\.$/m,
    )
  })

  it('can be a confidential client with its secret on standard input', async () => {
    // Only a native application may choose its port when it starts (RFC 8252 §7.3).
    const redirect_uri = `http://127.0.0.1:${await freePort()}/callback`
    const app = await house.app({ redirect_uris: [redirect_uri] })
    const asApp = ['--client', app.client_id, '--redirect-uri', redirect_uri, '--scope', 'openid']
    const child = await start([...asApp, '--client-secret-stdin'], `${app.client_secret}\n`)
    await callback((await throughPages(await addressOf(child))).location)
    expect(await child.exit, child.output()).toEqual({ code: 0, signal: null })
    const without = await start(asApp)
    await callback((await throughPages(await addressOf(without))).location)
    expect(await without.exit).toEqual({ code: 1, signal: null })
    expect(without.stderr()).toMatch(
      /^keywright: The token endpoint refuses: invalid_client, .* `keywright explain err_/m,
    )
  })

  it('gives up when nobody signs in', async () => {
    const child = await start(['--wait', '1s'])
    expect(await child.exit).toEqual({ code: 1, signal: null })
    expect(child.stderr()).toContain('keywright: Nobody finished the sign-in within 1 seconds.\n')
  })
})

describe('keywright try without the right server', () => {
  const tryAt = async (issuer: string): Promise<string> => {
    const env = { ...house.server.env, KEYWRIGHT_ISSUER: issuer }
    const result = await cli(['try', '--no-open'], { env })
    expect(result).toMatchObject({ code: 1, stdout: '' })
    return result.stderr
  }

  it('says that no server answers', async () => {
    const issuer = `http://localhost:${await freePort()}`
    expect(await tryAt(issuer)).toBe(
      `keywright: No server answers at ${issuer} (no program listens there): start one with \`keywright serve\`, or set KEYWRIGHT_ISSUER to the one to try.\n`,
    )
  })

  it('says that the server calls itself something else', async () => {
    const other = createServer((_request, response) => response.end('{"issuer":"http://localhost:1"}'))
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    expect(await tryAt(issuer)).toBe(
      `keywright: The server calls itself http://localhost:1, not ${issuer}: set KEYWRIGHT_ISSUER to that.\n`,
    )
    other.close()
    const name = new URL(house.server.issuer)
    name.hostname = '127.0.0.1'
    expect(await tryAt(name.origin)).toBe(
      `keywright: ${name.origin}/.well-known/openid-configuration answers 421: that is no Keywright, or its proxy hands on another Host.\n`,
    )
  })

  it('needs a redirect URI of this machine that is free', async () => {
    const port = house.server.port
    const taken = await cli(['try', '--redirect-uri', `http://127.0.0.1:${port}/callback`], { env: house.server.env })
    expect(taken).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`http://127.0.0.1:${port}/callback cannot be listened on:`) as string,
    })
    const foreign = await cli(['try', '--redirect-uri', 'https://app.example/callback'], { env: house.server.env })
    expect(foreign.stderr).toBe(
      'keywright: https://app.example/callback is not a redirect URI of this machine, such as http://127.0.0.1/callback.\n',
    )
  })
})
