/** Letters over a real mail server: tried again, refused, late, by several nodes, in the middle of a crash. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { queueLetter } from '../../src/outbox/queue.ts'
import { freshDatabase, type TestDatabase } from '../support/database.ts'
import { type Fixtures, fixtures } from '../support/fixtures.ts'
import { startInProcess } from '../support/in-process.ts'
import { testLetters } from '../support/letters.ts'
import { freePort } from '../support/port.ts'
import { cli, type Server, startCluster, startServer } from '../support/server.ts'
import { type Delivered, startSmtp } from '../support/smtp.ts'

const sender = { KEYWRIGHT_MAIL_FROM: 'Example <login@example.com>' }
let made = 0
let ada = ''
beforeEach(() => {
  ada = `ada-${(made += 1)}@example.com`
})

describe('a letter that the mail server will not have now', () => {
  it('is tried again after 1 s, 5 s, 30 s, 2 min, 10 min, 10 min, each time written afresh, with one Message-ID', async () => {
    const letters = testLetters()
    const smtp = await startSmtp({ onRecipient: ({ attempt }) => (attempt < 7 ? 451 : undefined) })
    const { ctx, inbox, pass } = await startInProcess({ ...sender, KEYWRIGHT_SMTP_URL: smtp.url }, letters.kinds)
    await queueLetter(ctx, ctx.db, { kind: 'test_notice', to: ada, now: ctx.now() })
    const tries = async (): Promise<number> => {
      // Looking makes what is due go out; the mail server has it, not the inbox.
      expect(await inbox.letters(ada)).toEqual([])
      return letters.asked.length
    }
    expect(await tries()).toBe(1)
    for (const [already, seconds] of [1, 5, 30, 120, 600, 600].entries()) {
      pass(seconds - 0.5)
      expect(await tries()).toBe(already + 1)
      pass(0.5)
      expect(await tries()).toBe(already + 2)
    }
    expect(smtp.letters).toHaveLength(1)
    const [row] = await ctx.db<
      { id: string; outcome: string; attempts: number; last_error: null }[]
    >`select * from outbox`
    expect(row).toMatchObject({ outcome: 'sent', attempts: 7, last_error: null, recipient: '' })
    expect(smtp.letters[0]?.mail.messageId).toBe(`<${row?.id}@localhost>`)
    expect(letters.asked.map(({ attempts }) => attempts)).toEqual([1, 2, 3, 4, 5, 6, 7])
    pass(86_400)
    expect(await tries()).toBe(7)
  })

  it('has a Message-ID for each attempt where it holds a secret: only the newest copy works, and no mailbox may drop it', async () => {
    const letters = testLetters()
    const smtp = await startSmtp({ onRecipient: ({ attempt }) => (attempt === 1 ? 451 : undefined) })
    const { ctx, inbox, pass } = await startInProcess({ ...sender, KEYWRIGHT_SMTP_URL: smtp.url }, letters.kinds)
    for (const kind of ['test_code', 'test_asked']) await queueLetter(ctx, ctx.db, { kind, to: ada, now: ctx.now() })
    await inbox.letters(ada)
    pass(1)
    await inbox.letters(ada)
    const rows = await ctx.db<{ id: string; attempts: number }[]>`select id, attempts from outbox`
    expect(rows.map(({ attempts }) => attempts).toSorted((a, b) => a - b)).toEqual([1, 2])
    expect(new Set(idsOf(smtp.letters))).toEqual(
      new Set(rows.map(({ id, attempts }) => `<${id}.${attempts}@localhost>`)),
    )
  })

  it('is dropped at the end of its life, and an event says why', async () => {
    const letters = testLetters()
    const smtp = await startSmtp({ onRecipient: () => 452 })
    const { ctx, inbox, pass } = await startInProcess({ ...sender, KEYWRIGHT_SMTP_URL: smtp.url }, letters.kinds)
    await queueLetter(ctx, ctx.db, { kind: 'test_code', to: ada, now: ctx.now() })
    for (let minutes = 0; minutes < 10; minutes += 1) {
      await inbox.letters(ada)
      pass(60)
    }
    await inbox.letters(ada)
    expect(await ctx.db`select outcome, recipient from outbox`).toMatchObject([{ outcome: 'expired', recipient: '' }])
    const events = await ctx.db`select data from all_events where type = 'mail.failed'`
    expect(events).toMatchObject([{ data: { kind: 'test_code', outcome: 'expired', attempts: 5 } }])
    expect(JSON.stringify(events)).toContain('452 not today …')
    expect(JSON.stringify([events, await ctx.db`select * from outbox`])).not.toContain(ada)
    expect(smtp.letters).toEqual([])
  })
})

describe('a letter that the mail server will never have', () => {
  it.each([
    ['an unknown mailbox', { onRecipient: () => 550 }],
    ['its content', { onLetter: () => 554 }],
  ])('%s: it ends at once, with an event that keeps no address', async (_name, options) => {
    const letters = testLetters()
    const smtp = await startSmtp(options)
    const { ctx, inbox, pass } = await startInProcess({ ...sender, KEYWRIGHT_SMTP_URL: smtp.url }, letters.kinds)
    await queueLetter(ctx, ctx.db, { kind: 'test_notice', to: ada, now: ctx.now() })
    await inbox.letters(ada)
    pass(600)
    await inbox.letters(ada)
    expect(letters.asked).toHaveLength(1)
    expect(await ctx.db`select outcome, attempts from outbox`).toMatchObject([{ outcome: 'refused', attempts: 1 }])
    const events = await ctx.db`select severity, outcome, data from all_events where type = 'mail.failed'`
    expect(events).toMatchObject([
      { severity: 'warning', outcome: 'failure', data: { kind: 'test_notice', outcome: 'refused' } },
    ])
    expect(JSON.stringify([events, await ctx.db`select * from outbox`])).not.toContain(ada)
  })
})

/** Queues the operator's test mail from here; the servers on the database send it. */
const queueIn = async ({ ctx }: Fixtures, to = ada): Promise<void> => {
  await queueLetter(ctx, ctx.db, { kind: 'mail_test', to, now: new Date() })
}
type Place = { database: TestDatabase; made: Fixtures }
const place = async (): Promise<Place> => {
  const database = await freshDatabase()
  return { database, made: await fixtures({ db: database.sql }) }
}
const idsOf = (letters: readonly Delivered[]): (string | undefined)[] => letters.map(({ mail }) => mail.messageId)
const outcomes = async ({ database }: Place): Promise<(string | null)[]> =>
  (await database.sql<{ outcome: string | null }[]>`select outcome from outbox`).map(({ outcome }) => outcome)
