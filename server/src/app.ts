/**
 * THE table of contents. Every address, grant, way to recognise a caller and recurring job of this server is in one of
 * the lists below; what is not here does not exist, and discovery is computed from it.
 */
import { assignApiRoutes } from './access/assign-api.ts'
import { authenticatePage } from './access/browser.ts'
import { groupsApiRoutes } from './access/groups-api.ts'
import { permissionsApiRoutes } from './access/permissions-api.ts'
import { authenticatePerson } from './access/person.ts'
import { rolesApiRoutes } from './access/roles-api.ts'
import { apiKeyRoutes } from './api-keys/routes.ts'
import { makeExports } from './account/export.ts'
import { accountLetters } from './account/letters.ts'
import { accountRoutes } from './account/routes.ts'
import { signCheckpoints, signRows } from './audit/checkpoints.ts'
import { keepTrail } from './audit/keep.ts'
import { alertLetter } from './audit/alert-letter.ts'
import { alertRoutes } from './audit/alert-routes.ts'
import { watchRules } from './audit/alert-watch.ts'
import { auditRoutes } from './audit/routes.ts'
import { authorizeRoutes } from './authorize/routes.ts'
import { authenticateClient } from './clients/authenticate.ts'
import { apiRoutes } from './apis/routes.ts'
import { applicationRoutes } from './clients/applications-api.ts'
import { ownerRoutes } from './clients/owners-api.ts'
import { secretRoutes } from './clients/secrets-api.ts'
import { statsRoutes } from './clients/stats-api.ts'
import { compatRoutes } from './compat.ts'
import type { Config } from './config/schema.ts'
import { showsMail } from './config/ways.ts'
import type { Ctx } from './ctx.ts'
import { countDays, type Follower } from './events/followers.ts'
import { sequenceEvents } from './events/sequence.ts'
import { docsRoutes } from './discovery/docs-page.ts'
import { openApiRoutes } from './discovery/openapi-routes.ts'
import { discoveryRoutes } from './discovery/routes.ts'
import { exampleRoutes } from './examples/routes.ts'
import { factorLetters } from './factors/letters.ts'
import type { Authenticators } from './http/principal.ts'
import type { Route } from './http/route.ts'
import { keyRoutes } from './keys/routes.ts'
import { rotateKeys } from './keys/rotate.ts'
import { signInLetter } from './login/email-code.ts'
import { emailCodeApiRoutes } from './login/email-code-api.ts'
import { emailCodeRoutes } from './login/email-code-page.ts'
import { erasureRoutes } from './login/erasure-page.ts'
import { actionRoutes } from './login/action-page.ts'
import { authApiRoutes } from './login/api.ts'
import { enrolRoutes } from './login/enrol-page.ts'
import { factorRoutes } from './login/factor-page.ts'
import { passkeyRoutes } from './login/passkey-routes.ts'
import { loginRoutes } from './login/routes.ts'
import { sessionApiRoutes } from './login/session-api.ts'
import { stuckRoutes } from './login/stuck-page.ts'
import { healthRoutes } from './operations/health.ts'
import { homeRoutes } from './operations/home.ts'
import { clean } from './operations/clean.ts'
import { setupRoutes } from './operations/setup.ts'
import { deliver, endLate } from './outbox/deliver.ts'
import { devMailRoutes } from './outbox/dev-mail.ts'
import type { Letter } from './outbox/letter.ts'
import { mailTest } from './outbox/test-letter.ts'
import { recoveryApiRoutes } from './recovery/api.ts'
import { emailChangedByAdminLetter, resetByAdminLetter, resetLetter } from './recovery/letters.ts'
import { resetRoutes } from './recovery/reset-page.ts'
import { takeBackRoutes } from './recovery/take-back-page.ts'
import { warningLetters } from './recovery/warnings.ts'
import { authenticateListener } from './sessions/listener.ts'
import { logoutApiRoutes } from './sessions/logout-api.ts'
import { logoutRoutes } from './sessions/logout.ts'
import { revocationRoutes } from './sessions/revocation-stream.ts'
import { authenticateBearer } from './token/bearer.ts'
import type { Grant } from './token/grant.ts'
import { authorizationCode } from './token/grants/authorization-code.ts'
import { clientCredentials } from './token/grants/client-credentials.ts'
import { refreshToken } from './token/grants/refresh-token.ts'
import { signupApiRoutes } from './signup/api.ts'
import { invitationsApiRoutes } from './signup/invitations-api.ts'
import { inviteRoutes } from './signup/invite-page.ts'
import { inviteLetter, verifyLetter } from './signup/letters.ts'
import { registerRoutes } from './signup/register-page.ts'
import { verifyRoutes } from './signup/verify-page.ts'
import { previewRoutes } from './token/preview-api.ts'
import { tokenRoutes } from './token/routes.ts'
import { eraseDue } from './users/erase.ts'
import { usersApiRoutes } from './users/admin-api.ts'
import { transferRoutes } from './users/transfer-api.ts'
import { impersonationRoutes } from './users/impersonate.ts'
import { serviceAccountsApiRoutes } from './users/service-accounts-api.ts'
import { strengthRoutes } from './users/strength-api.ts'
import { deliverWebhooks } from './webhooks/deliver.ts'
import { fanOut } from './webhooks/fan-out.ts'
import { webhookPausedLetter } from './webhooks/letters.ts'
import { webhookRoutes } from './webhooks/routes.ts'

