/** Owns the cut of what was granted to what the client may have now (security rules AZ-9, TK-6). Pure. */
import { type Denial, deny } from '../protocol/errors.ts'
import { formatScope, parseScope } from '../protocol/scope.ts'

/** What was granted, less what the client may no longer ask for (security rule TK-6). */
export const currentScope = (granted: string, client: { scope: string; resources: readonly string[] }): string => {
  const allowed = client.scope.split(' ')
  return formatScope(parseScope(granted).filter((name) => allowed.includes(name)))
}

/** The same for resources (AZ-9). When none is left the token would be one for UserInfo, which nobody asked for: refused. */
export const currentResources = (granted: string[], client: { resources: readonly string[] }): string[] | Denial => {
  const left = resourcesLeft(granted, client)
  if (left.length > 0 || granted.length === 0) return left
  return deny('invalid_target', 'The requested resource is not allowed.', {
    rule: 'resources lie within what the client may ask for now (RFC 8707 §2, TK-6)',
    expected: `one of: ${client.resources.join(' ') || 'none'}`,
    got: granted.join(' '),
    remedy: 'Add the resource to the client again, or send the person to sign in without it.',
  })
}

/** The resources of a grant that the client may still have: what statements with the same guard yield (grants' fast roads). */
export const resourcesLeft = (granted: string[], client: { resources: readonly string[] }): string[] =>
  granted.filter((resource) => client.resources.includes(resource))
