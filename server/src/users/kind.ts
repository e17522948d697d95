/** Owns the question whether an account is a person's: service accounts act by keys and applications, and never sign in. */
import type { Query } from '../db/connect.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { loadKind } from './store.ts'

export { loadKind } from './store.ts'

/** Tells whether an account is that of a person. */
export const isPerson = async (tx: Query, user_id: string): Promise<boolean> =>
  (await loadKind(tx, user_id)) === 'person'

/** Of what only people have: passwords, second steps, letters, sessions. */
export const notForServices: Denial = deny(
  'service_account',
  'This is a service account. It has its own addresses and commands.',
  {
    rule: 'service accounts have no credentials and no sessions',
    expected: 'the account of a person',
    got: 'a service account',
  },
  { status: 409 },
)
