/**
 * Races of people's pages, with two server processes on one database: what a page may do once happens once, and no number
 * of parallel guesses goes beyond the budget (security rules G-2, AZ-12, AD-6, RL-1, LI-1).
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { createSetupLink } from '../../src/operations/setup.ts'
import { type Cluster, openCluster } from '../support/cluster.ts'
import { freshDatabase } from '../support/database.ts'
import { authorizePath, decisionOf, errorIdOf } from '../support/flow.ts'
import { cookieJar } from '../support/cookie-jar.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import type { Oauth, Person } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

let nodes: Cluster['nodes']
let race: Cluster['race']

beforeAll(async () => {
  const cluster = await openCluster({ env: { KEYWRIGHT_THROTTLE_FREE: '5' } })
  nodes = cluster.nodes
  race = cluster.race
})

/** How many events of a type the requests recorded. */
const countOf = async (type: string, replies: Reply[]): Promise<number> => {
  const ids = replies.map((reply) => String(reply.headers['x-request-id']))
  return (await nodes[0].db`select 1 from all_events where type = ${type} and request_id = any (${ids})`).length
}

const statuses = (replies: Reply[]): number[] => replies.map(({ status }) => status).toSorted((a, b) => a - b)

/** Opens a fresh link, which makes the older ones void. */
const setupPage = async (): Promise<{ page: Reply; browser: HttpClient }> => {
  const link = await createSetupLink(nodes[0].ctx)
  const browser = nodes[0].server.client()
  return { page: await browser.get(new URL(link ?? '/')), browser }
}

describe('the setup link', () => {
  it('AD-6: of ten that are made at the same moment one works', async () => {
    const links = await Promise.all(Array.from({ length: 10 }, async () => await createSetupLink(nodes[0].ctx)))
    const pages = await Promise.all(links.map(async (link) => await nodes[1].server.client().get(new URL(link ?? '/'))))
    expect(statuses(pages)).toEqual([200, ...Array.from({ length: 9 }, () => 400)])
  })

  it('AD-6: a page that is open when the command line makes an administrator makes none any more', async () => {
    const { page, browser } = await setupPage()
    const { user_id } = await nodes[0].user({ roles: ['admin'] })
    const values = { email: 'second@example.com', name: 'Second', password: 'a quiet stone arch' }
    expect((await browser.submit(page, values)).status).toBe(400)
    expect((await browser.get(page.url)).status).toBe(400)
    // As if nobody had come before, for the test that follows.
    await nodes[0].db`delete from users where id = ${user_id}`
    expect((await browser.get(page.url)).status).toBe(200)
  })

  it('G-2, AD-6: twenty people with one link make one administrator', async () => {
    const { page, browser } = await setupPage()
    const replies = await race(20, async (node, index) => {
      const values = { email: `admin-${index}@example.com`, name: `Admin ${index}`, password: 'a quiet stone arch' }
      return await node.server.client(browser.jar).submit(page, values)
    })
    // Only the account that spent the link stays; each of the others was undone whole.
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    const refused = replies.filter(({ status }) => status !== 200)
    expect(new Set(statuses(refused))).toEqual(new Set([400]))
    const admins = await nodes[0].db<{ email: string }[]>`
      select u.email from users u join user_roles ur on ur.user_id = u.id join roles r on r.id = ur.role_id
      where r.name = 'admin'`
    expect(admins).toHaveLength(1)
    expect(await nodes[0].db`select id from users where email like 'admin-%'`).toHaveLength(1)
    expect(await nodes[0].db`select 1 from all_events where type = 'setup.completed'`).toHaveLength(1)
    const decision = await decisionOf(nodes[0].db, errorIdOf(refused[0] as Reply))
    expect(decision).toMatchObject({ error: 'setup_link', route: '/setup' })
    // And later it opens nothing at either node.
    for (const node of nodes) expect((await node.server.client().get(page.url)).status).not.toBe(200)
  })
})

