/** Owns the client credentials grant (RFC 6749 §4.4): the client acts for itself, without person and without refresh token. */
import type { Ctx } from '../../ctx.ts'
import { callerOf, record } from '../../events/record.ts'
import type { Subject } from '../../protocol/claims.ts'
import { type Denial, deny, isDenial } from '../../protocol/errors.ts'
import { param, paramAll } from '../../protocol/params.ts'
import { decideResources } from '../../protocol/resource.ts'
import { decideScope, formatScope, parseScope } from '../../protocol/scope.ts'
import { mayAct } from '../../protocol/subject.ts'
import { loadSubject } from '../../users/subject.ts'
import type { Grant, Granted, GrantRequest } from '../grant.ts'
import { recorded } from '../refusal.ts'

/** Scopes that speak of a person mean nothing here; `roles` means those of the client's service account. */
const personal = ['openid', 'profile', 'email', 'phone', 'address', 'offline_access']

export const clientCredentials: Grant = {
  grant_type: 'client_credentials',
  redeem: async (ctx, facts) => {
    const account = await accountOf(ctx, facts)
    const granted = await recorded(ctx, ctx.db, facts, decide(facts, account))
    // Counted otherwise; one by one only where the deployment wants that.
    if (!isDenial(granted) && ctx.config.audit_tokens === 'all') {
      const { now, client } = granted
      const data = { grant_type: 'client_credentials' }
      await record(ctx.db, { type: 'token.issued', now, client_id: client.client_id, data, ...callerOf(facts.request) })
    }
    return granted
  },
}

/**
 * The service account that the client is tied to; null when it is tied to one that is gone, undefined when to none. Never a copy:
 * what was lost a moment ago must not be stamped into a token that is younger than its revocation.
 */
const accountOf = async (ctx: Ctx, { client }: GrantRequest): Promise<Subject | null | undefined> =>
  client.service_account_id === null ? undefined : ((await loadSubject(ctx.db, client.service_account_id)) ?? null)

const decide = ({ request, client }: GrantRequest, account: Subject | null | undefined): Granted | Denial => {
  // RFC 6749 §4.4: confidential clients only. The schema says so too; this is the check that speaks.
  if (client.token_endpoint_auth_method === 'none') {
    return deny('unauthorized_client', 'A public client cannot act for itself.', {
      rule: 'confidential clients only (RFC 6749 §4.4)',
      expected: 'a client with a secret',
      got: 'auth method none',
    })
  }
  // G-3: what acts for an account does so as long as the account may.
  const gate = account === undefined ? undefined : mayAct({ user: account }, 'invalid_grant')
  if (gate) return gate
  const own = parseScope(client.scope).filter((name) => !personal.includes(name) && (name !== 'roles' || account))
  const scopes = decideScope(param(request.form, 'scope'), own, 'all')
  if (isDenial(scopes)) return scopes
  const resources = decideResources(paramAll(request.form, 'resource'), client.resources)
  if (isDenial(resources)) return resources
  const { roles, permissions } = account ?? { roles: [], permissions: [] }
  return {
    client,
    scope: formatScope(scopes),
    resources,
    now: request.now,
    ...(account && { service: { roles, permissions } }),
  }
}