/** Ways to get tokens. Discovery lists them. */
export const grants: readonly Grant[] = [authorizationCode, refreshToken, clientCredentials]

/** Every kind of mail and text message. */
export const letters: readonly Letter[] = [
  ...warningLetters,
  ...factorLetters,
  resetLetter,
  resetByAdminLetter,
  emailChangedByAdminLetter,
  verifyLetter,
  inviteLetter,
  signInLetter,
  ...accountLetters,
  webhookPausedLetter,
  mailTest,
  alertLetter,
]

/** Who reads every event once, in order, as it gets its place in the audit trail; in this order. */
export const followers: readonly Follower[] = [countDays, signRows, watchRules(), fanOut]

/** Ways to recognise a caller, by the `auth` that a route names. */
export const authenticators: Authenticators = {
  client: authenticateClient,
  bearer: authenticateBearer,
  browser: authenticatePage,
  person: authenticatePerson,
  listener: authenticateListener,
}

const own: readonly Route[] = [
  ...discoveryRoutes,
  ...openApiRoutes(() => own),
  ...docsRoutes(() => own),
  ...keyRoutes,
  ...authorizeRoutes,
  ...tokenRoutes(grants),
  ...revocationRoutes,
  ...loginRoutes,
  ...passkeyRoutes,
  ...factorRoutes,
  ...authApiRoutes,
  ...actionRoutes,
  ...enrolRoutes,
  ...stuckRoutes,
  ...emailCodeRoutes,
  ...emailCodeApiRoutes,
  ...registerRoutes,
  ...verifyRoutes,
  ...inviteRoutes,
  ...signupApiRoutes,
  ...resetRoutes,
  ...takeBackRoutes,
  ...recoveryApiRoutes,
  ...erasureRoutes,
  ...sessionApiRoutes,
  ...logoutRoutes,
  ...logoutApiRoutes,
  ...accountRoutes,
  ...apiKeyRoutes,
  ...exampleRoutes,
  ...invitationsApiRoutes,
  ...applicationRoutes,
  ...apiRoutes,
  ...secretRoutes,
  ...ownerRoutes,
  ...statsRoutes,
  ...previewRoutes,
  ...usersApiRoutes,
  ...auditRoutes,
  ...alertRoutes,
  ...transferRoutes,
  ...rolesApiRoutes,
  ...permissionsApiRoutes,
  ...groupsApiRoutes,
  ...assignApiRoutes,
  ...serviceAccountsApiRoutes,
  ...impersonationRoutes,
  ...webhookRoutes,
  ...strengthRoutes,
  ...setupRoutes,
  ...homeRoutes,
  ...healthRoutes,
]

/** Every address. The mail of development is on the machine of a developer alone; the older systems' paths come last. */
export const routesFor = (
  config: Pick<Config, 'compat_paths'> & Partial<Pick<Config, 'profile' | 'issuer'>>,
): Route[] => [...own, ...(showsMail(config) ? devMailRoutes : []), ...(config.compat_paths ? compatRoutes(own) : [])]

/**
 * What every node does again and again. `everyMs` counts from the end of one run to the start of the next; `woken` registers
 * what makes the next one begin at once.
 */
export type Job = {
  name: string
  everyMs: number
  run: (ctx: Ctx) => Promise<void>
  woken?: (ctx: Ctx, wake: () => void) => void
}

const byNudge: Job['woken'] = (ctx, wake) => ctx.outbox.onNudge(wake)

export const jobs: readonly Job[] = [
  { name: 'read the revocation feed', everyMs: 250, run: async (ctx) => await ctx.feed.pull() },
  { name: 'write decision records', everyMs: 200, run: async (ctx) => await ctx.decisions.flush(ctx.db) },
  { name: 'tell of floods', everyMs: 5000, run: async (ctx) => await ctx.flood.flush(ctx.db, ctx.now()) },
  { name: 'sequence events', everyMs: 500, run: async (ctx) => void (await sequenceEvents(ctx, followers)) },
  { name: 'sign checkpoints', everyMs: 1000, run: signCheckpoints },
  { name: 'keep the audit trail', everyMs: 3_600_000, run: keepTrail },
  {
    name: 'settle request counters',
    everyMs: 500,
    run: async (ctx) => (ctx.config.limits ? await ctx.ephemeral.settle(ctx.db, ctx.now()) : undefined),
  },
  { name: 'write token counts', everyMs: 5000, run: async (ctx) => await ctx.tokenCounts.flush(ctx.db) },
  { name: 'note the last use of API keys', everyMs: 5000, run: async (ctx) => await ctx.keyUses.flush(ctx.db) },
  { name: 'send mails', everyMs: 1000, run: async (ctx) => await deliver(ctx, 'email'), woken: byNudge },
  { name: 'call webhooks', everyMs: 500, run: deliverWebhooks },
  { name: 'send text messages', everyMs: 1000, run: async (ctx) => await deliver(ctx, 'sms'), woken: byNudge },
  { name: 'end letters that are too late', everyMs: 10_000, run: async (ctx) => await endLate(ctx) },
  { name: 'move signing keys along', everyMs: 10_000, run: async (ctx) => await rotateKeys(ctx) },
  { name: 'read the file of places', everyMs: 60_000, run: async (ctx) => await ctx.places.refresh() },
  { name: 'make copies of data', everyMs: 3000, run: makeExports },
  { name: 'erase accounts whose time is up', everyMs: 60_000, run: eraseDue },
  { name: 'remove what has expired', everyMs: 60_000, run: clean },
]
