/**
 * Owns the door to WebAuthn: the shape of what browsers send, and whether it proves what it says (security rules PK-1, PK-2).
 * Throws WebAuthnRefused for everything that it does not: there is no boolean to forget. Never touches the database, never
 * asks the network: an attestation that would have to be looked up is refused. Start reading at `verifyAssertion`.
 */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { z } from 'zod'
import type { PasskeyRow } from './passkey-store.ts'

/** What was sent proves nothing. The message is for the operator. */
export class WebAuthnRefused extends Error {}

/** COSE algorithms that may sign, the preferred first: EdDSA, ES256, RS256 (WebAuthn §5.8.5). */
export const algorithms: readonly number[] = [-8, -7, -257]

/** Where a ceremony has to have happened: the origin that the browser names, and the domain that the passkey is for. */
export type Place = { origin: string; rp_id: string }

/** In the one spelling that it has: what is read here is then exactly what the library reads and what was signed. */
const base64url = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((text) => Buffer.from(text, 'base64url').toString('base64url') === text)
const credential = { id: base64url(1400), rawId: base64url(1400), type: z.literal('public-key') }

/** WebAuthn §5.1 AuthenticationResponseJSON, as far as it is read. */
const assertionShape = z.object({
  ...credential,
  response: z.object({
    authenticatorData: base64url(4000),
    clientDataJSON: base64url(8000),
    signature: base64url(4000),
    userHandle: base64url(100).nullish(),
  }),
})

/** WebAuthn §5.1 RegistrationResponseJSON, as far as it is read. */
const attestationShape = z.object({
  ...credential,
  response: z.object({
    attestationObject: base64url(20_000),
    clientDataJSON: base64url(8000),
    transports: z.array(z.string().max(40)).max(10).nullish(),
  }),
  clientExtensionResults: z.object({ credProps: z.object({ rk: z.boolean().nullish() }).nullish() }).nullish(),
})

export type Assertion = z.infer<typeof assertionShape>
export type Attestation = z.infer<typeof attestationShape>

/** Reads an assertion: as an object, or as the JSON text that a form carries. Undefined when it is none. */
export const readAssertion = (sent: unknown): Assertion | undefined => assertionShape.safeParse(parsed(sent)).data

/** Reads the answer of a registration likewise. */
export const readAttestation = (sent: unknown): Attestation | undefined => attestationShape.safeParse(parsed(sent)).data

const parsed = (sent: unknown): unknown => {
  if (typeof sent !== 'string') return sent
  try {
    return JSON.parse(sent) as unknown
  } catch {
    return undefined
  }
}

const clientDataShape = z.object({
  challenge: z.string().max(200),
  crossOrigin: z.boolean().optional(),
  topOrigin: z.string().optional(),
})

/** The challenge that was answered. Whether it is one of ours is not said by it. */
export const challengeOf = (sent: Assertion | Attestation): string | undefined =>
  clientDataOf(sent.response.clientDataJSON)?.challenge

const clientDataOf = (text: string) =>
  clientDataShape.safeParse(parsed(Buffer.from(text, 'base64url').toString('utf8'))).data

/** What an assertion has proved. `sign_count` is 0 where the authenticator does not count. */
export type Asserted = { user_verified: boolean; backed_up: boolean; sign_count: number }

type AssertionFacts = {
  assertion: Assertion
  /** The one that was spent for it. */
  challenge: string
  passkey: Pick<PasskeyRow, 'public_key' | 'alg' | 'backup_eligible'>
  place: Place
  /** The authenticator has to have verified its user. */
  verified_user: boolean
}

/** WebAuthn §7.2, steps 10 to 22: throws WebAuthnRefused unless the passkey's key has signed this, here, for this challenge. */
export const verifyAssertion = async (facts: AssertionFacts): Promise<Asserted> => {
  const { assertion, challenge, passkey, place } = facts
  refuseFrames(assertion)
  if (!algorithms.includes(passkey.alg)) throw new WebAuthnRefused(`algorithm ${passkey.alg}`)
  const { verifyAuthenticationResponse } = await library()
  const { verified, authenticationInfo } = await refusing(async () =>
    verifyAuthenticationResponse({
      response: { ...assertion, clientExtensionResults: {} } as AuthenticationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: place.origin,
      expectedRPID: place.rp_id,
      requireUserVerification: facts.verified_user,
      // The counter is no reason to refuse (security rule PK-2); whoever calls looks at it.
      credential: { id: assertion.id, publicKey: new Uint8Array(passkey.public_key), counter: 0 },
    }),
  )
  if (!verified) throw new WebAuthnRefused('a signature of another key')
  const { credentialDeviceType, credentialBackedUp, newCounter, userVerified } = authenticationInfo
  // §7.2 step 20: eligibility for backup never changes.
  if ((credentialDeviceType === 'multiDevice') !== passkey.backup_eligible)
    throw new WebAuthnRefused('another backup eligibility than at registration')
  return { user_verified: userVerified, backed_up: credentialBackedUp, sign_count: newCounter }
}

