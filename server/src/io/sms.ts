/**
 * Owns sending text messages through the operator's gateway: in Twilio's form of request, as JSON to any address, or, in
 * development without one, into the inbox of this process. Start reading at `createSms`.
 */
import { parseObject } from '../config/check-mail.ts'
import type { Config } from '../config/schema.ts'
import type { Inbox } from './inbox.ts'
import { type Answer, call } from './outbound.ts'
import { Refused } from './refused.ts'

/** A text message that is ready; `to` is a number as E.164 writes it, with a plus sign. `about` as in mail.ts. */
export type TextMessage = { to: string; text: string; about?: { kind: string; code?: string; link?: string } }

export type Sms = {
  /** Sends. Throws Refused when the gateway will never take it, Error in words when it may later. */
  send: (message: TextMessage) => Promise<void>
}

type SmsConfig = Pick<
  Config,
  'sms_gateway' | 'sms_url' | 'sms_account' | 'sms_token' | 'sms_from' | 'sms_headers' | 'sms_body' | 'outbound_allow'
>

/** The way out for text messages: the gateway, else the inbox of development, else none. */
export const createSms = (config: SmsConfig, inbox: Inbox | undefined): Sms | undefined => {
  if (config.sms_gateway === 'twilio') return { send: async (message) => await viaTwilio(config, checked(message)) }
  if (config.sms_gateway === 'http') return { send: async (message) => await viaHttp(config, checked(message)) }
  if (inbox === undefined) return undefined
  return {
    send: async ({ about, ...message }) => {
      const { to, text } = checked(message)
      await Promise.resolve(
        inbox.add({ channel: 'sms', to, subject: text.split('\n')[0] ?? '', text, html: '', about }),
      )
    },
  }
}

/** ITU-T E.164 §6.2: a country code and at most 15 digits in all. */
const checked = (message: TextMessage): TextMessage => {
  if (!/^\+[1-9]\d{6,14}$/.test(message.to)) throw new Refused('this is not a number that E.164 knows')
  return message
}

/** POST …/2010-04-01/Accounts/{sid}/Messages.json, a form with To, From (or the id of a service) and Body. */
const viaTwilio = async (config: SmsConfig, { to, text }: TextMessage): Promise<void> => {
  const { sms_url: base = 'https://api.twilio.com', sms_account = '', sms_token = '', sms_from = '' } = config
  const sender = /^MG[0-9a-f]{32}$/.test(sms_from) ? { MessagingServiceSid: sms_from } : { From: sms_from }
  const answer = await call(`${base.replace(/\/+$/, '')}/2010-04-01/Accounts/${sms_account}/Messages.json`, {
    headers: { authorization: `Basic ${Buffer.from(`${sms_account}:${sms_token}`).toString('base64')}` },
    form: { To: to, ...sender, Body: text },
    guard: { allow: config.outbound_allow },
  })
  judge(answer)
}

const viaHttp = async (config: SmsConfig, { to, text }: TextMessage): Promise<void> => {
  const values = { to, text, from: config.sms_from ?? '' }
  const answer = await call(fill(config.sms_url ?? '', values, encodeURIComponent), {
    headers: textsOf(parseObject(config.sms_headers ?? '{}')),
    json: fillAll(parseObject(config.sms_body), values),
    guard: { allow: config.outbound_allow },
  })
  judge(answer)
}

type Values = Readonly<Record<'to' | 'from' | 'text', string>>

const fill = (template: string, values: Values, encode: (text: string) => string = (text) => text): string =>
  template.replace(/\{\{(to|from|text)\}\}/g, (_, name: keyof Values) => encode(values[name]))

/** Inside the texts of a parsed document: what is filled in cannot change its form. */
const fillAll = (value: unknown, values: Values): unknown => {
  if (typeof value === 'string') return fill(value, values)
  if (Array.isArray(value)) return value.map((item) => fillAll(item, values))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fillAll(item, values)]))
}

const textsOf = (headers: Readonly<Record<string, unknown>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]))

/**
 * 400 and 422 are about this message and final; anything else (credentials, rate, an outage, a wrong address of the gateway)
 * may be mended while the message lives. What the gateway says is not kept: it may repeat the message.
 */
const judge = ({ status }: Answer): void => {
  if (status >= 200 && status < 300) return
  const sentence = `the gateway answers ${status}`
  throw status === 400 || status === 422 ? new Refused(sentence) : new Error(sentence)
}
