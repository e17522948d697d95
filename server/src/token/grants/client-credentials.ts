/** Owns the client credentials grant (RFC 6749 §4.4): the client acts for itself, without person and without refresh token. */
import { callerOf, record } from '../../events/record.ts'
import { type Denial, deny, isDenial } from '../../protocol/errors.ts'
import { param, paramAll } from '../../protocol/params.ts'
import { decideResources } from '../../protocol/resource.ts'
import { decideScope, formatScope, parseScope } from '../../protocol/scope.ts'
import type { Grant, Granted, GrantRequest } from '../grant.ts'
import { recorded } from '../refusal.ts'

/** Scopes that speak of a person mean nothing here. */
const personal = ['openid', 'profile', 'email', 'phone', 'address', 'offline_access', 'roles']

export const clientCredentials: Grant = {
  grant_type: 'client_credentials',
  redeem: async (ctx, facts) => {
    const granted = await recorded(ctx.db, facts, decide(facts))
    // Counted otherwise; one by one only where the deployment wants that.
    if (!isDenial(granted) && ctx.config.audit_tokens === 'all') {
      const { now, client } = granted
      const data = { grant_type: 'client_credentials' }
      await record(ctx.db, { type: 'token.issued', now, client_id: client.client_id, data, ...callerOf(facts.request) })
    }
    return granted
  },
}

const decide = ({ request, client }: GrantRequest): Granted | Denial => {
  // RFC 6749 §4.4: confidential clients only. The schema says so too; this is the check that speaks.
  if (client.token_endpoint_auth_method === 'none') {
    return deny('unauthorized_client', 'A public client cannot act for itself.', {
      rule: 'confidential clients only (RFC 6749 §4.4)',
      expected: 'a client with a secret',
      got: 'auth method none',
    })
  }
  const own = parseScope(client.scope).filter((name) => !personal.includes(name))
  const scopes = decideScope(param(request.form, 'scope'), own, 'all')
  if (isDenial(scopes)) return scopes
  const resources = decideResources(paramAll(request.form, 'resource'), client.resources)
  if (isDenial(resources)) return resources
  return { client, scope: formatScope(scopes), resources, now: request.now }
}
