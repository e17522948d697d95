/** Owns how a person is shown to themselves by the API: named members only, never a secret (security rule AD-3). */
import type { Subject } from '../protocol/claims.ts'
import { profileOf } from './profile.ts'

/** A person as they see themselves. */
export const personView = (subject: Subject) => {
  const { id, status, username, email, email_verified, phone_number, phone_number_verified, roles, permissions } =
    subject
  return {
    id,
    status,
    username,
    email,
    email_verified,
    ...profileOf(subject),
    phone_number,
    phone_number_verified,
    roles,
    permissions,
    updated_at: subject.updated_at.toISOString(),
  }
}
