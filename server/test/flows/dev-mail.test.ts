/** /dev/mail of a real server: what it would have sent, shown on its own machine and nowhere else. */
import { beforeAll, describe, expect, it } from 'vitest'
import { describe as describeReply } from '../support/http.ts'
import { freshDatabase } from '../support/database.ts'
import { inboxOf } from '../support/inbox.ts'
import { cli, type Server, startServer } from '../support/server.ts'
import { freePort } from '../support/port.ts'

let server: Server
let sent = 0

beforeAll(async () => {
  server = await startServer({ env: { KEYWRIGHT_NAME: 'Acme <b>' } })
})

/** An operator's test mail, queued by a command beside the server and sent by the server. */
const send = async (): Promise<string> => {
  const to = `ada-${(sent += 1)}@example.com`
  const result = await cli(['mail', 'test', to, '--json'], { env: server.env })
  expect(result, result.stderr).toMatchObject({ code: 0, json: { to, outcome: 'waiting', reason: null } })
  return to
}

describe('on the machine itself', () => {
  it('is linked from the start page, named at the start, and empty at first', async () => {
    await expect.poll(server.stdout).toContain(`  Mail            shown at ${server.issuer}/dev/mail\n`)
    const home = await server.client().get('/')
    expect(home.body).toContain('<a href="/dev/mail">Mail</a>')
    const page = await server.client().get('/dev/mail')
    expect(page.status).toBe(200)
    expect(page.body).toContain('Nothing was sent yet.')
    expect((await server.client().get('/dev/mail.json')).json()).toEqual({ messages: [] })
  })

  it('shows a letter: as JSON, in the list, opened, and as its reader sees it', async () => {
    const to = await send()
    const letter = await inboxOf(server).letter(to, { kind: 'mail_test' })
    expect(letter).toMatchObject({
      channel: 'email',
      subject: 'Acme <b> can send mail',
      link: `${server.issuer}/`,
      code: '',
    })
    const client = server.client()
    const list = await client.get('/dev/mail')
    expect(list.body).toContain(`href="/dev/mail?id=${letter.id}"`)
    expect(list.body).toContain('Acme &lt;b&gt; can send mail')
    const opened = await client.get(`/dev/mail?id=${letter.id}`)
    expect(opened.body).toContain(`<iframe class="letter" src="/dev/mail/${letter.id}" sandbox`)
    expect(opened.body).toContain(`<code id="link">${server.issuer}/</code>`)
    expect(opened.headers['content-security-policy']).toContain("frame-src 'self'")
    const frame = await client.get(`/dev/mail/${letter.id}`)
    expect(frame.body).toBe(letter.html)
    expect(frame.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
      'cache-control': 'no-store',
    })
    expect(frame.headers['x-frame-options']).toBeUndefined()
  })

  it('knows no other letter', async () => {
    expect((await server.client().get('/dev/mail?id=nosuch')).status).toBe(200)
    expect((await server.client().get('/dev/mail/nosuch')).status).toBe(404)
  })
})

describe('anywhere else', () => {
  const paths = ['/dev/mail', '/dev/mail.json', '/dev/mail/x']

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])(
    'a header %s says that the request began elsewhere: 404',
    async (name) => {
      for (const path of paths) {
        const reply = await server.client().get(path, { [name]: '127.0.0.1' })
        expect(reply.status, describeReply(reply)).toBe(404)
        expect(reply.body).not.toContain('@example.com')
      }
      expect((await server.client().get('/', { [name]: '127.0.0.1' })).body).not.toContain('/dev/mail')
    },
  )

  it('another Host is refused as everywhere (RC-2)', async () => {
    expect((await server.client().get('/dev/mail.json', { host: 'evil.example' })).status).toBe(421)
  })

  it('production has nothing there, for nobody', async () => {
    const production = await startServer({
      database: await freshDatabase(),
      env: { KEYWRIGHT_PROFILE: 'production', KEYWRIGHT_LIMITS: 'on' },
    })
    for (const path of paths) {
      const reply = await production.client().get(path)
      expect(reply.status).toBe(404)
      const unknown = await production.client().get(`${path}-nosuch`)
      expect(Object.keys(reply.headers)).toEqual(Object.keys(unknown.headers))
    }
    await expect.poll(production.stdout).toContain('  Mail            none is sent: KEYWRIGHT_SMTP_URL is not set\n')
    expect((await production.client().get('/', { accept: 'text/html' })).body).not.toContain('/dev/mail')
  })

  it('nor has a development whose issuer is not this machine', async () => {
    const port = await freePort()
    const issuer = `http://keywright.test:${port}`
    const shown = await startServer({ database: await freshDatabase(), port, issuer }).catch((error: unknown) =>
      String(error),
    )
    if (typeof shown === 'string') throw new Error(shown)
    const reply = await shown.client().get(`http://localhost:${port}/dev/mail.json`, { host: `keywright.test:${port}` })
    expect(reply.status).toBe(404)
  })
})
