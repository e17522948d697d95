/**
 * Owns the signatures of webhooks: Standard Webhooks 1.0, HMAC-SHA256 over `id.timestamp.body` (security rule WH-2). Pure; the
 * random bytes of a secret are handed in.
 */
import { createHmac } from 'node:crypto'

/** A secret as its receiver gets it: `whsec_` and base64. */
export const secretFrom = (bytes: Uint8Array): string => `whsec_${Buffer.from(bytes).toString('base64')}`

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice('whsec_'.length), 'base64')

export type Message = { id: string; timestampSeconds: number; body: string }

/** The three headers of a message; one signature for each secret, the newest first, parted by a space. */
export const signedHeaders = (
  { id, timestampSeconds, body }: Message,
  secrets: readonly string[],
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> => ({
  'webhook-id': id,
  'webhook-timestamp': String(timestampSeconds),
  'webhook-signature': secrets
    .map((secret) => {
      const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestampSeconds}.${body}`)
      return `v1,${mac.digest('base64')}`
    })
    .join(' '),
})
