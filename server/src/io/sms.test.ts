import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createInbox } from './inbox.ts'
import { Refused } from './refused.ts'
import { createSms, type Sms } from './sms.ts'

type Seen = { method: string | undefined; url: string | undefined; headers: IncomingHttpHeaders; body: string }

const seen: Seen[] = []
let status = 201
let port = 0
const gateway = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    seen.push({
      method: request.method,
      url: request.url,
      headers: request.headers,
      body: Buffer.concat(parts).toString(),
    })
    response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('{"body":"the code is 123456"}')
  })
})
beforeAll(async () => {
  await new Promise<void>((done) => gateway.listen(0, '127.0.0.1', done))
  port = (gateway.address() as AddressInfo).port
})
afterAll(() => void gateway.close())
beforeEach(() => {
  seen.length = 0
  status = 201
})

type Given = Partial<Parameters<typeof createSms>[0]>
const sms = (given: Given): Sms => {
  const defaults = {
    sms_gateway: undefined,
    sms_url: `http://127.0.0.1:${port}/`,
    sms_account: 'AC123',
    sms_token: 'the token',
    sms_from: '+15005550006',
    sms_headers: undefined,
    sms_body: '{"to":"{{to}}","from":"{{from}}","text":"{{text}}"}',
    outbound_allow: [`127.0.0.1:${port}`],
  }
  const made = createSms({ ...defaults, ...given }, undefined)
  if (made === undefined) throw new Error('no way out')
  return made
}
const message = { to: '+4915112345678', text: 'Keywright: “123 456” & {{to}}\n\n@localhost #123456' }

describe('twilio', () => {
  it('gets a form at its address, signed in', async () => {
    await sms({ sms_gateway: 'twilio' }).send(message)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/2010-04-01/Accounts/AC123/Messages.json' })
    expect(seen[0]?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('AC123:the token').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toEqual({
      To: message.to,
      From: '+15005550006',
      Body: message.text,
    })
  })

  it('is given the id of a messaging service as such', async () => {
    const id = `MG${'0a'.repeat(16)}`
    await sms({ sms_gateway: 'twilio', sms_from: id }).send(message)
    expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toMatchObject({ MessagingServiceSid: id })
    expect(seen[0]?.body).not.toContain('From=')
  })
})

describe('http', () => {
  it('gets JSON, filled in inside its texts only, with the headers of the settings', async () => {
    await sms({
      sms_gateway: 'http',
      sms_url: `http://127.0.0.1:${port}/send/{{to}}?x={{text}}`,
      sms_headers: '{"authorization":"Bearer secret","x-sender":"{{from}}"}',
      sms_body: '{"messages":[{"to":"{{to}}","text":"[{{text}}]","flash":false,"n":1,"none":null}]}',
    }).send({ to: message.to, text: 'a "quoted" & {{from}}' })
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/send/%2B4915112345678?x=a%20%22quoted%22%20%26%20%7B%7Bfrom%7D%7D',
    })
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'content-type': 'application/json' })
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      messages: [{ to: message.to, text: '[a "quoted" & {{from}}]', flash: false, n: 1, none: null }],
    })
  })
})

describe('both', () => {
  const kinds = [{ sms_gateway: 'twilio' }, { sms_gateway: 'http' }] as const

  it.each(
    kinds.flatMap(
      (kind) =>
        [
          [kind, 400, true],
          [kind, 422, true],
          [kind, 401, false],
          [kind, 404, false],
          [kind, 429, false],
          [kind, 500, false],
          [kind, 302, false],
        ] as const,
    ),
  )('%j answers %i: final %s, and nothing of its answer is kept', async (kind, code, isFinal) => {
    status = code
    const error: unknown = await sms(kind)
      .send(message)
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect([error instanceof Refused, String(error)]).toEqual([
      isFinal,
      expect.stringMatching(/: the gateway answers \d{3}$/),
    ])
    expect(seen).toHaveLength(1)
  })

  it.each(kinds)('WH-1: %j is not called in a private network unless the operator allows it', async (kind) => {
    for (const outbound_allow of [[], ['127.0.0.1:1'], [`localhost:${port}`]])
      await expect(sms({ ...kind, outbound_allow }).send(message)).rejects.toThrow('only https addresses are called')
    await expect(
      sms({ ...kind, sms_url: `https://127.0.0.1:${port}/`, outbound_allow: [] }).send(message),
    ).rejects.toThrow('private network')
    expect(seen).toEqual([])
  })

  it.each(['0151 1234', '+491511', '+49151123456789012', '+49151\n12345', '+4915112345678,+491', 'ada@example.com'])(
    'nobody is called for %j',
    async (to) => {
      for (const kind of kinds) await expect(sms(kind).send({ ...message, to })).rejects.toThrow(Refused)
      expect(seen).toEqual([])
    },
  )
})

describe('without a gateway', () => {
  it('development shows what it would have sent; production has no way out', async () => {
    const inbox = createInbox(() => new Date(0))
    const config = { sms_body: '{}', outbound_allow: [] } as unknown as Parameters<typeof createSms>[0]
    await createSms(config, inbox)?.send({ ...message, about: { kind: 'x', code: '123456' } })
    expect(inbox.list()).toMatchObject([
      { channel: 'sms', kind: 'x', to: message.to, code: '123456', html: '', text: message.text },
    ])
    expect(createSms(config, undefined)).toBeUndefined()
  })
})
