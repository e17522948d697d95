/** Alert rules: too many of something within a window is told once, to those who should know (product row 24). */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { followers } from '../../src/app.ts'
import { watchRules } from '../../src/audit/alert-watch.ts'
import { type Happening, record } from '../../src/events/record.ts'
import { sequenceEvents } from '../../src/events/sequence.ts'
import { type Caller, callerWith } from '../support/api.ts'
import type { TestUser } from '../support/fixtures.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'

let home: InProcess
let caller: Caller
let admin: TestUser

beforeAll(async () => {
  home = await startInProcess()
  const user = await home.user({ roles: ['admin'] })
  await home.user({ roles: ['admin'], email_verified: false })
  admin = user
  await settle()
})

const settle = async (): Promise<void> => {
  while ((await sequenceEvents(home.ctx, followers)) > 0);
}
const happen = async (happening: Partial<Happening> & Pick<Happening, 'type'>, times = 1): Promise<void> => {
  for (let n = 0; n < times; n += 1) await record(home.db, { now: home.ctx.now(), ...happening })
  await settle()
}
const raised = async (rule: string): Promise<number> =>
  (await home.db`select 1 from all_events where type = 'alert.raised' and data ->> 'rule' = ${rule}`).length
const letters = async (): Promise<{ recipient: string; facts: Record<string, unknown> }[]> =>
  await home.db`select recipient, facts from outbox where kind = 'alert' order by created_at`

describe('the rules that are there from the beginning', () => {
  // What is found in one test is not found in the next.
  beforeEach(() => home.pass(8 * 86_400))

  it('tell every administrator with a proved address, once in the window', async () => {
    const before = (await letters()).length
    await happen({ type: 'key.compromised', data: { kid: 'k' } })
    await happen({ type: 'key.compromised', data: { kid: 'l' } })
    expect(await raised('Key compromised')).toBe(1)
    expect((await letters()).slice(before)).toMatchObject([
      { recipient: admin.email, facts: { rule: 'Key compromised', count: 1, type: 'key.compromised' } },
    ])
    home.pass(3601)
    await happen({ type: 'key.compromised', data: { kid: 'm' } })
    expect(await raised('Key compromised')).toBe(2)
  })

  it('know a new administrator from another change of roles', async () => {
    const before = await raised('New administrator')
    expect(before).toBe(1)
    await happen({ type: 'user.roles_changed', user_id: 'u', data: { added: ['editor'], removed: ['admin'] } })
    expect(await raised('New administrator')).toBe(before)
    await happen({ type: 'user.roles_changed', user_id: 'u', data: { added: ['editor', 'admin'], removed: [] } })
    expect(await raised('New administrator')).toBe(before + 1)
  })

  it('count failures within five minutes, those of a flood, too', async () => {
    await happen({ type: 'login.failed' }, 199)
    home.pass(301)
    await happen({ type: 'login.failed' }, 150)
    expect(await raised('Many failed sign-ins')).toBe(0)
    await happen({ type: 'factor.refused', data: { summary: true, count: 50 } })
    expect(await raised('Many failed sign-ins')).toBe(1)
  })

  it('a reuse of a refresh token or a code', async () => {
    await happen({ type: 'refresh_token.reused' })
    expect(await raised('Token reuse')).toBe(1)
  })

  it('what is long over when it is sequenced raises nothing', async () => {
    const before = await raised('Token reuse')
    await happen({ type: 'code.replayed', now: new Date(home.ctx.now().getTime() - 2 * 86_400_000) })
    expect(await raised('Token reuse')).toBe(before)
  })
})

type Rule = { id: string; name: string; updated_at: string; [member: string]: unknown }
const wish = {
  name: 'Exports',
  event_types: ['users.exported', 'audit.*'],
  threshold: 2,
  window_seconds: 600,
  mail_to: ['security@example.com'],
}

