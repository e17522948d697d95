/**
 * Owns resource indicators (RFC 8707) and the audience that follows from them.
 */
import { type Denial, deny, shown } from './errors.ts'

/**
 * Decides the resources of a request: each must be an absolute URI without fragment (RFC 8707 §2) out of `allowed`,
 * or the request is refused with `invalid_target`. None asked means none chosen.
 */
export const decideResources = (asked: readonly string[], allowed: readonly string[]): string[] | Denial => {
  for (const resource of asked) {
    if (!isAbsoluteUri(resource)) return refuse('an absolute URI without a fragment', resource)
    if (!allowed.includes(resource)) return refuse(`one of: ${allowed.join(' ') || 'none'}`, resource)
  }
  return [...new Set(asked)]
}

const isAbsoluteUri = (text: string): boolean => URL.canParse(text) && !text.includes('#')

const refuse = (expected: string, got: string): Denial =>
  deny('invalid_target', 'The requested resource is not allowed.', {
    rule: 'resource lies within what may be asked for (RFC 8707 §2)',
    expected,
    got: shown(got),
    remedy: 'Add the resource to the client, or ask only for what the grant holds.',
  })

/** The audience of an access token: the resources, else the client's default, else UserInfo alone. */
export const decideAudience = (facts: {
  resources: readonly string[]
  default_audience: readonly string[]
  issuer: string
}): string[] => {
  if (facts.resources.length > 0) return [...facts.resources]
  if (facts.default_audience.length > 0) return [...facts.default_audience]
  return [`${facts.issuer}/oauth/userinfo`]
}
