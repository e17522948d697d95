/**
 * Owns the making and moving along of signing keys. Runs at start, every minute, and on demand; one node at a time.
 * Never signs. Start reading at `rotateKeys`.
 */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import type { Config } from '../config/schema.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { SigningKeysRow } from '../db/tables.gen.ts'
import { transact } from '../db/transact.ts'
import { record } from '../events/record.ts'
import type { Secrets } from '../io/secrets.ts'
import { longestAccessSeconds } from '../protocol/access-token.ts'
import { dueSteps, type Policy, type Step } from './lifecycle.ts'
import { sealPlace } from './signer.ts'
import { insertKey, listKeys, lockKeys, updateKey } from './store.ts'

const generate = promisify(generateKeyPair)

/** On this channel nodes are told that keys have changed. A hint only: every node looks by itself again and again. */
export const keysChannel = 'keywright_keys'

export const policyOf = (config: Config): Policy => ({
  algs: config.signing_algs,
  publishSeconds: config.key_publish_seconds,
  rotateSeconds: config.key_rotate_seconds,
  longestTokenSeconds: longestAccessSeconds,
})

/** A fresh private key of an algorithm: RSA 2048 with e = 65537, P-256, or Ed25519. */
export const generateKey = async (alg: string): Promise<KeyObject> => {
  if (alg === 'ES256') return (await generate('ec', { namedCurve: 'P-256' })).privateKey
  if (alg === 'EdDSA') return (await generate('ed25519')).privateKey
  return (await generate('rsa', { modulusLength: 2048 })).privateKey
}

/** Brings every key to where it belongs now, and loads the ring. `fresh` are keys made beforehand, by algorithm. */
export const rotateKeys = async (
  ctx: Ctx,
  fresh: ReadonlyMap<string, Promise<KeyObject>> = new Map(),
): Promise<void> => {
  const now = ctx.now()
  const rows = await listKeys(ctx.db)
  const due = dueSteps(rows, policyOf(ctx.config), now)
  if (due.length === 0) return ctx.signer.load(rows)
  const made = await makeKeys(due, fresh)
  await transact(ctx.db, async (tx) => {
    await lockKeys(tx)
    // Creating may make activating due: a first key signs at once.
    for (let round = 0; round < 3; round += 1) {
      const steps = dueSteps(await listKeys(tx), policyOf(ctx.config), now)
      for (const step of steps) await applyStep(ctx, tx, { step, now, fresh: made })
    }
  })
  await loadKeys(ctx)
}

/** Making an RSA key takes long: it happens before the lock is taken. */
const makeKeys = async (
  due: Step[],
  fresh: ReadonlyMap<string, Promise<KeyObject>>,
): Promise<Map<string, Promise<KeyObject>>> => {
  const made = new Map<string, Promise<KeyObject>>()
  for (const step of due) {
    if (step.do === 'create') made.set(step.alg, fresh.get(step.alg) ?? generateKey(step.alg))
  }
  await Promise.all(made.values())
  return made
}

/** Loads the ring as the database has it. */
export const loadKeys = async (ctx: Ctx): Promise<void> => ctx.signer.load(await listKeys(ctx.db))

/** Takes one step of a key's life, with its event. The lock of `lockKeys` must be held. */
export const applyStep = async (
  ctx: Ctx,
  tx: Tx,
  { step, now, fresh }: { step: Step; now: Date; fresh: ReadonlyMap<string, Promise<KeyObject>> },
): Promise<void> => {
  if (step.do === 'create') {
    const key = await (fresh.get(step.alg) ?? generateKey(step.alg))
    const row = await keyRow({
      key,
      alg: step.alg,
      deployment: ctx.deploymentId,
      secrets: ctx.secrets,
      now,
      activate_at: step.activate_at,
    })
    await insertKey(tx, row)
    return await record(tx, { type: 'key.created', now, data: { kid: row.kid, alg: row.alg } })
  }
  if (step.do === 'retire') {
    await updateKey(tx, step.kid, { status: 'retired', private_sealed: null })
    return await record(tx, { type: 'key.retired', now, data: { kid: step.kid } })
  }
  if (step.replaces !== undefined)
    await updateKey(tx, step.replaces, { status: 'passive', passive_at: now, verify_until: step.verify_until })
  await updateKey(tx, step.kid, { status: 'active', activated_at: now })
  await record(tx, { type: 'key.activated', now, data: { kid: step.kid } })
}

type NewKey = {
  key: KeyObject
  alg: string
  deployment: string
  secrets: Secrets
  now: Date
  activate_at: Date
  kid?: string | undefined
}

/** The row of a new key, pending. `kid` is the RFC 7638 thumbprint unless an imported key keeps its own. */
export const keyRow = async (facts: NewKey): Promise<SigningKeysRow> => {
  const public_jwk = createPublicKey(facts.key).export({ format: 'jwk' })
  const kid = facts.kid ?? (await calculateJwkThumbprint(public_jwk))
  const pem = facts.key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    kid,
    alg: facts.alg,
    status: 'pending',
    public_jwk,
    private_sealed: facts.secrets.seal(pem, sealPlace(facts.deployment, kid)),
    created_at: facts.now,
    activate_at: facts.activate_at,
    activated_at: null,
    passive_at: null,
    verify_until: null,
  }
}
