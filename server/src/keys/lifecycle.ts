/**
 * Owns the life of a signing key, as a pure decision (security design 3.10): pending (published, not signing) → active
 * (exactly one per algorithm) → passive (verifies what it signed) → retired.
 */
import type { SigningKeysRow } from '../db/tables.gen.ts'

export type Policy = {
  algs: readonly string[]
  publishSeconds: number
  rotateSeconds: number
  longestTokenSeconds: number
}
export type KeyFacts = Pick<SigningKeysRow, 'kid' | 'alg' | 'status' | 'activate_at' | 'activated_at' | 'verify_until'>

export type Step =
  | { do: 'create'; alg: string; activate_at: Date }
  | { do: 'activate'; kid: string; replaces: string | undefined; verify_until: Date }
  | { do: 'retire'; kid: string }

const skewSeconds = 60

/** Decides what is due now, for every algorithm that is switched on. */
export const dueSteps = (keys: readonly KeyFacts[], policy: Policy, now: Date): Step[] => [
  ...policy.algs.flatMap((alg) =>
    dueForAlg(
      keys.filter((key) => key.alg === alg),
      alg,
      policy,
      now,
    ),
  ),
  ...keys
    .filter((key) => key.status === 'passive' && key.verify_until !== null && key.verify_until <= now)
    .map((key): Step => ({ do: 'retire', kid: key.kid })),
]

const dueForAlg = (keys: KeyFacts[], alg: string, policy: Policy, now: Date): Step[] => {
  const active = keys.find((key) => key.status === 'active')
  const next = keys
    .filter((key) => key.status === 'pending')
    .toSorted((one, other) => one.activate_at.getTime() - other.activate_at.getTime())[0]
  if (next && (next.activate_at <= now || !active)) {
    return [
      {
        do: 'activate',
        kid: next.kid,
        replaces: active?.kid,
        verify_until: after(now, policy.longestTokenSeconds + skewSeconds),
      },
    ]
  }
  // Nothing was ever signed with this algorithm: there is nobody to warn, so the first key signs at once.
  if (!active) return [{ do: 'create', alg, activate_at: now }]
  if (next) return []
  const replaceAt = after(active.activated_at ?? active.activate_at, policy.rotateSeconds)
  const publishAt = after(replaceAt, -policy.publishSeconds)
  // A node that slept through the warning time still gives the whole of it.
  const earliest = after(now, policy.publishSeconds)
  return publishAt <= now ? [{ do: 'create', alg, activate_at: replaceAt > earliest ? replaceAt : earliest }] : []
}

const after = (instant: Date, seconds: number): Date => new Date(instant.getTime() + seconds * 1000)