describe('/api/v1/alert-rules', () => {
  beforeAll(async () => {
    home.pass(8 * 86_400)
    const { browser } = await home.person(admin)
    caller = await callerWith(home, browser)
  })

  it('makes, lists, reads, changes and deletes them, each time with an event', async () => {
    const made = await caller.call('POST', 'alert-rules', wish)
    expect(made.status, made.body).toBe(201)
    const rule = made.json<Rule>()
    expect(rule).toMatchObject({ ...wish, enabled: true, description: null, client_id: null, raised_at: null })
    const all = (await caller.call('GET', 'alert-rules')).json<{ alert_rules: Rule[] }>().alert_rules
    expect(all.map(({ name }) => name)).toContain('Key compromised')
    expect(all[0]).toEqual(rule)
    const read = await caller.call('GET', `alert-rules/${rule.id}`)
    const etag = String(read.headers.etag)
    const changed = await caller.call('PATCH', `alert-rules/${rule.id}`, { threshold: 3 }, { 'if-match': etag })
    expect(changed.json()).toMatchObject({ threshold: 3, name: 'Exports' })
    const late = await caller.call('PATCH', `alert-rules/${rule.id}`, { threshold: 4 }, { 'if-match': etag })
    expect(late.status).toBe(412)
    expect((await caller.call('DELETE', `alert-rules/${rule.id}`)).status).toBe(204)
    expect((await caller.call('GET', `alert-rules/${rule.id}`)).status).toBe(404)
    const told = await home.db`
      select type from all_events where data ->> 'rule_id' = ${rule.id} and type like 'alert_rule.%' order by id`
    expect(told.map(({ type }) => String(type)).toSorted()).toEqual([
      'alert_rule.created',
      'alert_rule.deleted',
      'alert_rule.updated',
    ])
  })

  it('a rule of its own mails whom it names, and hands an alert to its webhook', async () => {
    const webhook_id = '0196f000-0000-7000-8000-0000000000ff'
    const made = await caller.call('POST', 'alert-rules', { ...wish, name: 'Own', webhook_id })
    const seen: string[] = []
    await record(home.db, { type: 'users.exported', now: home.ctx.now() })
    await record(home.db, { type: 'audit.exported', now: home.ctx.now() })
    await sequenceEvents(home.ctx, [watchRules(async (_ctx, _tx, { rule }) => void seen.push(rule.webhook_id ?? ''))])
    expect(seen).toEqual([webhook_id])
    expect((await letters()).at(-1)).toMatchObject({
      recipient: 'security@example.com',
      facts: { rule: 'Own', count: 2 },
    })
    await caller.call('DELETE', `alert-rules/${made.json<Rule>().id}`)
  })

  it('a letter says what happened and nothing about anybody', async () => {
    await happen({ type: 'key.compromised', user_id: 'somebody', ip: '192.0.2.44', data: { kid: 'k' } })
    const mail = await home.inbox.letter(admin.email)
    expect(mail.subject).toBe('Alert: Key compromised')
    expect(mail.text).toContain('key.compromised')
    expect(mail.text).not.toContain('192.0.2.44')
  })

  it.each([
    [{ ...wish, name: 'KEY compromised' }, 409],
    [{ ...wish, event_types: ['nothing.here'] }, 422],
    [{ ...wish, event_types: ['alert.raised'] }, 422],
    [{ ...wish, mail_to: ['a@b.example, c@d.example'] }, 422],
    [{ ...wish, client_id: 'app_nobody' }, 422],
    [{ ...wish, name: 'a\r\nBcc: x' }, 400],
    [{ ...wish, threshold: 0 }, 400],
    [{ ...wish, raised_at: null }, 400],
  ])('refuses %j', async (body, status) => {
    expect((await caller.call('POST', 'alert-rules', body)).status).toBe(status)
  })

  it('AD-1: settings:read to see, settings:write to change', async () => {
    const { browser } = await home.person(await home.user())
    const plain = await callerWith(home, browser)
    expect((await plain.call('GET', 'alert-rules')).status).toBe(403)
    expect((await plain.call('POST', 'alert-rules', wish)).status).toBe(403)
  })
})
