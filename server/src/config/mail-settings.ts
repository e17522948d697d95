/** Owns the settings of mail and text messages; schema.ts puts them among the others. */
import { z } from 'zod'
import { flag, group, list, secret, whole } from './leaf.ts'

const mail = group('Mail')
const sms = group('Text messages')

/** One plain address, or a name before one in angle brackets. Nothing that a parser of mail headers could read twice. */
const sender =
  /^(?:(?:"[^\p{C}"\\]{1,100}"|[^\p{C}<>"@,;:\\]{1,100}) <[^\p{C}\s<>"@,;:\\]+@[a-zA-Z0-9.-]+>|[^\p{C}\s<>"@,;:\\]+@[a-zA-Z0-9.-]+)$/u

export const mailSettings = {
  smtp_url: secret(
    mail(
      'KEYWRIGHT_SMTP_URL',
      z.string().describe('an smtp:// or smtps:// address').optional(),
      'The mail server, as smtp://user:password@host:port, or smtps:// for TLS from the first byte. Unset in development: mails are shown at /dev/mail. See mail.md.',
    ),
  ),
  smtp_tls: mail(
    'KEYWRIGHT_SMTP_TLS',
    flag.default(true),
    'Whether a mail server on another machine must offer TLS (STARTTLS). off lets mails and the password of the server travel in the clear.',
  ),
  mail_from: mail(
    'KEYWRIGHT_MAIL_FROM',
    z
      .string()
      .regex(sender)
      .describe('a mail address such as login@example.com, or Name <login@example.com>')
      .optional(),
    'The sender of mails: an address, or a name with the address in angle brackets. Production needs it with KEYWRIGHT_SMTP_URL.',
  ),

  sms_gateway: sms(
    'KEYWRIGHT_SMS_GATEWAY',
    z.enum(['twilio', 'http']).optional(),
    'How text messages are sent: twilio (its form of request, which others take too) or http (JSON to any address). Unset in development: they are shown at /dev/mail. See mail.md.',
  ),
  sms_url: sms(
    'KEYWRIGHT_SMS_URL',
    z.string().describe('an https:// address').optional(),
    'The address of the gateway. twilio: its base, default https://api.twilio.com. http: the whole address, in which {{to}}, {{from}} and {{text}} are filled in.',
  ),
  sms_account: sms(
    'KEYWRIGHT_SMS_ACCOUNT',
    z.string().regex(/^\w+$/).describe('letters and digits').optional(),
    'twilio: the account SID.',
  ),
  sms_token: secret(sms('KEYWRIGHT_SMS_TOKEN', z.string().min(1).optional(), 'twilio: the auth token.')),
  sms_from: sms(
    'KEYWRIGHT_SMS_FROM',
    z
      .string()
      .regex(/^[\w+ .-]{1,64}$/)
      .describe('a number, a name, or the id of a messaging service')
      .optional(),
    'The sender of text messages, as the gateway wants it.',
  ),
  sms_headers: secret(
    sms(
      'KEYWRIGHT_SMS_HEADERS',
      z.string().describe('a JSON object of texts').optional(),
      'http: headers of the request as a JSON object, such as {"authorization":"Bearer …"}.',
    ),
  ),
  sms_body: sms(
    'KEYWRIGHT_SMS_BODY',
    z.string().describe('a JSON object').default('{"to":"{{to}}","from":"{{from}}","text":"{{text}}"}'),
    'http: the JSON that is sent; {{to}}, {{from}} and {{text}} are filled in inside its texts.',
  ),
  sms_countries: sms(
    'KEYWRIGHT_SMS_COUNTRIES',
    list
      .pipe(z.array(z.string().regex(/^\+[1-9]\d{0,5}$/)))
      .describe('+49,+43: calling codes, comma separated')
      .default([]),
    'Beginnings of the numbers that may get text messages, comma separated. Empty: all countries.',
  ),
  sms_daily: sms(
    'KEYWRIGHT_SMS_DAILY',
    whole(0, 1_000_000).default(500),
    'Text messages in 24 hours, all together: what is beyond is not sent, so that nobody can spend your money (MF-3).',
  ),
  sms_daily_country: sms(
    'KEYWRIGHT_SMS_DAILY_COUNTRY',
    whole(0, 1_000_000).default(200),
    'Text messages in 24 hours to one country (in North America: to one area code).',
  ),
}
