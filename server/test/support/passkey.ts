/**
 * Owns passkeys for tests: an authenticator in software that answers ceremonies as a browser hands them on, and tells lies
 * when it is asked to. Start reading at `softPasskey`.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'
import type { Ctx } from '../../src/ctx.ts'
import { insertPasskey, type PasskeyRow } from '../../src/factors/passkey-store.ts'
import { userHandle } from '../../src/factors/passkeys.ts'
import { uuidv7 } from '../../src/io/ids.ts'

/** What the authenticator says, as far as it differs from the truth. */
export type Lies = {
  type?: string
  origin?: string
  crossOrigin?: boolean
  topOrigin?: string
  rp_id?: string
  challenge?: string
  /** User present, user verified, backup eligible, backed up (WebAuthn §6.1). */
  up?: boolean
  uv?: boolean
  be?: boolean
  bs?: boolean
  count?: number
  id?: string
  rawId?: string
  userHandle?: string | null
  /** Another key signs. */
  key?: SoftKey
  /** Changes what is signed after the signature. */
  after?: (response: Record<string, string>) => void
  /** Another format of attestation, with this statement. */
  fmt?: string
  attStmt?: Map<string, unknown>
}

type SoftKey = { alg: number; cose: Buffer; sign: (data: Buffer) => Buffer }
export type SoftPasskey = {
  id: string
  alg: number
  key: SoftKey
  /** The answer to a registration. */
  attest: (challenge: string, lies?: Lies) => Record<string, unknown>
  /** The answer to a sign-in of the person with this handle. */
  assert: (challenge: string, handle: string | undefined, lies?: Lies) => Record<string, unknown>
}

type Making = { issuer: string; alg?: -7 | -8 | -257 | -37 | -35; synced?: boolean; id_bytes?: number }

/** Makes a passkey for an issuer: ES256, kept on this device, that verifies its user and does not count, unless said otherwise. */
export const softPasskey = ({ issuer, alg = -7, synced = false, id_bytes = 32 }: Making): SoftPasskey => {
  const { origin, hostname } = new URL(issuer)
  const id = randomBytes(id_bytes).toString('base64url')
  const key = softKey(alg)
  const flagsOf = ({ up = true, uv = true, be = synced, bs = synced }: Lies, more: number): number =>
    (up ? 1 : 0) | (uv ? 4 : 0) | (be ? 8 : 0) | (bs ? 16 : 0) | more
  const authData = (lies: Lies, more: number, rest = Buffer.alloc(0)): Buffer => {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(lies.count ?? 0)
    return Buffer.concat([sha256(lies.rp_id ?? hostname), Buffer.of(flagsOf(lies, more)), count, rest])
  }
  const clientData = (type: string, challenge: string, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: lies.crossOrigin ?? false,
        ...(lies.topOrigin !== undefined && { topOrigin: lies.topOrigin }),
      }),
    )
  const around = (lies: Lies, response: Record<string, unknown>) => ({
    id: lies.id ?? id,
    rawId: lies.rawId ?? lies.id ?? id,
    type: 'public-key',
    authenticatorAttachment: 'platform',
    clientExtensionResults: {},
    response,
  })
  return {
    id,
    alg,
    key,
    attest: (challenge, lies = {}) => {
      const bytes = Buffer.from(id, 'base64url')
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      const made = Buffer.concat([Buffer.alloc(16), length, bytes, (lies.key ?? key).cose])
      const object = new Map<string, unknown>([
        ['fmt', lies.fmt ?? 'none'],
        ['attStmt', lies.attStmt ?? new Map()],
        ['authData', new Uint8Array(authData(lies, 64, made))],
      ])
      return {
        ...around(lies, {
          clientDataJSON: clientData('webauthn.create', challenge, lies).toString('base64url'),
          attestationObject: Buffer.from(isoCBOR.encode(object as never)).toString('base64url'),
          transports: ['internal', 'hybrid', 'made-up'],
        }),
        clientExtensionResults: { credProps: { rk: true } },
      }
    },
    assert: (challenge, handle, lies = {}) => {
      const [data, client] = [authData(lies, 0), clientData('webauthn.get', challenge, lies)]
      const signature = (lies.key ?? key).sign(Buffer.concat([data, sha256(client)]))
      const named = lies.userHandle === undefined ? handle : (lies.userHandle ?? undefined)
      const response: Record<string, string> = {
        clientDataJSON: client.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: signature.toString('base64url'),
        ...(named !== undefined && { userHandle: named }),
      }
      lies.after?.(response)
      return around(lies, response)
    },
  }
}

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()

/** A key pair with its COSE form (RFC 9053 §2, §7). */
export const softKey = (alg: -7 | -8 | -257 | -37 | -35): SoftKey => {
  const pair = pairOf(alg)
  const jwk = pair.publicKey.export({ format: 'jwk' })
  const bytes = (name: 'x' | 'y' | 'n' | 'e') => new Uint8Array(Buffer.from(jwk[name] ?? '', 'base64url'))
  const parts: Record<number, [number, unknown][]> = {
    [-7]: [
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, bytes('x')],
      [-3, bytes('y')],
    ],
    [-35]: [
      [1, 2],
      [3, -35],
      [-1, 2],
      [-2, bytes('x')],
      [-3, bytes('y')],
    ],
    [-8]: [
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, bytes('x')],
    ],
    [-257]: [
      [1, 3],
      [3, -257],
      [-1, bytes('n')],
      [-2, bytes('e')],
    ],
    [-37]: [
      [1, 3],
      [3, -37],
      [-1, bytes('n')],
      [-2, bytes('e')],
    ],
  }
  const cose = Buffer.from(isoCBOR.encode(new Map(parts[alg]) as never))
  return { alg, cose, sign: (data) => sign(digestOf[alg], data, pair.privateKey) }
}

const digestOf = { [-7]: 'sha256', [-35]: 'sha384', [-8]: null, [-257]: 'sha256', [-37]: 'sha256' }

const pairOf = (alg: number): { publicKey: KeyObject; privateKey: KeyObject } => {
  if (alg === -8) return generateKeyPairSync('ed25519')
  if (alg === -7 || alg === -35) return generateKeyPairSync('ec', { namedCurve: alg === -7 ? 'P-256' : 'P-384' })
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

/** The handle under which passkeys know a person. */
export const handleOf = (ctx: Ctx, user_id: string): string => userHandle(ctx, user_id).toString('base64url')

/** Gives a person a passkey, as if it had been registered long ago. */
export const keepPasskey = async (
  ctx: Ctx,
  user_id: string,
  { passkey, synced = false, ...more }: { passkey: SoftPasskey; synced?: boolean } & Partial<PasskeyRow>,
): Promise<PasskeyRow> => {
  const now = ctx.now()
  const row: PasskeyRow = {
    id: uuidv7(now),
    credential_id: Buffer.from(passkey.id, 'base64url'),
    user_id,
    name: 'Key ring',
    public_key: passkey.key.cose,
    alg: passkey.alg,
    sign_count: '0',
    transports: [],
    aaguid: null,
    backup_eligible: synced,
    backed_up: synced,
    user_verified: true,
    discoverable: true,
    created_at: now,
    last_used_at: null,
    ...more,
  }
  if (!(await insertPasskey(ctx.db, row))) throw new Error('the credential id is known already')
  return row
}
