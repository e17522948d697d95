/**
 * Owns the mails and text messages of development: the last 200 that this process would have sent, in memory. Without a
 * mail server they are all there is of them; in production there is no inbox. Start reading at `createInbox`.
 */
import { randomUUID } from 'node:crypto'

/** A message as it would have gone out. `code` and `link` are what its reader needs from it. A text message has no html. */
export type Message = {
  id: string
  channel: 'email' | 'sms'
  kind: string
  to: string
  subject: string
  text: string
  html: string
  code?: string
  link?: string
  at: Date
}

type Added = Pick<Message, 'channel' | 'to' | 'subject' | 'text' | 'html'> & {
  about: { kind: string; code?: string; link?: string } | undefined
}

export type Inbox = {
  add: (message: Added) => void
  /** All of them, newest first. */
  list: () => readonly Message[]
}

const kept = 200

/** Makes an empty one. `now` dates what comes in. */
export const createInbox = (now: () => Date): Inbox => {
  const messages: Message[] = []
  return {
    add: ({ about, channel, to, subject, text, html }) => {
      const { kind, code, link } = about ?? { kind: 'unknown' }
      const found = { ...(code !== undefined && { code }), ...(link !== undefined && { link }) }
      messages.unshift({ id: randomUUID(), channel, kind, to, subject, text, html, ...found, at: now() })
      messages.splice(kept)
    },
    list: () => messages,
  }
}
