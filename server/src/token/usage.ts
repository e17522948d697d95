/** Owns how an application was used: days with their figures, for whoever looks after it. */
import type { Ctx } from '../ctx.ts'
import { type LargeToken, loadDays, loadLargeTokens } from './usage-store.ts'

export type UsageDay = {
  day: string
  sign_ins: number
  tokens: number
  tokens_by_grant: Record<string, number>
  active_users: number
  failures: number
}
export type Usage = {
  days: UsageDay[]
  totals: Omit<UsageDay, 'day' | 'active_users'>
  large_tokens: LargeToken[]
}

const dayMs = 86_400_000

/** How many days there are from one to another, both included. */
export const daysBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / dayMs + 1

/** Every day of the time, also those on which nothing happened. Some seconds behind: nodes write their figures together. */
export const usageOf = async (ctx: Ctx, client_id: string, span: { from: string; to: string }): Promise<Usage> => {
  const [rows, large_tokens] = await Promise.all([
    loadDays(ctx.db, client_id, span),
    loadLargeTokens(ctx.db, client_id),
  ])
  const days = Array.from({ length: daysBetween(span.from, span.to) }, (_, index) => {
    const day = new Date(Date.parse(span.from) + index * dayMs).toISOString().slice(0, 10)
    return { day, ...figuresOf(rows.filter((row) => row.day === day)) }
  })
  const { active_users: _people, ...totals } = figuresOf(rows)
  return { days, totals, large_tokens }
}

type Row = { figure: string; count: number }

const figuresOf = (rows: readonly Row[]): Omit<UsageDay, 'day'> => {
  const sum = (figure: string): number =>
    rows.reduce((total, row) => (row.figure === figure ? total + row.count : total), 0)
  const grants = [...new Set(rows.map((row) => row.figure).filter((figure) => figure.startsWith('tokens:')))]
  const tokens_by_grant = Object.fromEntries(grants.map((figure) => [figure.slice('tokens:'.length), sum(figure)]))
  return {
    sign_ins: sum('sign_ins'),
    tokens: Object.values(tokens_by_grant).reduce((total, count) => total + count, 0),
    tokens_by_grant,
    active_users: sum('active_users'),
    failures: sum('failures'),
  }
}
