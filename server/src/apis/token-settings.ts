/**
 * Owns how a token looks that is for registered APIs: its life, form, algorithm and size. Of several the strictest counts; of
 * two that want different algorithms no token can be made. Pure.
 */
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import type { Api, Apis } from './load.ts'

export type TokenForm = { ttlSeconds: number; opaque: boolean; alg: string; budgetBytes: number }

type Client = {
  access_token_ttl_seconds: number | null
  access_token_format: string | null
  access_token_signed_response_alg: string
}
type Defaults = { access_token_ttl_seconds: number; access_token_format: string; token_budget_bytes: number }

/** The APIs of an audience that are registered. */
export const apisIn = ({ byIdentifier }: Pick<Apis, 'byIdentifier'>, audience: readonly string[]): Api[] =>
  audience.flatMap((identifier) => byIdentifier.get(identifier) ?? [])

/** Decides the form. Refuses with `invalid_target` when the algorithms of the APIs exclude each other (RFC 8707 §2). */
export const decideForm = (client: Client, apis: readonly Api[], defaults: Defaults): TokenForm | Denial => {
  const alg = decideAlg(apis)
  if (isDenial(alg)) return alg
  const own = client.access_token_ttl_seconds ?? defaults.access_token_ttl_seconds
  const said = [client, ...apis].flatMap((one) => one.access_token_format ?? [])
  const formats = said.length > 0 ? said : [defaults.access_token_format]
  return {
    ttlSeconds: Math.min(own, ...apis.map((api) => api.access_token_ttl_seconds ?? own)),
    opaque: formats.includes('opaque'),
    alg: alg ?? client.access_token_signed_response_alg,
    budgetBytes: budgetOf(apis, defaults.token_budget_bytes),
  }
}

const budgetOf = (apis: readonly Api[], otherwise: number): number =>
  apis.length === 0 ? otherwise : Math.min(...apis.map((api) => api.token_budget_bytes ?? otherwise))

/** The one algorithm that they ask for, if any asks. */
const decideAlg = (apis: readonly Api[]): string | undefined | Denial => {
  const wanted = [...new Set(apis.flatMap((api) => api.access_token_signed_response_alg ?? []))]
  return wanted.length > 1 ? excluding(apis) : wanted[0]
}

/** Refuses resources whose tokens cannot be one token. */
export const checkTogether = (apis: readonly Api[]): Denial | undefined => {
  const alg = decideAlg(apis)
  return isDenial(alg) ? alg : undefined
}

const excluding = (apis: readonly Api[]): Denial =>
  deny('invalid_target', 'These resources cannot share a token.', {
    rule: 'the APIs of one token agree on its algorithm (RFC 8707 §2)',
    expected: 'one algorithm',
    got: apis.map((api) => `${api.identifier}: ${api.access_token_signed_response_alg ?? 'any'}`).join(', '),
    remedy: 'Ask for a token for each of them.',
  })
