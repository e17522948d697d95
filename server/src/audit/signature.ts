/**
 * Owns the signed statements of where the audit trail stood: an Ed25519 key of their own, derived from the root secret, and
 * their form as a line of text. Whoever has the public key can check them without this server (security design 3.9).
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Ctx } from '../ctx.ts'
import { canonicalJson } from '../protocol/canonical-json.ts'

/** Where the chain stood at `at`: row `seq` has `hash`. `count`: rows since the checkpoint before. */
export type Checkpoint = { seq: number; hash: string; count: number; at: string; deployment: string }
/** The signature in base64url. */
export type SignedCheckpoint = { checkpoint: Checkpoint; signature: string }

/** RFC 8410 §7: what stands before the 32 bytes of an Ed25519 key in PKCS #8. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The key that signs nothing else. */
const privateKeyOf = ({ secrets }: Pick<Ctx, 'secrets'>): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8, secrets.mac('audit', 'checkpoints')]), format: 'der', type: 'pkcs8' })

/** The public half, for whoever verifies. */
export const publicKeyOf = (ctx: Pick<Ctx, 'secrets'>): KeyObject => createPublicKey(privateKeyOf(ctx))

/** As a file: PEM (RFC 7468 §13). */
export const publicPem = (ctx: Pick<Ctx, 'secrets'>): string =>
  String(publicKeyOf(ctx).export({ format: 'pem', type: 'spki' }))

/** What is signed: the purpose, so that the signature means nothing anywhere else, and the statement (RFC 8785). */
const signedText = (checkpoint: Checkpoint): Buffer =>
  Buffer.from(`keywright-audit-checkpoint-v1\n${canonicalJson(checkpoint)}`)

export const signCheckpoint = (ctx: Pick<Ctx, 'secrets'>, checkpoint: Checkpoint): SignedCheckpoint => ({
  checkpoint,
  signature: sign(null, signedText(checkpoint), privateKeyOf(ctx)).toString('base64url'),
})

/** Whether it was signed by the owner of this key. */
export const isSigned = ({ checkpoint, signature }: SignedCheckpoint, key: KeyObject): boolean =>
  verify(null, signedText(checkpoint), key, Buffer.from(signature, 'base64url'))
