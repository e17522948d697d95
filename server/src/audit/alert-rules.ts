/** Owns the making, changing and removing of alert rules. Start reading at `createRule`. */
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation } from '../db/connect.ts'
import { wholly } from '../db/wholly.ts'
import { actedBy, type By, record } from '../events/record.ts'
import { uuidv7 } from '../io/ids.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { type AlertRule, deleteRule, insertRule, loadRule, type RuleChange, updateRule } from './alert-store.ts'
import { typesNamed } from './filter.ts'

export type { AlertRule } from './alert-store.ts'
export { listRules, loadRule } from './alert-store.ts'

/** Who asks, when, and whether what is there is what they have seen. */
export type RuleActor = { by: By; now: Date; check?: (rule: AlertRule) => Denial | undefined }

export const noSuchRule: Denial = deny(
  'not_found',
  'There is no such alert rule.',
  { rule: 'the rule is there' },
  { status: 404 },
)

/** Makes a rule. Refusals: 422 `invalid_alert_rule`, 409 `already_exists`. */
export const createRule = async (ctx: Ctx, wish: RuleChange, { by, now }: RuleActor): Promise<AlertRule | Denial> =>
  await named(
    wholly(ctx.db, async (tx) => {
      const wrong = await problemOf(ctx, wish)
      if (wrong) return wrong
      const id = uuidv7(now)
      await insertRule(tx, { ...wish, id, created_at: now, updated_at: now })
      const data = { rule_id: id, rule: wish.name ?? '' }
      await record(tx, { type: 'alert_rule.created', now, ...actedBy(by, data) })
      return (await loadRule(tx, id)) ?? noSuchRule
    }),
  )

/** Changes a rule. What it has counted stays. */
export const changeRule = async (
  ctx: Ctx,
  { id, change }: { id: string; change: RuleChange },
  { by, now, check }: RuleActor,
): Promise<AlertRule | Denial> =>
  await named(
    wholly(ctx.db, async (tx) => {
      const rule = await loadRule(tx, id, true)
      if (rule === undefined) return noSuchRule
      const wrong = check?.(rule) ?? (await problemOf(ctx, change))
      if (wrong) return wrong
      await updateRule(tx, id, { ...change, updated_at: now })
      const data = { rule_id: id, rule: change.name ?? rule.name, changed: Object.keys(change) }
      await record(tx, { type: 'alert_rule.updated', now, ...actedBy(by, data) })
      return (await loadRule(tx, id)) ?? noSuchRule
    }),
  )

/** Removes a rule. */
export const removeRule = async (ctx: Ctx, id: string, { by, now, check }: RuleActor): Promise<Denial | undefined> =>
  await wholly(ctx.db, async (tx) => {
    const rule = await loadRule(tx, id, true)
    if (rule === undefined) return noSuchRule
    const wrong = check?.(rule)
    if (wrong) return wrong
    await deleteRule(tx, id)
    await record(tx, { type: 'alert_rule.deleted', now, ...actedBy(by, { rule_id: id, rule: rule.name }) })
    return undefined
  })

const named = async (work: Promise<AlertRule | Denial>): Promise<AlertRule | Denial> =>
  await work.catch((error: unknown) => {
    if (isUniqueViolation(error, 'alert_rules_name')) return taken
    throw error
  })

const taken: Denial = deny(
  'already_exists',
  'There is an alert rule with this name already.',
  { rule: 'names of alert rules are unique, without regard to case', expected: 'another name' },
  { status: 409 },
)

const problemOf = async (ctx: Ctx, { event_types, mail_to, client_id }: RuleChange): Promise<Denial | undefined> => {
  const unknown = event_types?.find((name) => typesNamed(name).length === 0 || name === 'alert.raised')
  if (unknown !== undefined) return invalid('event_types', 'types of the catalogue, or `user.*`', unknown)
  const badAddress = mail_to?.find((address) => canonicalEmail(address) === undefined)
  if (badAddress !== undefined) return invalid('mail_to', 'plain mail addresses (EM-1)', badAddress)
  if (typeof client_id === 'string' && (await ctx.clients.get(client_id)) === undefined)
    return invalid('client_id', 'an application', client_id)
  return undefined
}

const invalid = (member: string, expected: string, got: string): Denial =>
  deny(
    'invalid_alert_rule',
    `${member}: expected ${expected}.`,
    { rule: 'the alert rule can be followed', expected, got: shown(got) },
    { status: 422, members: { member } },
  )
