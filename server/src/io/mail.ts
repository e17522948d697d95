/**
 * Owns sending mail: by SMTP to the one server that the operator configured, or, in development without one, into the
 * inbox of this process. Never parses an address (security rule EM-1). Start reading at `createMailer`.
 */
import { domainToASCII } from 'node:url'
import type { Transporter } from 'nodemailer'
import { isLoopbackHost } from '../config/check-mail.ts'
import type { Config } from '../config/schema.ts'
import type { Inbox } from './inbox.ts'
import { wordsFor } from './outbound.ts'
import { Refused } from './refused.ts'

/**
 * A mail that is ready. `to` is one plain address. `message_id` without angle brackets is the same at each attempt, so that
 * a mailbox can tell a second copy. `about` is for the inbox of development alone and is never sent.
 */
export type Mail = {
  to: string
  subject: string
  text: string
  html: string
  message_id?: string
  about?: { kind: string; code?: string; link?: string }
}

export type Mailer = {
  /** Sends. Throws Refused when the server will never take it, Error in words when it may later. */
  send: (mail: Mail) => Promise<void>
  /** Connects and signs in. Throws Error in words. */
  check: () => Promise<void>
  /** Closes what is open. */
  close: () => void
}

type MailConfig = Pick<Config, 'smtp_url' | 'smtp_tls' | 'mail_from' | 'name' | 'issuer'>

/** The way out for mail: the SMTP server, else the inbox of development, else none. */
export const createMailer = (config: MailConfig, inbox: Inbox | undefined): Mailer | undefined => {
  if (config.smtp_url !== undefined) return overSmtp(config, config.smtp_url)
  if (inbox === undefined) return undefined
  return {
    send: async ({ about, ...mail }) => {
      await Promise.resolve(inbox.add({ channel: 'email', ...mail, to: plainAddress(mail.to), about }))
    },
    check: async () => {
      await Promise.resolve()
    },
    close: () => {},
  }
}

/** How long one letter may take from the first byte to the last, whatever the server does. */
const patienceMs = 45_000

const overSmtp = (config: MailConfig, url: string): Mailer => {
  // Read from disk at the first mail: most processes start long before that, and commands send none.
  let opened: Promise<Transporter> | undefined
  const transport = async (): Promise<Transporter> => {
    opened ??= import('nodemailer').then(({ createTransport }) => createTransport(smtpOptions(url, config)))
    return await opened
  }
  const from = senderOf(config)
  return {
    send: async (mail) => {
      const message = messageOf(mail, from)
      const open = await transport()
      await inTime(open.sendMail(message)).catch(explain)
    },
    check: async () => {
      const open = await transport()
      await inTime(open.verify()).catch(explain)
    },
    close: () => void opened?.then((open) => open.close()).catch(() => {}),
  }
}

/**
 * What the SMTP client is told. Only host, port and credentials come from the address: it cannot switch anything off. Pure.
 * On the machine itself nobody can listen between, so there TLS is taken if offered and its certificate is not judged.
 */
export const smtpOptions = (address: string, { smtp_tls, issuer }: Pick<Config, 'smtp_tls' | 'issuer'>) => {
  const url = new URL(address)
  const isLoopback = isLoopbackHost(url.hostname)
  const secure = url.protocol === 'smtps:'
  const user = decodeURIComponent(url.username)
  const ownHost = new URL(issuer).hostname
  return {
    pool: true as const,
    maxConnections: 3,
    maxMessages: 100,
    maxRequeues: 1,
    idleTimeout: 30_000,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || (secure ? 465 : 587)),
    secure,
    requireTLS: !secure && !isLoopback && smtp_tls,
    tls: { minVersion: 'TLSv1.2' as const, rejectUnauthorized: !isLoopback },
    // RFC 5321 §4.1.1.1: who is calling. Without it the name of the machine would be said, which strict servers refuse.
    ...(!isLoopbackHost(ownHost) && { name: ownHost }),
    ...(user !== '' && { auth: { user, pass: decodeURIComponent(url.password) } }),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 10_000,
    dnsTimeout: 10_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

type Sender = { name: string; address: string }

/** The sender as it was configured; its form was checked at start, and production has one. */
const senderOf = ({ mail_from = 'keywright@localhost', name }: MailConfig): Sender => {
  const [, shown, address] = /^"?([^"<]*?)"? <(.*)>$/.exec(mail_from) ?? []
  return { name: shown ?? name, address: plainAddress(address ?? mail_from) }
}

/** EM-1: envelope and headers are objects, so that no address is ever a string that somebody takes apart. */
const messageOf = (mail: Mail, from: Sender) => {
  const to = plainAddress(mail.to)
  if (/[\r\n]/.test(mail.subject)) throw new Refused('the subject has more than one line')
  return {
    envelope: { from: { name: '', address: from.address }, to: [{ name: '', address: to }] },
    from,
    to: { name: '', address: to },
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    ...(mail.message_id !== undefined && { messageId: `<${mail.message_id}>` }),
    // RFC 3834 §5: out-of-office notes and the like do not answer.
    headers: { 'auto-submitted': 'auto-generated', 'x-auto-response-suppress': 'All' },
  }
}

const localForm = /^(?![.])(?!.*[.]{2})[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]{1,64}(?<![.])$/u

/**
 * EM-1: one plain addr-spec with an ASCII domain, at most 254 characters. The edge has checked the same; here it is the last
 * line, whatever came between.
 */
const plainAddress = (text: string): string => {
  const [local = '', domain = '', ...rest] = text.split('@')
  const isPlain = rest.length === 0 && localForm.test(local) && /^[\p{L}\p{M}\p{N}.-]+$/u.test(domain)
  const ascii = isPlain ? domainToASCII(domain) : ''
  const address = `${local}@${ascii}`
  if (ascii === '' || address.length > 254) throw new Refused('this is not one plain address')
  return address
}

const inTime = async <T>(work: Promise<T>): Promise<T> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), patienceMs)
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** What the SMTP client adds to an error. */
type SmtpError = Error & {
  code?: string
  originalCode?: string
  command?: string
  responseCode?: number
  response?: string
}

/**
 * RFC 5321 §4.2.1: 5yz to the recipient or to the letter is final, so it must not be repeated. 5yz to greeting or
 * credentials is about the server, and the operator may mend that while the letter lives.
 */
const explain = (error: unknown): never => {
  if (!(error instanceof Error)) throw new Error(String(error))
  const { code = '', originalCode = '', command, responseCode = 0, response } = error as SmtpError
  const isAboutLetter = command === 'RCPT TO' || command === 'DATA' || code === 'EMESSAGE'
  const said = response === undefined ? undefined : `the mail server says: ${printable(response)}`
  if (responseCode >= 500 && isAboutLetter) throw new Refused(said ?? 'the mail server refused it', { cause: error })
  const why = wordsFor(originalCode) ?? smtpWords[code] ?? said ?? wordsFor(code) ?? printable(error.message)
  throw new Error(why, { cause: error })
}

const smtpWords: Record<string, string> = {
  ETLS: 'the mail server offers no TLS',
  EDNS: 'there is no host of that name',
}

const printable = (text: string): string =>
  text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 200)
