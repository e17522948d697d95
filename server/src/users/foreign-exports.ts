/**
 * Owns the turning of what other systems export as a whole into records that an import reads: a realm of Keycloak, the
 * accounts of Firebase. Pure; what cannot be taken over is left out or refused by the record itself. Start reading at
 * `keycloakRecords`.
 */
import { Secret } from 'otpauth'
import { z } from 'zod'
import { firebaseHash, type FirebaseProject, keycloakHash, parseJson } from './hash-exports.ts'
import type { Line } from './import.ts'

const keycloakUser = z.object({
  id: z.string().optional(),
  createdTimestamp: z.number().optional(),
  username: z.string().optional(),
  enabled: z.boolean().default(true),
  email: z.string().optional(),
  emailVerified: z.boolean().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  attributes: z.record(z.string(), z.array(z.string())).default({}),
  requiredActions: z.array(z.string()).default([]),
  credentials: z.array(z.unknown()).default([]),
})

/** The records of a realm export (`users` of its JSON); undefined when it is none. Roles and groups are left out. */
export const keycloakRecords = (text: string): Line[] | undefined =>
  linesOf(text, (user) => {
    const read = keycloakUser.safeParse(user)
    return read.success ? keycloakRecord(read.data) : user
  })

const keycloakRecord = (user: z.output<typeof keycloakUser>): Record<string, unknown> => ({
  id: user.id,
  username: user.username === user.email ? undefined : user.username,
  email: user.email,
  email_verified: user.emailVerified,
  given_name: user.firstName,
  family_name: user.lastName,
  name: [user.firstName, user.lastName].filter(Boolean).join(' '),
  status: user.enabled ? 'active' : 'disabled',
  required_actions: user.requiredActions.flatMap((action) => keycloakActions[action] ?? []),
  claims: Object.fromEntries(
    Object.entries(user.attributes).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  ),
  password_hash: user.credentials.map(keycloakHash).find((hash) => hash !== undefined),
  totp_secret: user.credentials.map(keycloakTotp).find((secret) => secret !== undefined),
  created_at: user.createdTimestamp === undefined ? undefined : new Date(user.createdTimestamp).toISOString(),
})

const keycloakActions: Record<string, string> = {
  VERIFY_EMAIL: 'verify_email',
  UPDATE_PASSWORD: 'change_password',
  CONFIGURE_TOTP: 'enrol_factor',
  'webauthn-register': 'enrol_factor',
}

const otpCredential = z.object({ type: z.literal('otp'), secretData: z.string(), credentialData: z.string() })
const otpSecret = z.object({ value: z.string().min(1) })
// RFC 6238 with the parameters that authenticator apps have in common; others are set up anew.
const otpFacts = z.object({
  subType: z.literal('totp'),
  digits: z.literal(6),
  period: z.literal(30),
  algorithm: z.literal('HmacSHA1'),
  secretEncoding: z.string().optional(),
})

/** The secret of an authenticator app in Base32: Keycloak keeps the bytes of the key as text. */
const keycloakTotp = (credential: unknown): string | undefined => {
  const parsed = otpCredential.safeParse(credential)
  if (!parsed.success) return undefined
  const secret = otpSecret.safeParse(parseJson(parsed.data.secretData))
  const facts = otpFacts.safeParse(parseJson(parsed.data.credentialData))
  if (!secret.success || !facts.success) return undefined
  return facts.data.secretEncoding === 'BASE32' ? secret.data.value : Secret.fromUTF8(secret.data.value).base32
}

const firebaseUser = z.object({
  localId: z.string().optional(),
  email: z.string().optional(),
  emailVerified: z.boolean().optional(),
  displayName: z.string().optional(),
  photoUrl: z.string().optional(),
  phoneNumber: z.string().optional(),
  disabled: z.boolean().default(false),
  createdAt: z.coerce.number().optional(),
  customAttributes: z.string().optional(),
  passwordHash: z.string().optional(),
  salt: z.string().optional(),
})

/** The records of `firebase auth:export` (JSON); undefined when it is none. Without the project's parameters, without passwords. */
export const firebaseRecords = (text: string, project: FirebaseProject | undefined): Line[] | undefined =>
  linesOf(text, (user) => {
    const read = firebaseUser.safeParse(user)
    return read.success ? firebaseRecord(read.data, project) : user
  })

const firebaseRecord = (
  { passwordHash, salt, ...user }: z.output<typeof firebaseUser>,
  project: FirebaseProject | undefined,
): Record<string, unknown> => ({
  id: user.localId,
  email: user.email,
  email_verified: user.emailVerified,
  // Somebody who signs in by telephone alone has neither an address nor a user name there.
  username: user.email === undefined ? user.localId : undefined,
  name: user.displayName,
  picture: user.photoUrl,
  phone_number: user.phoneNumber,
  // Firebase keeps a number only once its person has typed a code that was sent to it.
  phone_number_verified: user.phoneNumber === undefined ? undefined : true,
  status: user.disabled ? 'disabled' : 'active',
  claims: user.customAttributes === undefined ? undefined : parseJson(user.customAttributes),
  password_hash: project && firebaseHash({ ...(passwordHash && { passwordHash }), ...(salt && { salt }) }, project),
  created_at: user.createdAt === undefined ? undefined : new Date(user.createdAt).toISOString(),
})

const firebaseConfig = z.object({
  base64_signer_key: z.string(),
  base64_salt_separator: z.string(),
  rounds: z.coerce.number().int(),
  mem_cost: z.coerce.number().int(),
})

/** The hash parameters of a Firebase project, from a JSON file with the names that its console shows. */
export const readFirebaseProject = (text: string): FirebaseProject | undefined => {
  const read = firebaseConfig.safeParse(parseJson(text))
  return read.success ? read.data : undefined
}

/** What is no account as we know it goes on as it came: the import refuses it by its number. */
const linesOf = (text: string, recordOf: (user: unknown) => unknown): Line[] | undefined => {
  const parsed = z.object({ users: z.array(z.unknown()) }).safeParse(parseJson(text))
  return parsed.success
    ? parsed.data.users.map((user, index) => ({ line: index + 1, value: withoutNothing(recordOf(user)) }))
    : undefined
}

const withoutNothing = (record: unknown): unknown =>
  typeof record === 'object' && record !== null && !Array.isArray(record)
    ? Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
    : record