describe('one sign-in in progress', () => {
  let ada: Person

  beforeAll(async () => {
    ada = await nodes[0].person()
  })

  const codeIn = (reply: Reply): string | null | undefined => reply.location?.searchParams.get('code')
  const begun = async (client: { client_id: string }): Promise<number> =>
    (await nodes[0].db`select 1 from authorization_codes where client_id = ${client.client_id}`).length

  it('G-2, AZ-12: continued twenty times at once it gives one code', async () => {
    const client = { ...(await nodes[0].client()), client_name: 'once' }
    // prompt=login: the request is stored, and the proof is recorded in it.
    const browser = nodes[0].server.client()
    const page = await browser.walk(browser.get(authorizePath(client, { prompt: 'login' })))
    const proved = await browser.submit(page, { login: ada.user.email, password: ada.user.password })
    expect([proved.status, proved.location?.pathname]).toEqual([303, '/oauth/continue'])
    const onward = proved.location ?? page.url
    const replies = await race(20, async (node) => await node.server.client(browser.jar).get(onward))
    expect(replies.filter((reply) => typeof codeIn(reply) === 'string')).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 400)).toHaveLength(19)
    expect(await begun(client)).toBe(1)
  })

  it('AZ-12: a consent that is pressed twenty times at once is recorded, and gives one code', async () => {
    const client = { ...(await nodes[0].client({ first_party: false })), client_name: 'pressed' }
    const page = await ada.browser.walk(ada.browser.get(authorizePath(client)))
    expect(page.url.pathname).toBe('/consent')
    const replies = await race(20, async (node) => {
      const browser = node.server.client(ada.browser.jar)
      return await browser.walk(browser.submit(page, {}, { button: { name: 'decision', value: 'allow' } }))
    })
    expect(replies.filter((reply) => typeof codeIn(reply) === 'string')).toHaveLength(1)
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([303, 400]))
    expect(await begun(client)).toBe(1)
    expect(await nodes[0].db`select 1 from consents where client_id = ${client.client_id}`).toHaveLength(1)
  })
})

describe('guessing', () => {
  /** How many attempts a bucket may let through in so many seconds: five at once, then a pause that doubles. */
  const budget = (seconds: number): number => 5 + Math.floor(Math.log2(1 + seconds))

  const guess = async (node: Oauth, login: string, password: string): Promise<Reply> => {
    const browser = node.server.client(cookieJar())
    return await browser.submit(await browser.get('/login'), { login, password })
  }

  it.each(['an account', 'nobody'])(
    'RL-1: 100 parallel passwords for %s over two nodes stay in the budget',
    async (whose) => {
      const email = whose === 'nobody' ? 'nobody@example.com' : (await nodes[0].user()).email
      const began = performance.now()
      const replies = await race(100, async (node, index) => await guess(node, email, `wrong guess ${index}`))
      const seconds = (performance.now() - began) / 1000
      const allowed = replies.filter(({ status }) => status !== 429)
      expect(new Set(statuses(allowed))).toEqual(new Set([401]))
      expect(allowed.length).toBeGreaterThanOrEqual(5)
      expect(allowed.length).toBeLessThanOrEqual(budget(seconds))
      for (const reply of replies.filter(({ status }) => status === 429))
        expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
      expect(await countOf('login.failed', replies)).toBe(allowed.length)
      expect(await countOf('login.throttled', replies)).toBe(100 - allowed.length)
    },
  )

  it('RL-1: the budget is shared: what was tried at one node counts at the other', async () => {
    const { email } = await nodes[0].user()
    const began = performance.now()
    const first: Reply[] = []
    for (let index = 0; index < 5; index += 1) first.push(await guess(nodes[0], email, `wrong ${index}`))
    expect(statuses(first)).toEqual([401, 401, 401, 401, 401])
    const next = await Promise.all([0, 1, 2, 3, 4].map(async (index) => await guess(nodes[1], email, `more ${index}`)))
    const allowed = next.filter(({ status }) => status !== 429)
    expect(5 + allowed.length).toBeLessThanOrEqual(budget((performance.now() - began) / 1000))
  })
})

describe('two servers that start at the same moment on an empty database', () => {
  it('agree on one schema, one set of keys, one demo client, and print one link that works', async () => {
    const database = await freshDatabase('empty')
    const [first, second] = await Promise.all([startServer({ database }), startServer({ database })])
    const servers = [first, second]
    expect(new Set(servers.map(({ port }) => port)).size).toBe(2)
    const rows = await database.sql<
      { alg: string }[]
    >`select alg from signing_keys where status = 'active' order by alg`
    expect(rows.map(({ alg }) => alg)).toEqual(['ES256', 'EdDSA', 'PS256', 'RS256'])
    const [jwks, other] = await Promise.all(
      servers.map(async (server) => (await server.client().get('/.well-known/jwks.json')).json<{ keys: unknown[] }>()),
    )
    expect(jwks).toEqual(other)
    expect(jwks?.keys.length).toBeGreaterThanOrEqual(4)
    expect(await database.sql`select 1 from clients where client_id = 'app_demo'`).toHaveLength(1)
    const printed = (): string[] =>
      servers.flatMap((server) => /https?:\/\/\S+\/setup\?token=\S+/.exec(server.output()) ?? [])
    // It is printed when the server listens already.
    await expect.poll(printed, { timeout: 5000 }).toHaveLength(2)
    const pages = printed().map(async (link) => await first.client().get(new URL(link)))
    expect(statuses(await Promise.all(pages))).toEqual([200, 400])
  })
})
