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
  const known = new Map(rows.map(({ day, figures }) => [day, figures]))
  const days = Array.from({ length: daysBetween(span.from, span.to) }, (_, index) => {
    const day = new Date(Date.parse(span.from) + index * dayMs).toISOString().slice(0, 10)
    return { day, ...figuresOf(known.get(day) ?? {}) }
  })
  const { active_users: _people, ...totals } = figuresOf(sumOf(rows.map(({ figures }) => figures)))
  return { days, totals, large_tokens }
}

type Figures = Readonly<Record<string, number>>

const sumOf = (all: readonly Figures[]): Figures => {
  const sums = new Map<string, number>()
  for (const figures of all)
    for (const [figure, count] of Object.entries(figures)) sums.set(figure, (sums.get(figure) ?? 0) + count)
  return Object.fromEntries(sums)
}

const tokens = 'tokens:'

const figuresOf = (figures: Figures): Omit<UsageDay, 'day'> => {
  const grants = Object.entries(figures).filter(([figure]) => figure.startsWith(tokens))
  return {
    sign_ins: figures['sign_ins'] ?? 0,
    tokens: grants.reduce((total, [, count]) => total + count, 0),
    tokens_by_grant: Object.fromEntries(grants.map(([figure, count]) => [figure.slice(tokens.length), count])),
    active_users: figures['active_users'] ?? 0,
    failures: figures['failures'] ?? 0,
  }
}
