/**
 * Owns reading the mails and text messages that a server of the tests has sent: from /dev/mail.json of running ones, or
 * from the memory of one in the test process. Start reading at `inboxOf`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ctx } from '../../src/ctx.ts'
import type { Message } from '../../src/io/inbox.ts'
import { deliver, endLate } from '../../src/outbox/deliver.ts'
import { httpClient } from './http.ts'

/** A mail or text message as it came. `code` and `link` are empty where it has none. */
export type ReceivedLetter = Pick<Message, 'id' | 'channel' | 'kind' | 'to' | 'subject' | 'text' | 'html'> & {
  code: string
  link: string
}

/** Which one to wait for: of a kind, after another one (what came before it does not count). */
export type LetterChoice = { kind?: string; after?: ReceivedLetter }

export type TestInbox = {
  /** The newest letter to an address or number; waits for it, 5 seconds at most. */
  letter: (to: string, choice?: LetterChoice) => Promise<ReceivedLetter>
  /** All there are to an address or number, newest first; waits for nothing. */
  letters: (to: string, choice?: LetterChoice) => Promise<ReceivedLetter[]>
}

/** The inbox of running servers; of a cluster give all of them, because any node may have sent a letter. */
export const inboxOf = (...servers: { origin: string; issuer: string; port: number }[]): TestInbox =>
  createTestInbox(async () => {
    const replies = await Promise.all(
      servers.map(async ({ issuer, port }) => await httpClient(issuer, { port }).get('/dev/mail.json')),
    )
    return replies.flatMap((reply) => reply.json<{ messages: Message[] }>().messages)
  })

/** The inbox of a server in the test process, whose jobs do not run: what is due is sent when somebody looks. */
export const inboxIn = (ctx: Ctx): TestInbox =>
  createTestInbox(async () => {
    await Promise.all([deliver(ctx, 'email'), deliver(ctx, 'sms'), endLate(ctx)])
    return [...(ctx.inbox?.list() ?? [])]
  })

const createTestInbox = (read: () => Promise<Message[]>): TestInbox => {
  const letters: TestInbox['letters'] = async (to, { kind, after } = {}) => {
    const all = (await read())
      .toSorted((one, other) => new Date(other.at).getTime() - new Date(one.at).getTime())
      .filter((one) => one.to.toLowerCase() === to.toLowerCase() && (kind === undefined || one.kind === kind))
    const known = all.findIndex(({ id }) => id === after?.id)
    return (known === -1 ? all : all.slice(0, known)).map((one) => ({ code: '', link: '', ...one }))
  }
  return {
    letters,
    letter: async (to, choice = {}) => {
      const until = performance.now() + 5000
      for (;;) {
        const [first] = await letters(to, choice)
        if (first !== undefined) return first
        if (performance.now() > until) {
          const seen = (await read()).map((one) => `${one.kind} to ${one.to}`).join(', ')
          throw new Error(`no letter ${choice.kind ?? ''} to ${to}; there are: ${seen || 'none'}`)
        }
        await sleep(20)
      }
    },
  }
}