/** What a registration has made, ready to be kept. */
export type Attested = Pick<
  PasskeyRow,
  | 'credential_id'
  | 'public_key'
  | 'alg'
  | 'sign_count'
  | 'transports'
  | 'aaguid'
  | 'backup_eligible'
  | 'backed_up'
  | 'user_verified'
  | 'discoverable'
>

/** WebAuthn §7.1: throws WebAuthnRefused unless this is a new key that was made here for this challenge. */
export const verifyAttestation = async (facts: {
  attestation: Attestation
  challenge: string
  place: Place
}): Promise<Attested> => {
  const { attestation, challenge, place } = facts
  refuseFrames(attestation)
  const [{ verifyRegistrationResponse }, helpers] = await Promise.all([library(), helpersOfLibrary()])
  await refusing(async () => refuseStatements(attestation, helpers))
  const { verified, registrationInfo } = await refusing(async () =>
    verifyRegistrationResponse({
      response: { ...attestation, clientExtensionResults: {} } as RegistrationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: place.origin,
      expectedRPID: place.rp_id,
      requireUserVerification: false,
      supportedAlgorithmIDs: [...algorithms],
    }),
  )
  if (!verified) throw new WebAuthnRefused('an attestation that does not hold')
  const { credential: made, aaguid, userVerified, credentialDeviceType, credentialBackedUp } = registrationInfo
  if (made.id !== attestation.id) throw new WebAuthnRefused('another credential id in the authenticator data')
  const credential_id = Buffer.from(made.id, 'base64url')
  // WebAuthn §7.1 step 25.
  if (credential_id.length > 1023) throw new WebAuthnRefused('a credential id of more than 1023 bytes')
  return {
    credential_id,
    public_key: Buffer.from(made.publicKey),
    alg: helpers.decodeCredentialPublicKey(made.publicKey).get(helpers.cose.COSEKEYS.alg) ?? 0,
    sign_count: String(made.counter),
    transports: (attestation.response.transports ?? []).filter(isTransport),
    aaguid,
    backup_eligible: credentialDeviceType === 'multiDevice',
    backed_up: credentialBackedUp,
    user_verified: userVerified,
    discoverable: attestation.clientExtensionResults?.credProps?.rk ?? null,
  }
}

const transports: readonly string[] = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']
const isTransport = (text: string): boolean => transports.includes(text)

/** Security rule PK-1: no page of another site asks for passkeys in a frame. */
const refuseFrames = (sent: Assertion | Attestation): void => {
  const data = clientDataOf(sent.response.clientDataJSON)
  if (data === undefined) throw new WebAuthnRefused('client data that cannot be read')
  if (data.crossOrigin === true || data.topOrigin !== undefined) throw new WebAuthnRefused('a frame of another site')
}

/**
 * We ask for no attestation, so there is none but that of the key itself. One with certificates would have the library
 * fetch lists of revoked ones from addresses that the sender chose.
 */
const refuseStatements = ({ response }: Attestation, { decodeAttestationObject }: Helpers): void => {
  const decoded = decodeAttestationObject(new Uint8Array(Buffer.from(response.attestationObject, 'base64url')))
  const format = decoded.get('fmt')
  const isOwn = format === 'packed' && decoded.get('attStmt').get('x5c') === undefined
  if (format !== 'none' && !isOwn) throw new WebAuthnRefused(`an attestation of the format ${format}`)
}

/** Half a second and 25 MB: loaded when somebody uses a passkey, and not before. */
export const library = async () => await import('@simplewebauthn/server')
const helpersOfLibrary = async () => await import('@simplewebauthn/server/helpers')
type Helpers = Awaited<ReturnType<typeof helpersOfLibrary>>

/** Whatever cannot be read was sent so: nothing in here is our own failure. */
const refusing = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw error instanceof WebAuthnRefused ? error : new WebAuthnRefused(messageOf(error), { cause: error })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message.slice(0, 200) : 'unreadable')
