/**
 * Owns what an operator does with signing keys: a new one now, one declared compromised, one brought in from outside.
 * Each tells every node at once. Never signs. Start reading at `rotateNow`.
 */
import type { KeyObject } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { SigningKeysRow } from '../db/tables.gen.ts'
import { transact } from '../db/transact.ts'
import { record } from '../events/record.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { type ReadKey, readKey } from './read-key.ts'
import { applyStep, generateKey, keyRow, keysChannel, loadKeys, policyOf } from './rotate.ts'
import { insertKey, listKeys, lockKeys, updateKey } from './store.ts'

/** A signing key as an operator may see it: without its private half. */
export type KeyInfo = Omit<SigningKeysRow, 'private_sealed' | 'public_jwk'>

/** Every key, newest first. */
export const listKeyInfo = async (ctx: Ctx): Promise<KeyInfo[]> =>
  (await listKeys(ctx.db)).map(({ private_sealed: _sealed, public_jwk: _jwk, ...info }) => info)

/** What became of one algorithm. `made` is false when the key was waiting already; `replaced` is the key that signed before. */
export type Rotated = {
  alg: string
  kid: string
  status: 'active' | 'pending'
  signs_from: Date
  made: boolean
  replaced?: string
}

/**
 * Rotates these algorithms: a new key is published and signs after the publish time, or with `atOnce` now. A key that
 * waits already is taken instead of making a second one. Refuses an algorithm that is not switched on.
 */
export const rotateNow = async (
  ctx: Ctx,
  { algs, atOnce }: { algs: readonly string[]; atOnce: boolean },
): Promise<Rotated[] | Denial> => {
  const refused = algs.map((alg) => checkAlg(ctx, alg)).find((denial) => denial !== undefined) ?? (await checkSeal(ctx))
  if (refused) return refused
  // Before the transaction: an RSA key can take a second.
  const fresh = new Map(await Promise.all(algs.map(async (alg) => [alg, await generateKey(alg)] as const)))
  const now = ctx.now()
  const rotated = await transact(ctx.db, async (tx) => {
    await lockKeys(tx)
    const done: Rotated[] = []
    for (const alg of algs) done.push(await rotateOne(ctx, tx, { alg, atOnce, now, fresh }))
    return done
  })
  await tellNodes(ctx)
  return rotated
}

type Turn = { alg: string; atOnce: boolean; now: Date; fresh: ReadonlyMap<string, KeyObject> }

const rotateOne = async (ctx: Ctx, tx: Tx, { alg, atOnce, now, fresh }: Turn): Promise<Rotated> => {
  const { active, waiting } = await keysOf(tx, alg)
  // Where nothing signs there is nobody to warn.
  const activates = atOnce || active === undefined
  if (waiting === undefined) {
    const activate_at = activates ? now : after(now, ctx.config.key_publish_seconds)
    const ready = new Map([...fresh].map(([name, key]) => [name, Promise.resolve(key)]))
    await applyStep(ctx, tx, { step: { do: 'create', alg, activate_at }, now, fresh: ready })
  }
  const next = waiting ?? (await keysOf(tx, alg)).waiting
  if (next === undefined) throw new Error(`no key of ${alg} after one was made`)
  const about = { alg, kid: next.kid, made: waiting === undefined }
  if (!activates) return { ...about, status: 'pending', signs_from: next.activate_at }
  const verify_until = after(now, policyOf(ctx.config).longestTokenSeconds + skewSeconds)
  await applyStep(ctx, tx, {
    step: { do: 'activate', kid: next.kid, replaces: active?.kid, verify_until },
    now,
    fresh: new Map(),
  })
  return { ...about, status: 'active', signs_from: now, ...(active && { replaced: active.kid }) }
}

const skewSeconds = 60

const keysOf = async (tx: Tx, alg: string) => {
  const keys = (await listKeys(tx)).filter((key) => key.alg === alg)
  const pending = keys.filter((key) => key.status === 'pending')
  const [waiting] = pending.toSorted((one, other) => one.activate_at.getTime() - other.activate_at.getTime())
  return { active: keys.find((key) => key.status === 'active'), waiting }
}

const after = (instant: Date, seconds: number): Date => new Date(instant.getTime() + seconds * 1000)

/** `replaced_by`: the key that signs instead, when the compromised one did. */
export type Compromised = { kid: string; alg: string; changed: boolean; replaced_by?: string }

/**
 * Declares a key compromised (security design 3.10): out of the key set, its private half erased, every token it signed
 * dead by the feed, and another key active, all at once. Refuses an unknown kid; saying it twice changes nothing.
 */
export const compromiseKey = async (ctx: Ctx, kid: string): Promise<Compromised | Denial> => {
  const alg = (await listKeys(ctx.db)).find((key) => key.kid === kid)?.alg
  if (alg === undefined) return noSuchKey(kid)
  const sealed = await checkSeal(ctx)
  if (sealed) return sealed
  const isOn = checkAlg(ctx, alg) === undefined
  const fresh = new Map(isOn ? [[alg, await generateKey(alg)]] : [])
  const now = ctx.now()
  const done = await transact(ctx.db, async (tx): Promise<Compromised> => {
    await lockKeys(tx)
    const key = (await listKeys(tx)).find((row) => row.kid === kid)
    if (key === undefined || key.status === 'compromised') return { kid, alg, changed: false }
    await updateKey(tx, kid, { status: 'compromised', private_sealed: null })
    await ctx.feed.write(tx, [{ kind: 'kid', key: kid }], now)
    await record(tx, { type: 'key.compromised', now, data: { kid, alg, status: key.status } })
    if (key.status !== 'active' || !isOn) return { kid, alg, changed: true }
    const replacement = await rotateOne(ctx, tx, { alg, atOnce: true, now, fresh })
    return { kid, alg, changed: true, replaced_by: replacement.kid }
  })
  await tellNodes(ctx)
  return done
}

