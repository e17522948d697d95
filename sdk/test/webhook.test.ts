/** The check of a webhook (Standard Webhooks, security rule WH-2): what was signed, by whom, and when. */
import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KeywrightError } from '../src/index.ts'
import { verifyWebhook } from '../src/webhook.ts'

const secret = `whsec_${randomBytes(32).toString('base64')}`
const older = `whsec_${randomBytes(24).toString('base64')}`
const body = '{"type":"user.created","data":{"name":"Zoë"}}'

const mac = (message: string, by = secret): string =>
  createHmac('sha256', Buffer.from(by.slice('whsec_'.length), 'base64'))
    .update(message)
    .digest('base64')

/** The headers of a message that was sent so many seconds ago. */
const headersFor = (text: string, { by = [secret], age = 0, id = 'evt_1' } = {}): Record<string, string> => {
  const at = Math.floor(Date.now() / 1000) - age
  return {
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': by.map((one) => `v1,${mac(`${id}.${at}.${text}`, one)}`).join(' '),
  }
}

/** That a message is believed. */
const expectGood = async (work: Promise<{ id: string }>): Promise<void> => expect((await work).id).toBe('evt_1')

const expectRefusal = async (work: Promise<unknown>, code = 'invalid_webhook'): Promise<void> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(KeywrightError)
  expect(error).toMatchObject({ code, status: code === 'invalid_webhook' ? 400 : 500 })
}

describe('a message', () => {
  it('is what was signed: text or bytes, headers of either kind, in any case', async () => {
    const headers = headersFor(body)
    const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
    for (const bag of [headers, new Headers(headers), shouted]) {
      for (const raw of [body, Buffer.from(body), new TextEncoder().encode(body)]) {
        const message = await verifyWebhook(raw, bag, secret)
        expect(message).toEqual({
          id: 'evt_1',
          timestamp: expect.any(Date) as Date,
          payload: JSON.parse(body) as unknown,
        })
      }
    }
  })

  it('while the secret is being changed: by either, with either', async () => {
    await expectGood(verifyWebhook(body, headersFor(body, { by: [older] }), [secret, older]))
    await expectGood(verifyWebhook(body, headersFor(body, { by: [secret, older] }), older))
    const odd = headersFor(body)
    await expectGood(
      verifyWebhook(body, { ...odd, 'webhook-signature': `v2,x v1a,y ${odd['webhook-signature'] ?? ''}` }, secret),
    )
  })

  it('at the bounds of its age', async () => {
    await expectGood(verifyWebhook(body, headersFor(body, { age: 299 }), secret))
    await expectGood(verifyWebhook(body, headersFor(body, { age: -299 }), secret))
    await expectRefusal(verifyWebhook(body, headersFor(body, { age: 301 }), secret))
    await expectRefusal(verifyWebhook(body, headersFor(body, { age: -302 }), secret))
    await expectGood(verifyWebhook(body, headersFor(body, { age: 900 }), secret, { toleranceSeconds: 1000 }))
  })
})

describe('nobody else', () => {
  it.each([
    ['another body', async () => await verifyWebhook(`${body} `, headersFor(body), secret)],
    ['another id', async () => await verifyWebhook(body, { ...headersFor(body), 'webhook-id': 'evt_2' }, secret)],
    [
      'another time',
      async () =>
        await verifyWebhook(
          body,
          { ...headersFor(body), 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 1) },
          secret,
        ),
    ],
    ['another secret', async () => await verifyWebhook(body, headersFor(body, { by: [older] }), secret)],
    ['no signature', async () => await verifyWebhook(body, { ...headersFor(body), 'webhook-signature': '' }, secret)],
    [
      'half a signature',
      async () =>
        await verifyWebhook(
          body,
          { ...headersFor(body), 'webhook-signature': (headersFor(body)['webhook-signature'] ?? '').slice(0, 20) },
          secret,
        ),
    ],
    [
      'a version that is not ours',
      async () =>
        await verifyWebhook(
          body,
          {
            ...headersFor(body),
            'webhook-signature': (headersFor(body)['webhook-signature'] ?? '').replace('v1', 'v0'),
          },
          secret,
        ),
    ],
    ['no headers', async () => await verifyWebhook(body, {}, secret)],
    [
      'a header twice',
      async () => await verifyWebhook(body, { ...headersFor(body), 'webhook-id': ['evt_1', 'evt_1'] }, secret),
    ],
    [
      'a time that is none',
      async () => await verifyWebhook(body, { ...headersFor(body), 'webhook-timestamp': 'now' }, secret),
    ],
    ['a body that is no JSON', async () => await verifyWebhook('x', headersFor('x'), secret)],
  ])('%s', async (_, work) => await expectRefusal(work()))

  it.each([
    ['', []],
    ['no secret', 'whsec_'],
    ['a short one', 'whsec_c2hvcnQ='],
    ['words', 'my secret'],
  ])(
    'a secret that is none: %s',
    async (_, wrong) => await expectRefusal(verifyWebhook(body, headersFor(body), wrong), 'invalid_configuration'),
  )
})
