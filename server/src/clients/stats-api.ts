/** Owns the address of an application's figures below /api/v1. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant } from '../http/api-route.ts'
import { badQuery } from '../http/cursor.ts'
import { json, type Reply } from '../http/reply.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { daysBetween, usageOf } from '../token/usage.ts'
import { applicationsPath, findApplication } from './applications-api.ts'

const daysAtMost = 400
const dayMs = 86_400_000

const question = z.strictObject({
  from: z.iso.date().optional().describe('the first day (UTC); 29 days before the last one when nothing is said'),
  to: z.iso.date().optional().describe('the last day; today when nothing is said'),
})

const figures = {
  sign_ins: z.int().describe('how often people were sent back to it, signed in'),
  tokens: z.int(),
  tokens_by_grant: z.record(z.string(), z.int()),
  failures: z.int().describe('requests at the token endpoint that were refused'),
}
const statsSchema = z
  .object({
    client_id: z.string(),
    from: z.iso.date(),
    to: z.iso.date(),
    days: z.array(
      z.object({ day: z.iso.date(), ...figures, active_users: z.int().describe('people who got tokens on that day') }),
    ),
    totals: z.object(figures),
    large_tokens: z.array(
      z.object({
        resource: z.string(),
        bytes: z.int(),
        budget_bytes: z.int(),
        claim: z.string().describe('the claim that takes the most room'),
        at: instant,
      }),
    ),
  })
  .meta({ id: 'ApplicationStats' })

const stats = async (ctx: Ctx, call: ApiCall<unknown, z.infer<typeof question>>): Promise<Reply | Denial> => {
  const { request, person, params, query } = call
  const client = await findApplication(ctx, person, params['id'] ?? '')
  if (isDenial(client)) return client
  const to = query.to ?? dayOf(request.now.getTime())
  const from = query.from ?? dayOf(Date.parse(to) - 29 * dayMs)
  const count = daysBetween(from, to)
  if (count < 1 || count > daysAtMost) return badQuery(`from before to, at most ${daysAtMost} days`, `${from} to ${to}`)
  const { large_tokens, ...usage } = await usageOf(ctx, client.client_id, { from, to })
  const large = large_tokens.map(({ client_id: _client, at, ...token }) => ({ ...token, at: at.toISOString() }))
  return json({ client_id: client.client_id, from, to, ...usage, large_tokens: large })
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export const statsRoutes = [
  apiRoute({
    method: 'GET',
    path: `${applicationsPath}/:id/stats`,
    tag: 'Applications',
    may: 'applications:read',
    orOwner: true,
    summary: 'How an application was used, by day',
    query: question,
    answers: { 200: statsSchema },
    refuses: [404],
    handler: stats,
  }),
]
