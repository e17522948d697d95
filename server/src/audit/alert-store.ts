/** Owns the tables alert_rules and alert_counts. */
import type postgres from 'postgres'
import type { Query } from '../db/connect.ts'
import type { AlertRulesRow } from '../db/tables.gen.ts'
import type { Position } from '../http/listing.ts'

/** What the details of an event must hold: of each list every member, else the value itself. */
export type Match = Readonly<Record<string, string | readonly string[]>>
export type AlertRule = Omit<AlertRulesRow, 'matches'> & { matches: readonly Match[] | null }
/** Absent members stay as they are. */
export type RuleChange = {
  [N in keyof Omit<AlertRule, 'id' | 'created_at' | 'raised_at'>]?: AlertRule[N] | undefined
}

const columns = (tx: Query) => tx`
  id, name, description, enabled, event_types, matches, threshold, window_seconds, client_id, mail_to, webhook_id, raised_at,
  created_at, updated_at`

/** Newest first. */
export const listRules = async (
  tx: Query,
  { limit, after }: { limit: number; after: Position | undefined },
): Promise<AlertRule[]> =>
  await tx<AlertRule[]>`
    select ${columns(tx)} from alert_rules
    where (created_at, id) < (${after?.at ?? new Date('9999-01-01')}, ${after?.id ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff'}::uuid)
    order by created_at desc, id desc limit ${limit}`

/** Those that are on: read for each batch of events, so there cannot be thousands. */
export const enabledRules = async (tx: Query, limit: number): Promise<AlertRule[]> =>
  await tx<AlertRule[]>`select ${columns(tx)} from alert_rules where enabled order by created_at, id limit ${limit}`

/** `locked`: for a change. */
export const loadRule = async (tx: Query, id: string, locked = false): Promise<AlertRule | undefined> => {
  const rows = await tx<AlertRule[]>`
    select ${columns(tx)} from alert_rules where id = ${id} ${locked ? tx`for update` : tx``}`
  return rows[0]
}

const valuesOf = (change: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Record<
    string,
    postgres.JSONValue
  >

export const insertRule = async (tx: Query, rule: RuleChange & Pick<AlertRule, 'id' | 'created_at'>): Promise<void> => {
  await tx`insert into alert_rules ${tx(valuesOf(rule))}`
}

export const updateRule = async (tx: Query, id: string, change: RuleChange): Promise<void> => {
  await tx`update alert_rules set ${tx(valuesOf(change))} where id = ${id}`
}

export const deleteRule = async (tx: Query, id: string): Promise<void> => {
  await tx`delete from alert_rules where id = ${id}`
}

/** Adds to what was counted, and tells how many there were since an instant. What lies before it is removed. */
export const addHits = async (
  tx: Query,
  rule_id: string,
  { step, hits, since }: { step: Date; hits: number; since: Date },
): Promise<number> => {
  await tx`delete from alert_counts where rule_id = ${rule_id} and step <= ${since}`
  await tx`
    insert into alert_counts (rule_id, step, count) values (${rule_id}, ${step}, ${hits})
    on conflict (rule_id, step) do update set count = alert_counts.count + excluded.count`
  const [row] = await tx<{ count: number }[]>`
    select sum(count)::float8 as count from alert_counts where rule_id = ${rule_id}`
  return row?.count ?? 0
}

export const markRaised = async (tx: Query, rule_id: string, now: Date): Promise<void> => {
  await tx`update alert_rules set raised_at = ${now} where id = ${rule_id}`
  await tx`delete from alert_counts where rule_id = ${rule_id}`
}