/** A key from outside. `passive`: it only verifies, for `verifySeconds`, and its private half is not kept. */
export type KeyImport = { pem: string; kid?: string | undefined; alg?: string | undefined } & (
  | { passive: false }
  | { passive: true; verifySeconds: number }
)

/** Brings a key in. One that is not passive is published first, like a new one. Refuses weak keys and a kid that is taken. */
export const importKey = async (ctx: Ctx, given: KeyImport): Promise<KeyInfo | Denial> => {
  const now = ctx.now()
  const made = await rowOf(ctx, given, now)
  if (isDenial(made)) return made
  const refused = await transact(ctx.db, async (tx) => {
    await lockKeys(tx)
    if ((await listKeys(tx)).some((key) => key.kid === made.kid)) return taken(made.kid)
    await insertKey(tx, made)
    await record(tx, { type: 'key.created', now, data: { kid: made.kid, alg: made.alg, imported: true } })
    return undefined
  })
  if (refused) return refused
  await tellNodes(ctx)
  const { private_sealed: _sealed, public_jwk: _jwk, ...info } = made
  return info
}

const rowOf = async (ctx: Ctx, given: KeyImport, now: Date): Promise<SigningKeysRow | Denial> => {
  const read = readKey(given.pem)
  if (isDenial(read)) return read
  const alg = chooseAlg(read, given.alg)
  if (isDenial(alg)) return alg
  if (given.kid !== undefined && !/^[\x21-\x7e]{1,200}$/.test(given.kid))
    return invalid('A kid has 1 to 200 printable ASCII characters without spaces.', given.kid)
  if (given.passive) return await passiveRow(read, { alg, kid: given.kid, now, seconds: given.verifySeconds })
  if (read.private_key === undefined)
    return invalid('The file holds a public key only, which cannot sign: import it with --passive.', 'a public key')
  const activate_at = after(now, ctx.config.key_publish_seconds)
  const facts = { key: read.private_key, alg, deployment: ctx.deploymentId, secrets: ctx.secrets, now, activate_at }
  return checkAlg(ctx, alg) ?? (await checkSeal(ctx)) ?? (await keyRow({ ...facts, kid: given.kid }))
}

type Passive = { alg: string; kid: string | undefined; now: Date; seconds: number }

const passiveRow = async ({ public_key }: ReadKey, { alg, kid, now, seconds }: Passive): Promise<SigningKeysRow> => {
  const public_jwk = public_key.export({ format: 'jwk' })
  return {
    kid: kid ?? (await calculateJwkThumbprint(public_jwk)),
    alg,
    status: 'passive',
    public_jwk,
    private_sealed: null,
    created_at: now,
    activate_at: now,
    activated_at: null,
    passive_at: now,
    verify_until: after(now, seconds),
  }
}

const chooseAlg = ({ algs }: ReadKey, asked: string | undefined): string | Denial => {
  const alg = asked ?? algs[0] ?? ''
  return algs.includes(alg) ? alg : invalid(`This key is for ${algs.join(' or ')}, not for ${alg}.`, alg)
}

/** The published key set (RFC 7517 §5): what every verifier may see. Refuses when the keys are sealed under other secrets. */
export const publicKeySet = async (ctx: Ctx): Promise<{ keys: unknown[] } | Denial> =>
  (await checkSeal(ctx)) ?? (JSON.parse(ctx.signer.jwks().body) as { keys: unknown[] })

/** The running nodes load the keys as soon as they hear of it; then waits until all of them have read the feed. */
const tellNodes = async (ctx: Ctx): Promise<void> => {
  await loadKeys(ctx)
  await ctx.db.notify(keysChannel, '')
  await ctx.feed.announce()
}

/**
 * Whether the keys that sign now open under this process's secrets. A key sealed under others would be useless to the
 * running servers, so nothing is written when they do not (KY-1).
 */
export const checkSeal = async (ctx: Ctx): Promise<Denial | undefined> => {
  const rows = await listKeys(ctx.db)
  try {
    ctx.signer.load(rows)
    return undefined
  } catch {
    return deny(
      'sealed',
      'The keys of this database are sealed under another root secret: use the KEYWRIGHT_ROOT_SECRET of its servers.',
      { rule: 'private keys open (KY-1)', expected: 'the root secret that sealed them', got: 'another' },
    )
  }
}

const checkAlg = (ctx: Ctx, alg: string): Denial | undefined =>
  ctx.config.signing_algs.some((name) => name === alg)
    ? undefined
    : invalid(`${alg} is not switched on: KEYWRIGHT_SIGNING_ALGS is ${ctx.config.signing_algs.join(',')}.`, alg)

const noSuchKey = (kid: string): Denial =>
  deny('not_found', `There is no key ${kid}.`, {
    rule: 'the key exists',
    expected: 'a kid of `keywright keys list`',
    got: kid,
  })

const taken = (kid: string): Denial => invalid(`There is a key ${kid} already.`, kid)

const invalid = (sentence: string, got: string): Denial =>
  deny('invalid_key', sentence, { rule: 'the key can be used so', got })
