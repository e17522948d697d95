/** Owns the list of a person's own addresses. Each page is a file of this folder; operations on accounts are users/*.ts. */
import { route } from '../http/route.ts'
import { applicationsRoutes } from './applications-page.ts'
import { backupCodesRoutes } from './backup-codes-page.ts'
import { codesRoutes } from './codes-page.ts'
import { removalRoutes } from './factor-removal-page.ts'
import { factorsApiRoutes } from './factors-api.ts'
import { factorsRoutes } from './factors-page.ts'
import { dataRoutes } from './data-page.ts'
import { deleteRoutes } from './delete-page.ts'
import { signedIn } from './frame.ts'
import { keysRoutes } from './keys-page.ts'
import { keepRoutes } from './keep-page.ts'
import { showOverview } from './overview.ts'
import { profileApiRoutes } from './profile-api.ts'
import { profileRoutes } from './profile-page.ts'
import { passkeysApiRoutes } from './passkeys-api.ts'
import { passkeysRoutes } from './passkeys-page.ts'
import { credentialsApiRoutes } from './credentials-api.ts'
import { emailRoutes } from './email-page.ts'
import { ownApiRoutes } from './own-api.ts'
import { passwordRoutes } from './password-page.ts'
import { securityRoutes } from './security-page.ts'
import { sessionsRoutes } from './sessions-page.ts'
import { totpRoutes } from './totp-page.ts'

export const accountRoutes = [
  route({
    method: 'GET',
    path: '/account',
    auth: 'browser',
    errors: 'page',
    summary: "A person's own page",
    handler: signedIn('/account', showOverview),
  }),
  ...profileRoutes,
  ...securityRoutes,
  ...passwordRoutes,
  ...emailRoutes,
  ...sessionsRoutes,
  ...applicationsRoutes,
  ...dataRoutes,
  ...profileApiRoutes,
  ...credentialsApiRoutes,
  ...ownApiRoutes,
  ...passkeysRoutes,
  ...keysRoutes,
  ...passkeysApiRoutes,
  ...factorsRoutes,
  ...factorsApiRoutes,
  ...totpRoutes,
  ...codesRoutes,
  ...backupCodesRoutes,
  ...removalRoutes,
  ...deleteRoutes,
  ...keepRoutes,
]
