/** The outbox in development: queued with a change, written when it is sent, shown in the inbox, counted, forgotten. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { startJobs } from '../../src/jobs.ts'
import { deliver, endLate } from '../../src/outbox/deliver.ts'
import { removeExpired } from '../../src/outbox/expired.ts'
import type { DueLetter } from '../../src/outbox/letter.ts'
import { type LetterWish, lettersSince, queueLetter, recipientHash } from '../../src/outbox/queue.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { testLetters } from '../support/letters.ts'

const letters = testLetters()
let home: InProcess
let made = 0
let ada = ''

beforeAll(async () => {
  home = await startInProcess({}, letters.kinds)
})
beforeEach(() => {
  ada = `ada-${(made += 1)}@example.com`
})

const queue = async (wish: Partial<LetterWish> = {}): Promise<string> => {
  const { ctx } = home
  const full = { kind: 'test_code', to: ada, now: ctx.now(), ...wish }
  return await transact(ctx.db, async (tx) => await queueLetter(ctx, tx, full))
}
const rows = async () =>
  await home.db`select * from outbox where recipient_hash = ${recipientHash(home.ctx, 'email', ada)} order by created_at`
const writtenFor = (to: string): DueLetter[] => letters.asked.filter((letter) => letter.to === to)

describe('a letter', () => {
  it('arrives with its code, and nothing of it stays', async () => {
    expect(await queue({ facts: { ip: '203.0.113.7' } })).toBe('queued')
    expect(await rows()).toMatchObject([{ recipient: ada, facts: { ip: '203.0.113.7' }, outcome: null }])
    const letter = await home.inbox.letter(ada, { kind: 'test_code' })
    expect(letter).toMatchObject({ channel: 'email', subject: 'Sign in', code: letters.codes.at(-1), link: '' })
    expect(letter.text).toContain(letter.code)
    expect(letter.html).toContain(letter.code)
    expect(await rows()).toMatchObject([{ recipient: '', facts: {}, outcome: 'sent', attempts: 1 }])
  })

  it('goes to the form of the address that was proved (EM-1)', async () => {
    await queue({ to: ada.toUpperCase().replace('A', 'Ａ') })
    expect((await home.inbox.letter(ada)).to).toBe(ada)
  })

  it.each([
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@example.com, eve@example.com',
    '"a@b"@example.com',
    'Ada <ada@example.com>',
  ])('is not queued for %j (EM-1)', async (to) => {
    await expect(queue({ to })).rejects.toThrow('cannot go to this address')
  })

  it('of a change that was rolled back does not exist', async () => {
    const { ctx } = home
    const work = transact(ctx.db, async (tx) => {
      await queueLetter(ctx, tx, { kind: 'test_code', to: ada, now: ctx.now() })
      throw new Error('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    expect(await rows()).toEqual([])
  })

  it('whose writer has nothing to say ends without being sent', async () => {
    await queue({ kind: 'test_asked', facts: { silent: true } })
    expect(await home.inbox.letters(ada)).toEqual([])
    expect(await rows()).toMatchObject([{ recipient: '', outcome: 'nothing' }])
  })

  it('RC-2: never leads away from the issuer', async () => {
    await queue({ kind: 'test_asked', facts: { host: 'https://evil.example' } })
    expect(await home.inbox.letters(ada)).toEqual([])
    expect(await rows()).toMatchObject([{ outcome: null, last_error: 'it could not be written' }])
    await queue({ kind: 'test_asked' })
    expect((await home.inbox.letter(ada)).link).toMatch(`${home.ctx.config.issuer}/verify?token=`)
  })

  it('of a kind that nobody has listed is a mistake', async () => {
    await expect(queue({ kind: 'nosuch' })).rejects.toThrow('no letter of the kind nosuch')
  })

  it('is forgotten after two days', async () => {
    await queue()
    await home.inbox.letter(ada)
    const remove = async () => await removeExpired[0]?.(home.db, home.ctx.now(), 1000)
    home.pass(2 * 86_400 - 1)
    await remove()
    expect(await rows()).toHaveLength(1)
    home.pass(2)
    await remove()
    expect(await rows()).toHaveLength(0)
  })
})

describe('MF-3, limits by address', () => {
  it('a code: three in ten minutes, ten in a day, each kind for itself', async () => {
    expect([await queue(), await queue(), await queue(), await queue()]).toEqual([
      'queued',
      'queued',
      'queued',
      'limited',
    ])
    expect(await queue({ kind: 'test_asked' })).toBe('queued')
    home.pass(599)
    expect(await queue()).toBe('limited')
    for (let more = 0; more < 7; more += 1) {
      home.pass(601)
      expect(await queue()).toBe('queued')
    }
    home.pass(601)
    expect(await queue()).toBe('limited')
    home.pass(86_400)
    expect(await queue()).toBe('queued')
  })

  it('what anybody can ask for: five in an hour', async () => {
    for (let sent = 0; sent < 5; sent += 1) expect(await queue({ kind: 'test_asked' })).toBe('queued')
    expect(await queue({ kind: 'test_asked', to: ada.toUpperCase() })).toBe('limited')
    home.pass(3599)
    expect(await queue({ kind: 'test_asked' })).toBe('limited')
    home.pass(2)
    expect(await queue({ kind: 'test_asked' })).toBe('queued')
  })

  it('notices are always told', async () => {
    for (let sent = 0; sent < 12; sent += 1) expect(await queue({ kind: 'test_notice' })).toBe('queued')
  })

  it('holds for thirty who ask at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, async () => await queue()))
    expect(answers.filter((answer) => answer === 'queued')).toHaveLength(3)
  })

  it('can be asked for by whoever limits further', async () => {
    await queue()
    await home.inbox.letter(ada)
    const to_hash = recipientHash(home.ctx, 'email', ada.toUpperCase())
    const since = new Date(home.ctx.now().getTime() - 1000)
    expect(await lettersSince(home.db, { to_hash, kinds: ['test_code'], since })).toBe(1)
    expect(await lettersSince(home.db, { to_hash, kinds: ['test_asked'], since })).toBe(0)
    expect(await lettersSince(home.db, { to_hash, kinds: ['test_code'], since: home.ctx.now() })).toBe(0)
  })
})

describe('MF-3, limits of text messages', () => {
  const sms = async (to: string): Promise<string> => await queue({ kind: 'test_notice', channel: 'sms', to })
  const number = (country: string): string => `${country}${String(1_000_000 + (made += 1))}`
  const events = async () =>
    (await home.db<{ data: unknown }[]>`select data from all_events where type = 'sms.refused' order by at`).map(
      ({ data }) => data,
    )

  beforeAll(async () => {
    home = await startInProcess(
      { KEYWRIGHT_SMS_DAILY: '25', KEYWRIGHT_SMS_DAILY_COUNTRY: '12', KEYWRIGHT_SMS_COUNTRIES: '+49,+43,+1,+44' },
      letters.kinds,
    )
  })

  it('one number, one country, all together; each limit is told once', async () => {
    const hers = number('+49')
    for (let sent = 0; sent < 10; sent += 1) expect(await sms(hers)).toBe('queued')
    expect(await sms(hers)).toBe('limited')
    expect(await events()).toEqual([])
    expect((await home.inbox.letters(hers)).length).toBe(10)
    // The numbers are forgotten by now, the country is not.
    expect([
      await sms(number('+49')),
      await sms(number('+49')),
      await sms(number('+49')),
      await sms(number('+49')),
    ]).toEqual(['queued', 'queued', 'limited', 'limited'])
    expect(await events()).toEqual([{ limit: 'daily_country', country: '+49', sent: 12 }])
    for (let sent = 0; sent < 12; sent += 1) expect(await sms(number('+1876'))).toBe('queued')
    expect([await sms(number('+1876')), await sms(number('+1212')), await sms(number('+43'))]).toEqual([
      'limited',
      'queued',
      'limited',
    ])
    expect(await sms(number('+882'))).toBe('limited')
    expect((await events()).slice(1)).toEqual([
      { limit: 'daily_country', country: '+1876', sent: 24 },
      { limit: 'daily', country: '+43', sent: 25 },
      { limit: 'countries', country: '+882', sent: 25 },
    ])
    home.pass(86_401)
    expect(await sms(hers)).toBe('queued')
  })

  it('a text message is short, has its code once, and tells browsers whose it is', async () => {
    const to = number('+44')
    await queue({ kind: 'test_code', channel: 'sms', to })
    const { text, code, html } = await home.inbox.letter(to)
    expect(html).toBe('')
    expect(text).toBe(`Keywright: to continue to Ada & <Bob> ${code}\n\n@localhost #${code}`)
  })

  it('only numbers as E.164 writes them', async () => {
    for (const to of ['0151 123', '+0491511', '+49151123456789012', '+49151\n123', 'ada@example.com'])
      await expect(sms(to)).rejects.toThrow('cannot go to this address')
  })
})

it('a letter is taken by one of eight who look at the same moment', async () => {
  const { ctx } = home
  for (let sent = 0; sent < 40; sent += 1) await queue({ kind: 'test_notice' })
  await Promise.all(Array.from({ length: 8 }, async () => await deliver(ctx, 'email')))
  expect(ctx.inbox?.list().filter(({ to }) => to === ada)).toHaveLength(40)
})

describe('a nudge', () => {
  it('makes a letter go out at once; what is queued meanwhile goes with the next turn', async () => {
    const { ctx } = home
    const running = startJobs(ctx)
    // The first turn of its own is a second away.
    await queue({ kind: 'test_notice' })
    ctx.outbox.nudge()
    await expect
      .poll(() => ctx.inbox?.list().filter(({ to }) => to === ada).length, { interval: 10, timeout: 700 })
      .toBe(1)
    for (let more = 0; more < 5; more += 1) {
      await queue({ kind: 'test_notice' })
      ctx.outbox.nudge()
    }
    await expect
      .poll(() => ctx.inbox?.list().filter(({ to }) => to === ada).length, { interval: 10, timeout: 700 })
      .toBe(6)
    await Promise.all(running.map(async (job) => await job.stop()))
  })
})

describe('a letter that nobody can send', () => {
  it('waits until its life is over, and then an event says so', async () => {
    const { ctx } = await startInProcess({ KEYWRIGHT_PROFILE: 'production' }, letters.kinds)
    expect([ctx.mailer, ctx.sms, ctx.inbox]).toEqual([undefined, undefined, undefined])
    const now = ctx.now()
    await queueLetter(ctx, ctx.db, { kind: 'test_code', to: ada, now })
    await deliver(ctx, 'email')
    expect(await ctx.db`select attempts, outcome from outbox`).toMatchObject([{ attempts: 0, outcome: null }])
    await endLate({ ...ctx, now: () => new Date(now.getTime() + 599_999) })
    expect(await ctx.db`select attempts, outcome from outbox`).toMatchObject([{ attempts: 0, outcome: null }])
    await endLate({ ...ctx, now: () => new Date(now.getTime() + 600_000) })
    expect(await ctx.db`select outcome, recipient from outbox`).toMatchObject([{ outcome: 'expired', recipient: '' }])
    expect(await ctx.db`select type, severity, data from all_events where type = 'mail.failed'`).toMatchObject([
      { type: 'mail.failed', severity: 'warning', data: { kind: 'test_code', outcome: 'expired', attempts: 0 } },
    ])
    expect(writtenFor(ada)).toEqual([])
  })
})