const healthOf = async (server: Server): Promise<unknown> => {
  const reply = await server.client().get('/health', { authorization: `Bearer ${token}` })
  return reply.json<{ checks: Record<string, unknown> }>().checks['mail']
}
const token = 'a-token-for-the-tests-of-mail'

describe('a mail server that is away', () => {
  it('keeps no request waiting, is told by health and doctor, and gets the letter when it is back', {
    timeout: 90_000,
  }, async () => {
    const here = await place()
    const port = await freePort()
    const env = { ...sender, KEYWRIGHT_SMTP_URL: `smtp://127.0.0.1:${port}`, KEYWRIGHT_MANAGEMENT_TOKEN: token }
    const server = await startServer({ database: here.database, env })
    expect(await healthOf(server)).toEqual({ status: 'healthy', detail: `through 127.0.0.1:${port}` })
    await queueIn(here.made)
    await expect
      .poll(async () => (await here.database.sql`select last_error from outbox`)[0], { timeout: 10_000 })
      .toEqual({ last_error: 'no program listens there' })
    const started = performance.now()
    expect((await server.client().get('/login')).status).toBe(200)
    expect(performance.now() - started).toBeLessThan(5000)
    await here.database.sql`update outbox set created_at = created_at - interval '2 minutes'`
    expect(await healthOf(server)).toEqual({
      status: 'degraded',
      detail: `through 127.0.0.1:${port}; 1 letter waits: no program listens there`,
    })
    const doctor = await cli(['doctor', '--json'], { env: server.env })
    expect((doctor.json as { checks: { check: string }[] }).checks.find(({ check }) => check === 'mail')).toMatchObject(
      {
        status: 'failed',
        detail: `through 127.0.0.1:${port}: no program listens there`,
      },
    )
    const tried = await cli(['mail', 'test', 'grace@example.com'], { env: server.env })
    expect(tried).toMatchObject({ code: 1, stderr: 'keywright: The mail was not sent: no program listens there.\n' })
    const smtp = await startSmtp({ port })
    await here.database.sql`update outbox set due_at = now() where finished_at is null`
    await expect
      .poll(() => new Set(smtp.letters.flatMap(({ to }) => to)), { timeout: 10_000 })
      .toEqual(new Set([ada, 'grace@example.com']))
    await expect.poll(async () => await outcomes(here), { timeout: 10_000 }).toEqual(['sent', 'sent'])
    expect(await healthOf(server)).toMatchObject({ status: 'healthy' })
    const again = await cli(['mail', 'test', 'grace@example.com'], { env: server.env })
    expect(again).toMatchObject({ code: 0, stdout: 'The mail server took the mail to grace@example.com.\n' })
  })
})

