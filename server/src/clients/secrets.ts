/** Owns the secrets of clients: shown once, stored as their hash, two of them while a client is being moved to a new one. */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { actedBy, record } from '../events/record.ts'
import { secretBytes } from '../io/ids.ts'
import { sameBytes } from '../io/secrets.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { hashToken, mintOpaque } from '../protocol/opaque-token.ts'
import { type Asking, noSuchClient } from './asking.ts'
import { deleteSecret, expireOldSecrets, insertSecret, loadClient, lockClient } from './store.ts'

export type Created = { client_id: string; client_secret?: string }

/** Tells whether a secret is one of the client's that work now. */
export const secretIsLive = async (ctx: Ctx, client_id: string, secret: string): Promise<boolean> => {
  const client = await loadClient(ctx.db, client_id)
  const hash = hashToken(secret)
  const now = ctx.now()
  const live = client?.secrets.filter(({ expires_at }) => expires_at === null || expires_at > now) ?? []
  return live.some(({ secret_hash }) => sameBytes(secret_hash, hash))
}

/** Gives a client a new secret; the newest old one lives on for `overlapSeconds`, so that deployments can follow. */
export const rotateSecret = async (
  ctx: Ctx,
  client_id: string,
  overlapSeconds: number,
  asking: Asking = {},
): Promise<Created | Denial> => {
  const now = ctx.now()
  const made = await transact(ctx.db, async (tx) => {
    const client = await lockClient(tx, client_id)
    const refused = client === undefined ? noSuchClient(client_id) : await asking.guard?.(tx, unchanged(client))
    if (refused) return refused
    if (client?.token_endpoint_auth_method === 'none') return publicClient
    await expireOldSecrets(tx, client_id, new Date(now.getTime() + overlapSeconds * 1000))
    const data = { overlap_seconds: overlapSeconds }
    await record(tx, { type: 'client.secret_rotated', now, client_id, ...actedBy(asking.by ?? {}, data) })
    return { client_id, client_secret: await addSecret(tx, client_id, now) }
  })
  if (!isDenial(made)) ctx.clients.forget(client_id)
  return made
}

/** Takes one secret away at once. What was issued with it lives on: disable the client where it may have been stolen. */
export const removeSecret = async (
  ctx: Ctx,
  client_id: string,
  secret_id: string,
  asking: Asking = {},
): Promise<Denial | undefined> => {
  const now = ctx.now()
  const refused = await transact(ctx.db, async (tx) => {
    const client = await lockClient(tx, client_id)
    const denial = client === undefined ? noSuchClient(client_id) : await asking.guard?.(tx, unchanged(client))
    if (denial) return denial
    const hint = client?.secrets.find(({ id }) => id === secret_id)?.hint
    if (hint === undefined || !(await deleteSecret(tx, client_id, secret_id))) return noSuchSecret
    await record(tx, { type: 'client.secret_removed', now, client_id, ...actedBy(asking.by ?? {}) })
    return undefined
  })
  ctx.clients.forget(client_id)
  return refused
}

const unchanged = (client: NonNullable<Awaited<ReturnType<typeof lockClient>>>) => ({ before: client, after: client })

/** Makes a secret within the transaction that the client is made or changed in. */
export const addSecret = async (tx: Tx, client_id: string, now: Date): Promise<string> => {
  const secret = mintOpaque('cs', secretBytes())
  await insertSecret(tx, { client_id, secret_hash: hashToken(secret), hint: secret.slice(-4), created_at: now })
  return secret
}

const publicClient: Denial = deny('invalid_request', 'A public client has no secret.', {
  rule: 'only confidential clients have secrets (RFC 6749 §2.1)',
})

const noSuchSecret: Denial = deny(
  'not_found',
  'There is no such secret.',
  { rule: 'the secret exists', expected: 'the id of a secret of this application', got: 'another id' },
  { status: 404 },
)
