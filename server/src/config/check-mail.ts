/** Owns the rules about mail and text messages that one setting's schema cannot say. Pure. Start reading at `mailRules`. */
import { checkAddress, isProduction, notice, problem, type Rule } from './rule.ts'
import type { Config } from './schema.ts'

const checkSmtpUrl = ({ smtp_url }: Config): string | undefined => {
  const wrong = checkAddress('KEYWRIGHT_SMTP_URL', ['smtp:', 'smtps:'], smtp_url)
  if (wrong !== undefined || smtp_url === undefined) return wrong
  const url = new URL(smtp_url)
  const isPlain =
    /^\/?$/.test(url.pathname) && url.search === '' && url.hash === '' && !/%(?![0-9a-f]{2})/i.test(smtp_url)
  return isPlain
    ? undefined
    : 'KEYWRIGHT_SMTP_URL: expected smtp://user:password@host:port and nothing after it; signs such as # / @ % in the password are written as %23 %2F %40 %25.'
}

const checkGatewayUrl = ({ sms_url, sms_gateway }: Config): string | undefined => {
  const wrong = checkAddress('KEYWRIGHT_SMS_URL', ['http:', 'https:'], sms_url)
  if (wrong !== undefined || sms_url === undefined) return wrong
  if (sms_gateway === undefined)
    return 'KEYWRIGHT_SMS_URL: KEYWRIGHT_SMS_GATEWAY says which kind of gateway it is: twilio or http.'
  // What is filled in is somebody's number: it must not choose the host.
  return new URL(sms_url).host.includes('{') || /^https?:\/\/[^/]*\{\{/.test(sms_url)
    ? 'KEYWRIGHT_SMS_URL: the host is fixed; only the path and the query may hold {{to}}, {{from}} and {{text}}.'
    : undefined
}

const checkTwilio = (config: Config): string[] =>
  config.sms_gateway === 'twilio'
    ? (['account', 'token', 'from'] as const)
        .filter((name) => config[`sms_${name}`] === undefined)
        .map((name) => `KEYWRIGHT_SMS_${name.toUpperCase()}: the gateway twilio needs it.`)
    : []

const checkHttpGateway = ({ sms_gateway, sms_url, sms_body, sms_headers }: Config): string[] => [
  ...(sms_gateway === 'http' && sms_url === undefined ? ['KEYWRIGHT_SMS_URL: the gateway http needs it.'] : []),
  ...(parseObject(sms_body) === undefined ? ['KEYWRIGHT_SMS_BODY: expected a JSON object.'] : []),
  ...(sms_headers !== undefined && !isHeaders(parseObject(sms_headers))
    ? [
        'KEYWRIGHT_SMS_HEADERS: expected a JSON object of texts, with names and values as HTTP allows them (RFC 9110 §5).',
      ]
    : []),
]

/** The object that a JSON text is; undefined for anything else. */
export const parseObject = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const isHeaders = (headers: Readonly<Record<string, unknown>> | undefined): boolean =>
  headers !== undefined &&
  Object.entries(headers).every(
    ([name, value]) =>
      /^[!#$%&'*+.^_`|~\w-]+$/.test(name) && typeof value === 'string' && /^[\x20-\x7e\t]*$/.test(value),
  )

/** The machine's own three addresses: nobody can listen between them. */
export const isLoopbackHost = (host: string): boolean => ['localhost', '127.0.0.1', '[::1]', '::1'].includes(host)

export const mailRules: readonly Rule[] = [
  problem(['smtp_url'], checkSmtpUrl),
  problem(['profile', 'smtp_url', 'mail_from'], (config) =>
    isProduction(config) && config.smtp_url !== undefined && config.mail_from === undefined
      ? 'KEYWRIGHT_MAIL_FROM: a mail server is set, so production needs the sender of mails, too: Example <login@example.com>.'
      : undefined,
  ),
  problem(['sms_url', 'sms_gateway'], checkGatewayUrl),
  problem(['sms_gateway', 'sms_account', 'sms_token', 'sms_from'], checkTwilio),
  problem(['sms_gateway', 'sms_url', 'sms_body', 'sms_headers'], checkHttpGateway),
  notice(['profile', 'smtp_url'], (config) =>
    isProduction(config) && config.smtp_url === undefined
      ? 'KEYWRIGHT_SMTP_URL is not set: no mail is sent, so nobody can register, recover an account or get a code by mail.'
      : undefined,
  ),
  notice(['smtp_tls', 'smtp_url'], ({ smtp_tls, smtp_url }) =>
    !smtp_tls && smtp_url !== undefined
      ? 'KEYWRIGHT_SMTP_TLS is off: whoever listens between here and the mail server reads one-time links and codes.'
      : undefined,
  ),
]
