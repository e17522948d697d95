/**
 * Owns what the copy of a person's data holds: all that is theirs, by named members, and no secret (security rules GD-1,
 * AD-3). Start reading at `archiveOf`.
 */
import { listKeys } from '../api-keys/manage.ts'
import { keyView } from '../api-keys/view.ts'
import { consentsOf } from '../authorize/consent.ts'
import { idsLookedAfter } from '../clients/looked-after.ts'
import type { Ctx } from '../ctx.ts'
import { listDevices } from '../devices/forget.ts'
import { allEventsOf } from '../events/list.ts'
import { countBackupCodes } from '../factors/backup-codes.ts'
import { listFactors } from '../factors/keeping.ts'
import { passkeysOf } from '../factors/passkey-keeping.ts'
import { sessionHistoryOf } from '../sessions/list.ts'
import { familiesOf } from '../token/families.ts'
import { createdAt } from '../users/manage.ts'
import { passwordSetAt } from '../users/own-password.ts'
import { loadSubject } from '../users/subject.ts'
import { personView } from '../users/view.ts'
import { deviceFacts, eventFacts } from './own-facts.ts'

/** The whole copy as it is at an instant; undefined when the account is gone. */
export const archiveOf = async (ctx: Ctx, { user_id, now }: { user_id: string; now: Date }) => {
  const subject = await loadSubject(ctx.db, user_id)
  if (subject === undefined) return undefined
  const created_at = await createdAt(ctx, subject)
  return {
    made_at: now.toISOString(),
    issuer: ctx.config.issuer,
    personal_info: { ...personView(subject), claims: subject.claims, created_at: created_at?.toISOString() ?? null },
    login_history: (await allEventsOf(ctx.db, user_id)).map(eventFacts),
    consents: (await consentsOf(ctx, user_id)).map(({ client_id, client_name, scopes, resources, granted_at }) => ({
      client_id,
      client_name,
      scopes,
      resources,
      granted_at: granted_at.toISOString(),
    })),
    tokens: await familiesOf(ctx.db, user_id),
    sessions: await sessionHistoryOf(ctx.db, user_id),
    factors: await factorsOf(ctx, { user_id, email: subject.email }),
    devices: (await listDevices(ctx.db, user_id)).map(deviceFacts),
    api_keys: (await listKeys(ctx.db, { owner_id: user_id, limit: 1000, after: undefined })).map(keyView),
    applications: await idsLookedAfter(ctx.db, user_id),
  }
}

const factorsOf = async (ctx: Ctx, { user_id, email }: { user_id: string; email: string | null }) => ({
  password_set_at: (await passwordSetAt(ctx, user_id))?.toISOString() ?? null,
  second_steps: (await listFactors(ctx.db, user_id, email)).map(({ kind, name, created_at, last_used_at }) => ({
    kind,
    name,
    created_at: created_at.toISOString(),
    last_used_at: last_used_at?.toISOString() ?? null,
  })),
  passkeys: (await passkeysOf(ctx, user_id)).map(({ name, created_at }) => ({ name, created_at })),
  backup_codes_left: (await countBackupCodes(ctx.db, user_id))?.left ?? 0,
})
