/** Owns the record of token requests that were refused to a known client. */
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import { callerOf, record } from '../events/record.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import type { GrantRequest } from './grant.ts'

/** `effect`: something was burnt or revoked. */
type Refusable = GrantRequest & { effect?: boolean }

/**
 * Passes a result through and writes it down when it is a refusal: in the transaction whose effects it tells of, so that
 * a code is not burnt and no family revoked without a trace (security rule AU-1). One without an effect is written as long as
 * there are not many of them: anybody can use the name of a public client.
 */
export const recorded = async <T>(
  ctx: Pick<Ctx, 'flood'>,
  query: Query,
  { effect = false, ...facts }: Refusable,
  result: T | Denial,
): Promise<T | Denial> => {
  const { request, client } = facts
  const about = { type: 'token.refused', now: request.now, client_id: client.client_id, ip: request.ip } as const
  if (isDenial(result) && (effect || ctx.flood.isSingle(about))) {
    await record(query, {
      type: 'token.refused',
      now: facts.request.now,
      client_id: facts.client.client_id,
      data: { error: result.error, grant_type: grantTypeOf(facts) },
      ...callerOf(facts.request),
    })
  }
  return result
}

/** Cut to what a line needs; half a surrogate pair would be no JSON to the database. */
export const grantTypeOf = ({ request }: Pick<GrantRequest, 'request'>): string =>
  param(request.form, 'grant_type')?.slice(0, 80).toWellFormed() ?? ''
