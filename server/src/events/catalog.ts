/**
 * Owns the list of every event this server records: what happened, how grave it is, how it ended. Audit, webhooks and
 * metrics read from these; nothing else writes them.
 */

export type Severity = 'info' | 'notice' | 'warning' | 'alert'
type Entry = { severity: Severity; outcome: 'success' | 'failure'; meaning: string }

const entry = (severity: Severity, outcome: Entry['outcome'], meaning: string): Entry => ({
  severity,
  outcome,
  meaning,
})

/** Every event type. The first word is the noun, the second what became of it. */
export const catalog = {
  'login.succeeded': entry('info', 'success', 'A person signed in.'),
  'login.failed': entry('notice', 'failure', 'A sign-in was refused.'),
  'login.throttled': entry('warning', 'failure', 'Sign-ins to one account were slowed down.'),
  'login.code_asked': entry('info', 'success', 'Somebody asked for a sign-in by mail.'),
  'login.stepped_up': entry('info', 'success', 'A person proved more within a session.'),
  'factor.refused': entry('notice', 'failure', 'A second step was refused.'),
  'passkey.added': entry('notice', 'success', 'A person added a passkey.'),
  'passkey.removed': entry('warning', 'success', 'A passkey was removed.'),
  'passkey.counter_went_back': entry('warning', 'success', 'A passkey counted backwards: there may be a copy of it.'),
  'factor.added': entry('notice', 'success', 'A second step was added to an account.'),
  'factor.removed': entry('warning', 'success', 'A second step was removed from an account.'),
  'factor.renamed': entry('info', 'success', 'A second step got another name.'),
  'backup_codes.made': entry('notice', 'success', 'Backup codes were made; earlier ones are void.'),
  'backup_codes.used': entry('notice', 'success', 'A backup code was used.'),
  'session.ended': entry('info', 'success', 'A session ended.'),
  'session.limit_reached': entry(
    'notice',
    'failure',
    'A person signed in at more places than they may: the sign-in was refused, or the oldest session ended.',
  ),
  'session.suspicious': entry(
    'alert',
    'failure',
    'A session was used as if somebody else had it; it was ended and its person asked to sign in again.',
  ),
  'sessions.ended_everywhere': entry('notice', 'success', 'A person was signed out everywhere.'),
  'consent.granted': entry('info', 'success', 'A person allowed an application access.'),
  'consent.refused': entry('info', 'failure', 'A person denied an application access.'),
  'consent.withdrawn': entry('notice', 'success', "A person withdrew an application's access."),
  'code.replayed': entry('alert', 'failure', 'An authorization code was used a second time; its tokens were revoked.'),
  'token.issued': entry('info', 'success', 'The first tokens of a grant were issued.'),
  'token.refreshed': entry('info', 'success', 'Tokens were refreshed.'),
  'token.refused': entry('notice', 'failure', 'A known client was refused tokens.'),
  'token.revoked': entry('info', 'success', 'A token was revoked by its client.'),
  'refresh_token.reused': entry(
    'alert',
    'failure',
    'A refresh token was used again after its time; its family was revoked.',
  ),
  'client.created': entry('notice', 'success', 'A client was created.'),
  'client.updated': entry('notice', 'success', 'A client was changed.'),
  'client.deleted': entry('warning', 'success', 'A client was deleted.'),
  'client.secret_rotated': entry('notice', 'success', 'A client got a new secret.'),
  'client.authentication_failed': entry('warning', 'failure', 'A client could not prove who it is.'),
  'user.created': entry('notice', 'success', 'An account was created.'),
  'user.updated': entry('info', 'success', 'An account was changed.'),
  'user.disabled': entry('warning', 'success', 'An account was disabled.'),
  'user.enabled': entry('notice', 'success', 'An account was enabled.'),
  'user.email_change_asked': entry('info', 'success', 'A person asked for another address for their account.'),
  'user.email_changed': entry('warning', 'success', 'The address of an account was proved, or changed by its owner.'),
  'user.password_changed': entry('notice', 'success', 'A password was set.'),
  'user.address_proved': entry(
    'warning',
    'success',
    'Somebody proved the address of an account where it never had been; what the account held before is gone.',
  ),
  'user.disowned': entry('alert', 'success', 'A person said that what was done with their account was not them.'),
  'user.email_restored': entry('alert', 'success', 'A person took back a change of their address.'),
  'user.roles_changed': entry('warning', 'success', 'The roles of an account were changed.'),
  'user.signed_out': entry('notice', 'success', 'An administrator ended the sessions of an account.'),
  'user.action_required': entry('notice', 'success', 'An account has to do something at its next sign-in.'),
  'user.factors_reset': entry('warning', 'success', 'The second factors of an account were taken away.'),
  'user.impersonated': entry('alert', 'success', 'An administrator began to act as somebody else.'),
  'users.imported': entry('warning', 'success', 'Accounts were imported.'),
  'users.exported': entry('warning', 'success', 'Accounts were exported.'),
  'user.deleted': entry('warning', 'success', 'An account was deleted.'),
  'role.updated': entry('warning', 'success', 'What a role holds or demands was changed.'),
  'recovery.asked': entry('notice', 'success', 'Somebody asked to reset a password.'),
  'recovery.refused': entry('notice', 'failure', 'A code or link of a letter was refused.'),
  'registration.asked': entry('info', 'success', 'Somebody asked for an account.'),
  'registration.completed': entry('notice', 'success', 'A person proved their address and has an account.'),
  'invitation.created': entry('notice', 'success', 'Somebody was invited.'),
  'invitation.withdrawn': entry('notice', 'success', 'An invitation was withdrawn.'),
  'invitation.accepted': entry('notice', 'success', 'An invitation was accepted.'),
  'user.erasure_requested': entry('warning', 'success', 'A person asked for their account to be deleted.'),
  'user.erasure_cancelled': entry('warning', 'success', 'A person called off the deletion of their account.'),
  'user.erased': entry('warning', 'success', 'An account was erased.'),
  'setup.completed': entry('warning', 'success', 'The first administrator was created.'),
  'key.created': entry('notice', 'success', 'A signing key was made or imported.'),
  'key.activated': entry('notice', 'success', 'A signing key began to sign.'),
  'key.retired': entry('notice', 'success', 'A signing key stopped to verify.'),
  'key.compromised': entry('alert', 'success', 'A signing key was declared compromised; its tokens are dead.'),
  'mail.failed': entry('warning', 'failure', 'A mail was refused for good, or could not be delivered in time.'),
  'sms.failed': entry('warning', 'failure', 'A text message was refused for good, or could not be delivered in time.'),
  'sms.refused': entry('alert', 'failure', 'Text messages were not sent because a limit on their number was reached.'),
} as const satisfies Record<string, Entry>

export type EventType = keyof typeof catalog
