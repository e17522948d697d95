/** Owns the record of token requests that were refused to a known client. */
import type { Query } from '../db/connect.ts'
import { callerOf, record } from '../events/record.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import type { GrantRequest } from './grant.ts'

/**
 * Passes a result through and writes it down when it is a refusal: in the transaction whose effects it tells of, so that
 * a code is not burnt and no family revoked without a trace (security rule AU-1).
 */
export const recorded = async <T>(query: Query, facts: GrantRequest, result: T | Denial): Promise<T | Denial> => {
  if (isDenial(result)) {
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
