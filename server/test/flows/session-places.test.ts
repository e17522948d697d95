/** What a person sees of the places where they are signed in: browser, system, place, first and last use, the current one (product row 13). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { sessionsOfUser } from '../../src/sessions/list.ts'
import { httpClient } from '../support/http.ts'
import { startInProcess } from '../support/in-process.ts'
import { cityOf, mmdb } from '../support/mmdb.ts'

const folder = mkdtempSync(join(tmpdir(), 'keywright-places-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'city.mmdb')
const berlin = '81.2.69.160'
writeFileSync(file, mmdb({ '81.2.69.0/24': cityOf('Germany', 'DE', ['Berlin', 52.52, 13.405]) }))

const linux = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const phone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

it('two sessions: what each is, where it was last used, and since when its browser is known', async () => {
  const house = await startInProcess({ KEYWRIGHT_TRUSTED_PROXIES: '127.0.0.1,::1', KEYWRIGHT_GEOIP_FILE: file })
  const { user_id, email, password } = await house.user()
  const browserOf = (user_agent: string, ip: string) =>
    httpClient(house.server.issuer, { headers: { 'user-agent': user_agent, 'x-forwarded-for': ip } })
  const [desk, mobile] = [browserOf(linux, berlin), browserOf(phone, '10.0.0.7')]
  const start = house.ctx.now()
  for (const browser of [desk, mobile]) {
    await browser.submit(await browser.get('/login'), { login: email, password })
    house.pass(3600)
  }
  const page = await desk.get('/account/sessions')
  const facts = await sessionsOfUser(house.ctx, user_id, house.ctx.now())
  const at = (seconds: number): Date => new Date(start.getTime() + seconds * 1000)
  expect(facts).toMatchObject([
    {
      browser: 'Firefox',
      system: 'Linux',
      kind: 'desktop',
      ip: berlin,
      place: { country_code: 'DE', city: 'Berlin' },
      device_first_seen: at(0),
      created_at: at(0),
      last_seen_at: at(7200),
      device_trusted_until: null,
    },
    {
      browser: 'Safari',
      system: 'iOS',
      kind: 'mobile',
      ip: '10.0.0.7',
      place: null,
      device_first_seen: at(3600),
      created_at: at(3600),
      last_seen_at: at(3600),
    },
  ])
  const text = page.body.replaceAll(/<[^>]*>/g, '')
  expect(text).toContain('Berlin · Germany')
  expect(text.split('Germany')).toHaveLength(2)
  const german = await desk.get('/account/sessions', { 'accept-language': 'de' })
  expect(german.body.replaceAll(/<[^>]*>/g, '')).toContain('Berlin · Deutschland')
})
