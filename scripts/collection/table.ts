/** Owns what the OpenAPI document cannot say about the order of the collections: what comes first and last, and what is left out. */
import type { Keep } from './plan.ts'

/** Needs a browser, a mailbox or an end that never comes; why, for docs/api.md. */
export const skipped: Readonly<Record<string, string>> = {
  getOauthRevocations: 'never ends',
  getExamplesJwtOnly: 'needs a sign-in at an application',
  getOauthUserinfo: 'needs a sign-in at an application',
  postOauthUserinfo: 'needs a sign-in at an application',
  postAuthPasskey: 'needs an authenticator',
  postUsersMePasskeys: 'needs an authenticator',
  patchUsersMePasskeysId: 'needs an authenticator',
  deleteUsersMePasskeysId: 'needs an authenticator',
  postAuthFactor: 'needs a second step',
  postAuthFactorSend: 'needs a second step',
  postUsersMeFactorsConfirm: 'needs a code of an app',
  postUsersMeFactorsBackupCodes: 'needs a second step',
  patchUsersMeFactorsId: 'needs a second step',
  deleteUsersMeFactorsId: 'needs a second step',
  postUsersMeFactorsIdRemove: 'needs a second step',
  postUsersMeFactorsIdRemoveSend: 'needs a second step',
  postAuthEmailCodeVerify: 'needs the code of a letter',
  postAuthVerifyEmail: 'needs the code of a letter',
  postAuthResetPassword: 'needs the code of a letter',
  postAuthKeepAccount: 'needs the link of a letter',
  postUsersMeEmailVerify: 'needs the code of a letter',
  postUsersMeExportIdDownload: 'the copy is made a few seconds later',
  deleteUsersMe: 'the only administrator stays',
  deleteUsersMeConsentsClientId: 'needs an application with access',
  postUsersIdImpersonate: 'what follows would be done as somebody else',
  getDecisionsErrorId: 'needs a refusal',
}

/** In this order before everything else: the session, an API key of an administrator, a token. */
export const needs: readonly string[] = ['postAuthLogin', 'getRoles', 'postApiKeys', 'postApiKeysToken']

/** Chapters that live on what the beginning has made: before it is changed. */
export const early: readonly string[] = ['Examples']

/** In this order after everything else: each of them ends what the calls before it lived on. */
export const last: readonly string[] = [
  'deleteUsersMeSessions',
  'deleteUsersMeDevicesId',
  'postAuthLogin',
  'getUsersMeSessions',
  'deleteUsersMeSessionsId',
  'postAuthLogin',
  'postAuthLogout',
  'postAuthLogin',
  'postAuthChangePassword',
  'postAuthLogoutEverywhere',
]

/** What is kept beside the id of what was made. */
export const keeps: Readonly<Record<string, readonly Keep[]>> = {
  postAuthLogin: [
    { variable: 'csrf_token', from: 'csrf_token' },
    { variable: 'own_id', from: 'user.id' },
  ],
  getRoles: [{ variable: 'admin_role_id', from: 'roles[name=admin].id' }],
  postApiKeys: [{ variable: 'api_key', from: 'key' }],
  postApiKeysToken: [{ variable: 'access_token', from: 'access_token' }],
  postResourcesIdPermissions: [{ variable: 'resource_permission_id', from: 'permissions.0.id' }],
  postApplications: [
    { variable: 'client_id', from: 'client_id' },
    { variable: 'client_secret', from: 'client_secret' },
  ],
  getApplicationsIdSecrets: [{ variable: 'secret_id', from: 'secrets.0.id' }],
  postAuthRegister: [{ variable: 'registration_id', from: 'id' }],
  getUsersMeSessions: [{ variable: 'session_id', from: 'sessions.0.id' }],
  getUsersMeDevices: [{ variable: 'device_id', from: 'devices.0.id' }],
  getAudit: [{ variable: 'event_id', from: 'events.0.id' }],
  getWebhooksIdDeliveries: [{ variable: 'message', from: 'deliveries.0.id' }],
}

type Special = {
  body?: Record<string, unknown>
  headers?: [string, string][]
  query?: Record<string, string>
  /** The variable for a placeholder of the path. */
  path?: Record<string, string>
  proof?: 'session' | 'token' | 'api_key' | 'client'
}

/** Members and headers that hold a variable, or that the schema cannot give an example of. */
export const special: Readonly<Record<string, Special>> = {
  postAuthLogin: { body: { login: '{{admin_email}}', password: '{{admin_password}}' } },
  postApiKeys: { body: { role_ids: ['{{admin_role_id}}'] } },
  postAuthPasswordStrength: { headers: [['Origin', '{{issuer}}']] },
  postAuthChangePassword: {
    body: { current_password: '{{admin_password}}', new_password: 'a quieter stone arch of 1914' },
  },
  postAuthResendVerification: { body: { id: '{{registration_id}}' } },
  postOauthIntrospect: { body: { token: '{{access_token}}' } },
  postOauthRevoke: { body: { token: 'a token that is none' } },
  getExamplesEitherAuth: { proof: 'api_key' },
  getExamplesAdminOnly: { proof: 'api_key' },
  putApplicationsId: { body: { resources: ['https://invoices.example.com'] } },
  postApplicationsIdPreview: { body: { scope: '' } },
  postResourcesIdPreview: { body: { client_id: '{{client_id}}', scope: '' } },
  postApplicationsIdTransfer: { body: { user_id: '{{own_id}}' } },
  postWebhooksIdReplay: { body: { from: '{{now}}' } },
  getAuditId: { path: { id: 'event_id' } },
  deleteUsersMeSessionsId: { path: { id: 'session_id' } },
  deleteUsersMeDevicesId: { path: { id: 'device_id' } },
}
