/**
 * Races of codes and links of letters, with two server processes on one database: fifty uses at the same moment, one success
 * (security rule G-2); parallel guesses stay within five tries (RL-1, MF-3).
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { invite } from '../../src/signup/invitations.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { makeLink } from '../../src/users/one-time.ts'
import { type Cluster, openCluster } from '../support/cluster.ts'
import { cookieJar } from '../support/cookie-jar.ts'
import { freshAddress, goodPassword, letterPath, recover, register } from '../support/entry.ts'
import type { Form } from '../support/form.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type ReceivedLetter, type TestInbox } from '../support/inbox.ts'

let nodes: Cluster['nodes']
let race: Cluster['race']
let inbox: TestInbox

beforeAll(async () => {
  const cluster = await openCluster({ env: { KEYWRIGHT_THROTTLE_FREE: '20' } })
  nodes = cluster.nodes
  race = cluster.race
  inbox = inboxOf(nodes[0].server, nodes[1].server)
})

const db = () => nodes[0].db

/** The same browser at either node. */
const everywhere = (browser: HttpClient): HttpClient[] => nodes.map(({ server }) => server.client(browser.jar))

/** Sends one form of a page fifty times at the same moment; how many of the answers satisfy `isSuccess`. */
const rush = async (
  browser: HttpClient,
  page: Reply,
  { values, isSuccess, form }: { values: object; isSuccess: (reply: Reply) => boolean; form?: (form: Form) => boolean },
): Promise<number> => {
  const clients = everywhere(browser)
  const fields = { ...values } as Record<string, string>
  const replies = await race(50, async (_node, index) => {
    const client = clients[index % 2] ?? browser
    return await client.submit(page, fields, form === undefined ? {} : { form })
  })
  expect(replies.filter(({ status }) => status >= 500 && status !== 503).map(({ body }) => body)).toEqual([])
  return replies.filter(isSuccess).length
}

const redirects = ({ status }: Reply): boolean => status === 303
const isDone = ({ status, body }: Reply): boolean => status === 200 && body.includes('Your password is set')
const hasCode = ({ fields }: Form): boolean => fields.some(({ name }) => name === 'code')

const registered = async (): Promise<{ browser: HttpClient; page: Reply; email: string; letter: ReceivedLetter }> => {
  const browser = nodes[0].server.client()
  const email = freshAddress()
  const page = await register(browser, { email, name: 'Ada' })
  return { browser, page, email, letter: await inbox.letter(email) }
}

const accounts = async (email: string): Promise<number> =>
  (await db()`select 1 from users where email_canonical = ${email}`).length

describe('G-2: fifty at once', () => {
  it('the code of a registration makes one account', async () => {
    const { browser, page, email, letter } = await registered()
    const won = await rush(browser, page, { values: { code: letter.code }, isSuccess: redirects, form: hasCode })
    expect([won, await accounts(email)]).toEqual([1, 1])
  })

  it('the link of a registration makes one account', async () => {
    const { browser, email, letter } = await registered()
    const page = await browser.get(letterPath(letter))
    expect(await rush(browser, page, { values: {}, isSuccess: redirects })).toBe(1)
    expect(await accounts(email)).toBe(1)
  })

  it('a link that resets sets one password', async () => {
    const person = await nodes[0].user()
    const browser = nodes[0].server.client()
    await recover(browser, person.email)
    const page = await browser.get(letterPath(await inbox.letter(person.email)))
    const won = await rush(browser, page, { values: { password: goodPassword }, isSuccess: isDone })
    // Fifty hashes at once may be too many for a busy machine: then the one who won is told to try again.
    expect(won).toBeLessThanOrEqual(1)
    const events =
      await db()`select 1 from all_events where type = 'user.password_changed' and user_id = ${person.user_id}`
    expect(events).toHaveLength(1)
  })

  it('a link that signs in begins one session', async () => {
    const person = await nodes[0].user()
    const browser = nodes[0].server.client()
    const login = await browser.get('/login')
    const fields = login.forms[0]?.fields.map(({ name, value }): [string, string] => [name, value]) ?? []
    const form = [...fields.filter(([name]) => name === 'csrf'), ['login', person.email] as [string, string]]
    await browser.post('/login/email', form, { origin: login.url.origin })
    const page = await browser.get(letterPath(await inbox.letter(person.email)))
    // The one who wins gets a session cookie; the others go on without it.
    const plain = nodes[0].server.client(cookieJar())
    for (const name of ['kw_browser']) {
      const value = browser.jar.get(name)?.value
      if (value !== undefined) plain.jar.keep(page.url, [`${name}=${value}; Path=/`])
    }
    expect(await rush(plain, page, { values: {}, isSuccess: redirects })).toBe(1)
    expect(await db()`select 1 from sessions where user_id = ${person.user_id}`).toHaveLength(1)
  })

  it('an invitation makes one account', async () => {
    const email = freshAddress()
    const made = await invite(nodes[0].ctx, { email, roles: [] }, { letter: false })
    if (isDenial(made)) throw new Error(made.error)
    const browser = nodes[0].server.client()
    const page = await browser.get(new URL(made.link ?? ''))
    const values = { name: 'Ada', password: goodPassword }
    expect(await rush(browser, page, { values, isSuccess: redirects })).toBe(1)
    expect(await accounts(email)).toBe(1)
  })

  it.each(['not_me', 'undo_email'] as const)('a link of the purpose %s is used once', async (purpose) => {
    const person = await nodes[0].user()
    const facts = { purpose, user_id: person.user_id, address: person.email, now: new Date() }
    const token = await makeLink(db(), facts)
    const browser = nodes[0].server.client()
    const page = await browser.get(`/${purpose.replace('_', '-')}?token=${token}`)
    expect(await rush(browser, page, { values: {}, isSuccess: ({ status }) => status === 200 })).toBe(1)
  })

  it('MF-3, RL-1: of fifty guesses at one code five are compared', async () => {
    const { browser, page, letter } = await registered()
    const code = letter.code === '000000' ? '000001' : '000000'
    await rush(browser, page, { values: { code }, isSuccess: redirects, form: hasCode })
    const [row] = await db()`select tries from one_time_tokens where address = ${letter.to}`
    expect(row).toEqual({ tries: 5 })
  })
})
