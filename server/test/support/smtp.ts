/**
 * Owns a real mail server in the test process: it takes letters, or refuses them as the test says, and shows what came over
 * the wire. Start reading at `startSmtp`.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterAll } from 'vitest'

/** A letter as the server got it: the envelope, whether the connection was encrypted, who had signed in, and the mail. */
export type Delivered = {
  from: string
  to: string[]
  secure: boolean
  user: string | undefined
  mail: ParsedMail
  raw: string
}

/** What to answer to a recipient or a letter: undefined takes it, a number refuses it with that code. */
export type Answer = (letter: { to: string; attempt: number }) => number | undefined

export type SmtpOptions = {
  port?: number
  /** Default: 127.0.0.1. */
  host?: string
  /** TLS from the first byte, STARTTLS on offer, or neither. */
  tls?: 'implicit' | 'starttls' | 'none'
  /** The credentials that are asked for. */
  user?: string
  pass?: string
  onRecipient?: Answer
  /** Also called with the letter before it is acknowledged; may wait. */
  onLetter?: (letter: Delivered, attempt: number) => Promise<number | undefined> | number | undefined
}

export type Smtp = {
  port: number
  /** `smtp://…` as KEYWRIGHT_SMTP_URL takes it, with the credentials. */
  url: string
  /** Everything that was acknowledged, oldest first. */
  letters: Delivered[]
  connections: () => number
  close: () => Promise<void>
}

const servers = new Set<Smtp>()
afterAll(async () => {
  for (const server of servers) await server.close()
})

/** Starts a mail server. */
export const startSmtp = async (options: SmtpOptions = {}): Promise<Smtp> => {
  const letters: Delivered[] = []
  let connections = 0
  const server = new SMTPServer({
    ...settingsOf(options),
    ...handlersOf(options, letters),
    onConnect: (_session, done) => {
      connections += 1
      done()
    },
  })
  // A client that goes away in the middle is what some tests are about.
  server.on('error', () => {})
  const host = options.host ?? '127.0.0.1'
  server.listen(options.port ?? 0, host)
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  const credentials = options.user === undefined ? '' : `${options.user}:${encodeURIComponent(options.pass ?? '')}@`
  const smtp: Smtp = {
    port,
    url: `${options.tls === 'implicit' ? 'smtps' : 'smtp'}://${credentials}${host}:${port}`,
    letters,
    connections: () => connections,
    close: async () => {
      servers.delete(smtp)
      await new Promise<void>((resolve) => server.close(resolve))
    },
  }
  servers.add(smtp)
  return smtp
}

/** The certificate is the one that the package brings: self-signed, for localhost. */
const settingsOf = ({ tls = 'starttls', user }: SmtpOptions): SMTPServerOptions => ({
  secure: tls === 'implicit',
  disabledCommands: [...(tls === 'none' ? ['STARTTLS'] : []), ...(user === undefined ? ['AUTH'] : [])],
  allowInsecureAuth: tls === 'none',
  authOptional: user === undefined,
  disableReverseLookup: true,
  // It would warn of its own certificate.
  logger: false,
  closeTimeout: 200,
})

const handlersOf = (options: SmtpOptions, letters: Delivered[]): SMTPServerOptions => {
  const attempts = new Map<string, number>()
  const next = (key: string): number => {
    const attempt = (attempts.get(key) ?? 0) + 1
    attempts.set(key, attempt)
    return attempt
  }
  return {
    onAuth: ({ username, password }, _session, done) => {
      const isRight = username === options.user && password === options.pass
      done(isRight ? null : refusal(535), isRight ? { user: username } : undefined)
    },
    onRcptTo: ({ address }, _session, done) => {
      const code = options.onRecipient?.({ to: address, attempt: next(`rcpt ${address}`) })
      done(code === undefined ? null : refusal(code, address))
    },
    onData: (stream, session, done) => {
      const answer = (code: number | undefined): void => done(code === undefined ? null : refusal(code))
      const take = async (): Promise<number | undefined> => {
        const raw = Buffer.concat(await stream.toArray()).toString()
        const { mailFrom, rcptTo } = session.envelope
        const letter: Delivered = {
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          secure: session.secure,
          user: session.user as string | undefined,
          mail: await simpleParser(raw),
          raw,
        }
        const code = await options.onLetter?.(letter, next(`data ${letter.to.join()}`))
        if (code === undefined) letters.push(letter)
        return code
      }
      void take().then(answer, done)
    },
  }
}

const refusal = (code: number, address = ''): Error =>
  Object.assign(new Error(`not today ${address}`), { responseCode: code })
