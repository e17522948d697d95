/**
 * Owns the bars of the table: what each row must reach, and whether it did. Start reading at `bars`.
 */
import type { LoadRowId } from './row-ids.ts'

/** `least` and `most` are absolute; `share` is of the RS256 signing limit divided by the signatures of one request. */
export type Bar = { least: number } | { most: number } | { share: number; signatures: 1 | 2 }

/** A line of the table: its name, its unit and its bar. */
export type LineSpec = { title: string; unit: 'per core' | 'MB' | 's'; bar: Bar }

export type LineId = LoadRowId | 'memory-idle' | 'memory-loaded' | 'start-first' | 'start-again'

const k = 1000

/** The whole table, in order. */
export const lineSpecs: Record<LineId, LineSpec> = {
  discovery: { title: 'discovery', unit: 'per core', bar: { least: 27 * k } },
  jwks: { title: 'JWKS', unit: 'per core', bar: { least: 27 * k } },
  'client-credentials-rs256': {
    title: 'client credentials RS256',
    unit: 'per core',
    bar: { share: 0.6, signatures: 1 },
  },
  'client-credentials-es256': { title: 'client credentials ES256', unit: 'per core', bar: { least: 6 * k } },
  authorize: { title: 'authorize with a session', unit: 'per core', bar: { least: 2.5 * k } },
  'exchange-rs256': { title: 'code exchange, two RS256 JWTs', unit: 'per core', bar: { share: 0.54, signatures: 2 } },
  'exchange-es256': { title: 'code exchange, two ES256 JWTs', unit: 'per core', bar: { least: 2 * k } },
  'refresh-rs256': {
    title: 'refresh with rotation, two RS256 JWTs',
    unit: 'per core',
    bar: { share: 0.57, signatures: 2 },
  },
  'refresh-es256': { title: 'refresh with rotation, two ES256 JWTs', unit: 'per core', bar: { least: 2.2 * k } },
  introspection: { title: 'introspection (RS256 JWT)', unit: 'per core', bar: { least: 6 * k } },
  userinfo: { title: 'userinfo', unit: 'per core', bar: { least: 6 * k } },
  revocation: { title: 'revocation', unit: 'per core', bar: { least: 3 * k } },
  login: { title: 'password login with argon2id', unit: 'per core', bar: { least: 60 } },
  'login-new': { title: '… from a new browser, with its letter', unit: 'per core', bar: { least: 50 } },
  'memory-idle': { title: 'memory idle, database apart', unit: 'MB', bar: { most: 125 } },
  'memory-loaded': { title: 'memory loaded, database apart', unit: 'MB', bar: { most: 180 } },
  'start-first': { title: 'start to first discovery answer, first time', unit: 's', bar: { most: 4 } },
  'start-again': { title: '… on an existing data folder', unit: 's', bar: { most: 0.8 } },
}

/** A value against its bar: `.63 × limit (bar .60)`, and whether it is met. */
export function judge({ bar, unit }: LineSpec, value: number, signingRs256: number): { text: string; met: boolean } {
  if ('share' in bar) {
    const share = value / (signingRs256 / bar.signatures)
    const limit = bar.signatures === 1 ? 'limit' : 'limit/2'
    return { text: `${ratio(down(share))} × ${limit} (bar ${ratio(bar.share)})`, met: share >= bar.share }
  }
  if ('least' in bar)
    return { text: `${ratio(down(value / bar.least))} × bar (≥ ${figure(bar.least, unit)})`, met: value >= bar.least }
  return { text: `${ratio(-down(-value / bar.most))} × bar (≤ ${figure(bar.most, unit)})`, met: value <= bar.most }
}

/** Rounding must not make a missed bar look met. */
const down = (value: number): number => Math.floor(value * 100 + 1e-9) / 100

/** A value as people read it: 31.2k, 2103, 61.3, 112 MB, 0.42 s. */
export function figure(value: number, unit: LineSpec['unit']): string {
  if (unit === 'MB') return `${Math.round(value)} MB`
  if (unit === 's') return `${value.toFixed(2)} s`
  if (value >= 10_000) return `${(value / k).toFixed(1).replace(/\.0$/, '')}k`
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '')
}

/** Two decimals without the leading zero, as in .63. */
export function ratio(value: number): string {
  return value.toFixed(2).replace(/^0\./, '.')
}
