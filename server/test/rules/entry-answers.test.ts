/** LI-1 (security.md 1.4): nobody learns from the pages of entry whose an address is, whatever became of its account. */
import { beforeAll, describe, expect, it } from 'vitest'
import { invite } from '../../src/signup/invitations.ts'
import { requestErasure } from '../../src/users/leave.ts'
import { changeStatus } from '../../src/users/status.ts'
import { askForCode, recover, register, resend, typeCode } from '../support/entry.ts'
import { someRequest } from '../support/factors.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'

let home: InProcess
const password = 'seven loud brass bells'
/** Addresses of one length, so that answers can be compared to the byte. */
const addresses = {
  nobody: 'nobody-000@example.com',
  verified: 'verified-0@example.com',
  unverified: 'unverified@example.com',
  disabled: 'disabled-0@example.com',
  leaving: 'leaving-00@example.com',
  invited: 'invited-00@example.com',
}

beforeAll(async () => {
  home = await startInProcess()
  const { verified, unverified, disabled, leaving, invited } = addresses
  await home.user({ email: verified, password })
  await home.user({ email: unverified, email_verified: false, password })
  const { user_id } = await home.user({ email: disabled, password })
  await changeStatus(home.ctx, user_id, 'disabled')
  await requestErasure(home.ctx, someRequest(home.ctx), (await home.user({ email: leaving, password })).user_id)
  await invite(home.ctx, { email: invited, roles: [] })
})

/** All that a stranger sees, without what is new in every answer. */
const seen = ({ status, headers, body, url }: Reply, email: string): unknown => {
  const {
    date: _date,
    'x-request-id': _id,
    'content-security-policy': _nonce,
    'set-cookie': _cookie,
    ...rest
  } = headers
  const same = (text: string): string =>
    text
      .replaceAll(email, 'ADDRESS')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
      .replaceAll(/(nonce|name="csrf" value)="[^"]+"/g, '$1')
  return { status, rest, body: same(body), address: same(`${url.pathname}${url.search}`) }
}

const doors: Record<string, (client: HttpClient, email: string) => Promise<Reply>> = {
  'a forgotten password': async (client, email) => await recover(client, email),
  'a sign-in by mail': async (client, email) => await askForCode(client, email),
  'a registration': async (client, email) => await register(client, { email, name: 'Ada' }),
}

const walk = async (open: (client: HttpClient, email: string) => Promise<Reply>, email: string): Promise<unknown[]> => {
  const client = home.server.client()
  const page = await open(client, email)
  await home.inbox.letters(email)
  const tries: Reply[] = []
  for (let guesses = 1; guesses <= 6; guesses += 1) tries.push(await typeCode(client, page, 'wrong!'))
  const again = await resend(client, page)
  return [page, ...tries, again].map((reply) => seen(reply, email))
}

describe('LI-1', () => {
  it.each(Object.entries(doors))('%s answers the same to the byte, at every step', async (_name, open) => {
    const { nobody, ...others } = addresses
    const stranger = await walk(open, nobody)
    expect(stranger).toHaveLength(8)
    for (const [whose, email] of Object.entries(others))
      expect([whose, await walk(open, email)]).toEqual([whose, stranger])
    home.pass(7200)
  })
})
