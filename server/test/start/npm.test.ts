/**
 * `npm start` as a person types it, where it is hardest: in a folder that only root may enter and whose path is longer
 * than a socket's address may be. What is printed, what lies where, and that SIGTERM to npm leaves nothing behind.
 * A whole clone with `npm ci` is scripts/smoke-clone.ts's; here the installed packages are linked.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { processesOf } from '../../../scripts/processes.ts'
import { temporaryFolder } from '../support/child.ts'
import { makeCheckout, runNpm } from '../support/checkout.ts'
import { httpClient, type Reply } from '../support/http.ts'
import { until } from '../support/looks.ts'
import { freePort } from '../support/port.ts'

const answers = async (origin: string, path: string): Promise<Reply | undefined> =>
  await httpClient(origin)
    .get(path)
    .catch(() => undefined)

it('npm start from a 0700 folder with a long path: everything is printed and answers; SIGTERM leaves nothing', async () => {
  const folder = join(await temporaryFolder('private'), 'a-long-name-in-a-deep-home-'.repeat(4), 'keywright')
  makeCheckout(folder)
  expect(join(folder, 'data/postgres/.s.PGSQL.5432').length).toBeGreaterThan(107)
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const npm = runNpm(folder, ['start'], port)
  const setup = (): string => /First admin +(\S+)/.exec(npm.stdout())?.[1] ?? ''
  await until(() => setup() !== '' || npm.process.exitCode !== null)
  // npm may have something to say about its own settings; the server has nothing.
  expect(
    npm
      .stderr()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('npm ')),
  ).toEqual([])
  expect(npm.stdout()).toMatch(new RegExp(`Issuer +${origin}\\n`))
  expect(npm.stdout()).toMatch(/Demo client +app_demo\n/)
  expect(npm.stdout()).toContain(`Data folder     ${join(folder, 'data')}\n`)
  expect(npm.stdout()).toContain(`Mail            shown at ${origin}/dev/mail\n`)
  expect(npm.stdout()).toMatch(/Database +embedded PostgreSQL in /)
  // Discovery names the issuer, the link opens the page, the demo client exists.
  const discovery = await answers(origin, '/.well-known/openid-configuration')
  expect(discovery?.json()).toMatchObject({ issuer: origin, token_endpoint: `${origin}/oauth/token` })
  const page = await answers(origin, new URL(setup()).pathname + new URL(setup()).search)
  // The other form chooses the language.
  expect([page?.status, page?.forms.filter(({ method }) => method === 'post').length]).toEqual([200, 1])
  const demo = `/oauth/authorize?client_id=app_demo&response_type=code&redirect_uri=http://localhost/callback`
  const asked = await answers(
    origin,
    `${demo}&scope=openid&code_challenge_method=S256&code_challenge=${'a'.repeat(43)}`,
  )
  expect([asked?.status, asked?.location?.pathname]).toEqual([303, '/login'])
  // The root secret is made once, for its owner alone.
  const secret = join(folder, 'data', 'root-secret')
  expect(statSync(secret).mode & 0o777).toBe(0o600)
  expect(readFileSync(secret, 'utf8').trim().length).toBeGreaterThanOrEqual(32)
  expect(readdirSync(join(folder, 'data'))).toEqual(expect.arrayContaining(['postgres', 'root-secret']))
  npm.process.kill('SIGTERM')
  await npm.exit
  await until(() => processesOf(folder).length === 0)
  expect(await answers(origin, '/health/live')).toBeUndefined()
})
