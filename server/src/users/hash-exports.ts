/**
 * Owns the turning of what Keycloak and Firebase export into one text for each password, which `adoptHash` takes. Pure;
 * never judges whether it is acceptable (import-hash.ts does).
 */
import { z } from 'zod'

const numbers = z.coerce.number().int().positive()
const first = z.union([z.array(z.string()).transform(([one]) => one ?? ''), z.string()]).optional()

const secretData = z.object({ value: z.string(), salt: z.string() })
const credentialData = z.object({
  algorithm: z.string(),
  hashIterations: numbers,
  additionalParameters: z.record(z.string(), first).default({}),
})

/** A password of a Keycloak realm export: one entry of `credentials` with the type password. */
const keycloakCredential = z.object({ type: z.literal('password'), secretData: z.string(), credentialData: z.string() })

/** The hash of a Keycloak password; undefined for anything else, and for an algorithm that is none of Keycloak's own. */
export const keycloakHash = (credential: unknown): string | undefined => {
  const parsed = keycloakCredential.safeParse(credential)
  if (!parsed.success) return undefined
  const secret = secretData.safeParse(parseJson(parsed.data.secretData))
  const facts = credentialData.safeParse(parseJson(parsed.data.credentialData))
  if (!secret.success || !facts.success) return undefined
  const { algorithm, hashIterations, additionalParameters: more } = facts.data
  const { value, salt } = secret.data
  if (algorithm === 'argon2') {
    const version = more['version'] === '1.0' ? 16 : 19
    const cost = `m=${more['memory'] ?? ''},t=${hashIterations},p=${more['parallelism'] ?? ''}`
    return `$argon2${more['type'] ?? 'id'}$v=${version}$${cost}$${bare(salt)}$${bare(value)}`
  }
  const digest = { pbkdf2: 'sha1', 'pbkdf2-sha256': 'sha256', 'pbkdf2-sha512': 'sha512' }[algorithm]
  return digest && `$pbkdf2-${digest}$i=${hashIterations}$${bare(salt)}$${bare(value)}`
}

/** The hash parameters of a Firebase project, as its console shows them. */
export type FirebaseProject = {
  base64_signer_key: string
  base64_salt_separator: string
  rounds: number
  mem_cost: number
}

/** The hash of a Firebase account; undefined for one without a password. */
export const firebaseHash = (
  { passwordHash, salt }: { passwordHash?: string; salt?: string },
  project: FirebaseProject,
): string | undefined => {
  if (!passwordHash || !salt) return undefined
  const { mem_cost: ln, rounds: r, base64_signer_key: key, base64_salt_separator: separator } = project
  return `$firebase-scrypt$ln=${ln},r=${r},sk=${key},ss=${separator}$${salt}$${passwordHash}`
}

const bare = (base64: string): string => base64.replace(/=+$/, '')

/** What a text says in JSON; undefined when it is none. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
