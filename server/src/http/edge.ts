/**
 * Owns what the edge needs to know of the issuer, computed once: host, origin, path, and the headers that every answer
 * carries. docs/adr/0003 says why these few headers are a constant and not a plugin.
 */
import type { Config } from '../config/schema.ts'

export type Edge = {
  /** Host of the issuer, as it stands in a Host header (RFC 9110 §7.2). */
  host: string
  /** The port that may be left out of a Host header, as its ending. */
  defaultPort: RegExp
  /** Origin of the issuer, as it stands in an Origin header (RFC 6454 §7). */
  origin: string
  /** Path of the issuer without a closing slash; empty for one at the root. */
  base: string
  /** Headers of answers for programs. */
  api: Readonly<Record<string, string>>
  /** Headers of pages for people (security rule HD-1); the Content-Security-Policy comes with each page. */
  page: Readonly<Record<string, string>>
}

const oneYear = 'max-age=31536000'

/** Computes it. HSTS only over https: on plain http a browser ignores it (RFC 6797 §7.2). */
export const createEdge = (config: Pick<Config, 'issuer'>): Edge => {
  const { host, origin, pathname, protocol } = new URL(config.issuer)
  const transport = protocol === 'https:' ? { 'strict-transport-security': oneYear } : {}
  const api = { 'x-content-type-options': 'nosniff', ...transport }
  return {
    host,
    defaultPort: protocol === 'https:' ? /:443$/ : /:80$/,
    origin,
    base: pathname.replace(/\/$/, ''),
    api,
    page: {
      ...api,
      'x-frame-options': 'DENY',
      'x-xss-protection': '0',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'origin-agent-cluster': '?1',
      'x-dns-prefetch-control': 'off',
      'x-permitted-cross-domain-policies': 'none',
      'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
      // no-referrer would make browsers send `Origin: null`, which the CSRF check refuses.
      'referrer-policy': 'same-origin',
    },
  }
}