describe('several nodes', () => {
  it('send each letter once', async () => {
    const here = await place()
    const smtp = await startSmtp()
    await startCluster(2, { database: here.database, env: { ...sender, KEYWRIGHT_SMTP_URL: smtp.url } })
    await Promise.all(
      Array.from({ length: 40 }, async (_, nth) => await queueIn(here.made, `person-${nth}@example.com`)),
    )
    await expect
      .poll(async () => (await outcomes(here)).filter((outcome) => outcome === 'sent').length, { timeout: 20_000 })
      .toBe(40)
    expect(smtp.letters).toHaveLength(40)
    expect(new Set(idsOf(smtp.letters)).size).toBe(40)
  })
})

describe('a node that ends in the middle', () => {
  it('by kill -9 between the letter and its mark: another node sends it again, under the same Message-ID', async () => {
    const here = await place()
    const victim: { server?: Server } = {}
    const smtp = await startSmtp({
      onLetter: async (_letter, attempt) => {
        if (attempt === 1) await victim.server?.kill('SIGKILL')
        return undefined
      },
    })
    const options = { database: here.database, env: { ...sender, KEYWRIGHT_SMTP_URL: smtp.url } }
    victim.server = await startServer(options)
    await queueIn(here.made)
    await expect.poll(() => smtp.letters.length, { timeout: 10_000 }).toBe(1)
    expect(await outcomes(here)).toEqual([null])
    await startServer(options)
    await sleep(1500)
    // Nobody else takes it while the first one may still be sending.
    expect(smtp.letters).toHaveLength(1)
    const [row] = await here.database.sql<
      { lease: number }[]
    >`select extract(epoch from due_at - now())::int as lease from outbox`
    expect(row?.lease).toBeGreaterThan(60)
    await here.database.sql`update outbox set due_at = now()`
    await expect.poll(async () => await outcomes(here), { timeout: 10_000 }).toEqual(['sent'])
    expect(smtp.letters).toHaveLength(2)
    expect(new Set(idsOf(smtp.letters)).size).toBe(1)
  })

  it('in order: what is under way is finished first', async () => {
    const here = await place()
    const smtp = await startSmtp({ onLetter: async () => await sleep(700) })
    const server = await startServer({ database: here.database, env: { ...sender, KEYWRIGHT_SMTP_URL: smtp.url } })
    await queueIn(here.made)
    await expect
      .poll(async () => (await here.database.sql<{ attempts: number }[]>`select attempts from outbox`)[0]?.attempts, {
        timeout: 5000,
      })
      .toBe(1)
    expect(await server.stop()).toEqual({ code: 0, signal: null })
    expect(await outcomes(here)).toEqual(['sent'])
  })
})
