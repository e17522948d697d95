/**
 * Owns the table of environment names that the five older systems used, and what each becomes here.
 * Never uses such a value: a start only reports it, `import-old.ts` translates it. Start reading at `oldNames`.
 */

/** How an old value becomes ours; the words stand in docs/configuration.md, the code in import-old.ts. */
export const conversions = {
  text: 'as it is',
  path: 'as it is',
  flag: 'true / false become on / off',
  count: 'as it is, moved into the accepted range',
  seconds: 'as it is, or with a unit such as 15m or 7d',
  minutes: 'minutes become seconds',
  hours: 'hours become seconds',
  days: 'days become seconds',
  per_second: 'per second becomes per minute',
  per_minute: 'as it is; forms such as 100/hour become per minute',
  per_hour: 'per hour becomes per minute',
  issuer: 'without a final slash',
  profile: 'prod, production, staging, live become production; the rest development',
  level: 'warning, critical, trace and their like become ours',
  algs: 'first in the list, RS256 kept beside it',
  secret: 'as it is when it is long and random enough',
  registration: 'true becomes token, false off',
  proxies: 'the addresses in it; "everyone" is left out',
  database: 'without the name of a driver; SQLite and MySQL are left out',
  redis: 'redis:// addresses; others are left out',
  part: 'put together with the names beside it',
  key: 'the key file is handed to `keywright keys import`',
  none: 'nothing',
} as const
export type Conversion = keyof typeof conversions

/**
 * One row: names that meant the same (a last `*` stands for any ending), our setting's environment name if there is
 * one, the way to it, and a sentence for those who wonder where it went. `common` names mean something to other
 * programs too: they are reported only when they stand in `.env`.
 */
export type OldName = {
  names: readonly string[]
  ours: string | undefined
  how: Conversion
  remark: string
  common: boolean
}

/** The row of an old name, exact spelling before families such as `RATE_LIMIT_*`; undefined for an unknown name. */
export const findOldName = (name: string): OldName | undefined =>
  exact.get(name) ?? families.find(({ start }) => name.startsWith(start))?.found

/**
 * One sentence for each old name that is set while our setting is not. `inFile` holds the names that came from `.env`,
 * where even a common name was written for us. Nothing of the values is used or shown.
 */
export const oldNameNotices = (given: ReadonlyMap<string, string>, inFile: ReadonlySet<string>): string[] =>
  [...given.keys()].flatMap((name) => {
    const found = findOldName(name)
    if (found === undefined || (found.common && !inFile.has(name))) return []
    const { ours, remark } = found
    if (ours === undefined) return [`${name} is an old name without a counterpart; it was not used. ${remark}`]
    if (given.has(ours) || given.has(`${ours}_FILE`)) return []
    return [`${name} is an old name: use ${ours}; it was not used. \`keywright config import\` translates.`]
  })

const row = (how: Conversion, ours: string, names: string): OldName => ({
  names: names.split(' '),
  ours,
  how,
  remark: '',
  common: false,
})
const common = (how: Conversion, ours: string, names: string): OldName => ({ ...row(how, ours, names), common: true })
const gone = (names: string, remark: string, how: 'none' | 'key' = 'none'): OldName => ({
  names: names.split(' '),
  ours: undefined,
  how,
  remark,
  common: false,
})

const random = 'Session ids, codes and cookies are random and stored hashed: no secret is needed for them.'
const cookies = 'Cookies have fixed names and flags (__Host-, Secure, HttpOnly, SameSite) that follow from the issuer.'
const noConnector = 'Social, LDAP and SAML sign-in is not in this version.'

/** Every known old name, in the order of docs/configuration.md. */
export const oldNames: readonly OldName[] = [
  row('text', 'KEYWRIGHT_NAME', 'APP_NAME PROJECT_NAME APPLICATION_NAME SITE_NAME SERVICE_NAME'),
  row('issuer', 'KEYWRIGHT_ISSUER', 'ISSUER_URL ISSUER OIDC_ISSUER OAUTH_ISSUER JWT_ISSUER TOKEN_ISSUER'),
  common('issuer', 'KEYWRIGHT_ISSUER', 'BASE_URL SERVER_URL APP_URL PUBLIC_URL'),
  common('profile', 'KEYWRIGHT_PROFILE', 'APP_ENV ENVIRONMENT ENV NODE_ENV FASTAPI_ENV FLASK_ENV'),
  common('text', 'KEYWRIGHT_HOST', 'HOST APP_HOST SERVER_HOST BIND_HOST'),
  row('count', 'PORT', 'APP_PORT SERVER_PORT'),
  common('level', 'KEYWRIGHT_LOG_LEVEL', 'LOG_LEVEL LOGLEVEL'),
  common('path', 'KEYWRIGHT_LOG_FILE', 'LOG_FILE LOG_FILE_PATH'),
  row('path', 'KEYWRIGHT_DATA_DIR', 'DATA_DIR'),
  row('text', 'KEYWRIGHT_COLOR', 'PRIMARY_COLOR BRAND_COLOR THEME_COLOR'),
  gone('LOGO_URL', 'The logo is a file: KEYWRIGHT_LOGO_FILE.'),

  row('secret', 'KEYWRIGHT_ROOT_SECRET', 'SECRET_KEY APP_SECRET APP_SECRET_KEY MASTER_KEY ENCRYPTION_KEY'),
  gone('SESSION_SECRET SESSION_SECRET_KEY COOKIE_SECRET CSRF_SECRET CSRF_SECRET_KEY', random),

  row('database', 'DATABASE_URL', 'DATABASE_URI DATABASE_DSN DB_URL SQLALCHEMY_DATABASE_URI SQLALCHEMY_DATABASE_URL'),
  row('database', 'DATABASE_URL', 'POSTGRES_URL POSTGRES_DSN POSTGRESQL_URL'),
  row('part', 'DATABASE_URL', 'DB_HOST DB_PORT DB_USER DB_USERNAME DB_PASSWORD DB_PASS DB_NAME DB_DATABASE'),
  row(
    'part',
    'DATABASE_URL',
    'POSTGRES_HOST POSTGRES_SERVER POSTGRES_PORT POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB',
  ),
  row('count', 'KEYWRIGHT_DATABASE_POOL', 'DATABASE_POOL_SIZE DB_POOL_SIZE DB_POOL_MAX DATABASE_MAX_CONNECTIONS'),
  gone('DB_TYPE DB_ENGINE DB_DIALECT DATABASE_TYPE', 'The database is always PostgreSQL.'),
  gone('DATABASE_ECHO DB_ECHO DB_MAX_OVERFLOW DATABASE_MAX_OVERFLOW', 'The pool has one size and no echo.'),
  row(
    'redis',
    'REDIS_URL',
    'CACHE_URL CACHE_REDIS_URL REDIS_URI REDIS_DSN VALKEY_URL DRAGONFLY_URL RATE_LIMIT_STORAGE_URL',
  ),
  row('part', 'REDIS_URL', 'REDIS_HOST REDIS_PORT REDIS_USERNAME REDIS_PASSWORD REDIS_DB'),
  gone('CACHE_TTL CACHE_TTL_SECONDS CACHE_TYPE CACHE_BACKEND', 'There is no general cache to configure.'),

  row('algs', 'KEYWRIGHT_SIGNING_ALGS', 'JWT_ALGORITHM JWT_ALG JWT_SIGNING_ALGORITHM ALGORITHM TOKEN_ALGORITHM'),
  gone(
    'JWT_PRIVATE_KEY_PATH JWT_PRIVATE_KEY_FILE PRIVATE_KEY_PATH RSA_PRIVATE_KEY_PATH SIGNING_KEY_PATH JWT_PRIVATE_KEY RSA_PRIVATE_KEY',
    'Bring the key with `keywright keys import --pem FILE --passive`.',
    'key',
  ),
  gone(
    'JWT_PUBLIC_KEY_PATH JWT_PUBLIC_KEY_FILE PUBLIC_KEY_PATH RSA_PUBLIC_KEY_PATH JWT_PUBLIC_KEY RSA_PUBLIC_KEY',
    'The public key is computed from the private one.',
  ),
  gone(
    'JWT_PRIVATE_KEY_PASSPHRASE JWT_PRIVATE_KEY_PASSWORD',
    'Import the key without its passphrase: `openssl pkey -in old.pem -out new.pem`.',
  ),
  gone('JWT_KEY_ID JWT_KID', 'Give it to `keywright keys import --kid`.'),
  gone(
    'JWT_SECRET_KEY JWT_SECRET JWT_REFRESH_SECRET JWT_REFRESH_SECRET_KEY',
    'Tokens are signed with key pairs, not with a shared secret; the keys are made on the first start.',
  ),
  gone('JWT_AUDIENCE', 'The audience is set per application and per API.'),
  row('days', 'KEYWRIGHT_KEY_ROTATE_SECONDS', 'KEY_ROTATION_DAYS JWT_KEY_ROTATION_DAYS KEY_ROTATION_INTERVAL_DAYS'),
  row('seconds', 'KEYWRIGHT_JWKS_MAX_AGE_SECONDS', 'JWKS_CACHE_TTL JWKS_CACHE_SECONDS JWKS_CACHE_MAX_AGE'),

  row(
    'minutes',
    'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS',
    'ACCESS_TOKEN_EXPIRE_MINUTES JWT_ACCESS_TOKEN_EXPIRE_MINUTES JWT_EXPIRE_MINUTES',
  ),
  row(
    'seconds',
    'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS',
    'ACCESS_TOKEN_EXPIRE_SECONDS ACCESS_TOKEN_EXPIRES_IN ACCESS_TOKEN_TTL ACCESS_TOKEN_LIFETIME JWT_ACCESS_TOKEN_EXPIRES JWT_EXPIRES_IN JWT_EXPIRATION JWT_ACCESS_EXPIRES_IN',
  ),
  row('hours', 'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS', 'ACCESS_TOKEN_EXPIRE_HOURS JWT_EXPIRATION_HOURS JWT_EXPIRE_HOURS'),
  row('minutes', 'KEYWRIGHT_ID_TOKEN_TTL_SECONDS', 'ID_TOKEN_EXPIRE_MINUTES'),
  row('seconds', 'KEYWRIGHT_ID_TOKEN_TTL_SECONDS', 'ID_TOKEN_EXPIRE_SECONDS ID_TOKEN_EXPIRES_IN ID_TOKEN_TTL'),
  row(
    'days',
    'KEYWRIGHT_REFRESH_IDLE_SECONDS',
    'REFRESH_TOKEN_EXPIRE_DAYS JWT_REFRESH_TOKEN_EXPIRE_DAYS JWT_REFRESH_EXPIRE_DAYS',
  ),
  row('hours', 'KEYWRIGHT_REFRESH_IDLE_SECONDS', 'REFRESH_TOKEN_EXPIRE_HOURS'),
  row('minutes', 'KEYWRIGHT_REFRESH_IDLE_SECONDS', 'REFRESH_TOKEN_EXPIRE_MINUTES JWT_REFRESH_TOKEN_EXPIRE_MINUTES'),
  row(
    'seconds',
    'KEYWRIGHT_REFRESH_IDLE_SECONDS',
    'REFRESH_TOKEN_EXPIRE_SECONDS REFRESH_TOKEN_EXPIRES_IN REFRESH_TOKEN_TTL REFRESH_TOKEN_LIFETIME JWT_REFRESH_TOKEN_EXPIRES JWT_REFRESH_EXPIRES_IN',
  ),
  row('minutes', 'KEYWRIGHT_CODE_TTL_SECONDS', 'AUTHORIZATION_CODE_EXPIRE_MINUTES AUTH_CODE_EXPIRE_MINUTES'),
  row(
    'seconds',
    'KEYWRIGHT_CODE_TTL_SECONDS',
    'AUTHORIZATION_CODE_EXPIRE_SECONDS AUTHORIZATION_CODE_TTL AUTH_CODE_EXPIRE_SECONDS AUTH_CODE_TTL',
  ),
  row(
    'minutes',
    'KEYWRIGHT_SESSION_IDLE_SECONDS',
    'SESSION_TIMEOUT_MINUTES SESSION_IDLE_MINUTES SESSION_IDLE_TIMEOUT_MINUTES',
  ),
  row('seconds', 'KEYWRIGHT_SESSION_IDLE_SECONDS', 'SESSION_TIMEOUT SESSION_TIMEOUT_SECONDS SESSION_IDLE_TIMEOUT'),
  row('days', 'KEYWRIGHT_SESSION_ABSOLUTE_SECONDS', 'SESSION_EXPIRE_DAYS'),
  row('hours', 'KEYWRIGHT_SESSION_ABSOLUTE_SECONDS', 'SESSION_EXPIRE_HOURS SESSION_LIFETIME_HOURS'),
  row('minutes', 'KEYWRIGHT_SESSION_ABSOLUTE_SECONDS', 'SESSION_EXPIRE_MINUTES'),
  row(
    'seconds',
    'KEYWRIGHT_SESSION_ABSOLUTE_SECONDS',
    'SESSION_EXPIRE_SECONDS SESSION_TTL SESSION_LIFETIME SESSION_MAX_AGE SESSION_COOKIE_MAX_AGE PERMANENT_SESSION_LIFETIME',
  ),
  gone(
    'SESSION_COOKIE_NAME SESSION_COOKIE_SECURE SESSION_COOKIE_HTTPONLY SESSION_COOKIE_SAMESITE SESSION_COOKIE_DOMAIN SESSION_COOKIE_PATH SESSION_COOKIE_* COOKIE_SECURE COOKIE_DOMAIN COOKIE_SAMESITE',
    cookies,
  ),

  row('flag', 'KEYWRIGHT_LIMITS', 'RATE_LIMIT_ENABLED RATE_LIMITING_ENABLED ENABLE_RATE_LIMIT'),
  row(
    'per_minute',
    'KEYWRIGHT_LIMIT_ADDRESS',
    'RATE_LIMIT_PER_MINUTE RATE_LIMIT_REQUESTS_PER_MINUTE RATE_LIMIT_DEFAULT DEFAULT_RATE_LIMIT',
  ),
  row('per_hour', 'KEYWRIGHT_LIMIT_ADDRESS', 'RATE_LIMIT_PER_HOUR'),
  row('per_second', 'KEYWRIGHT_LIMIT_ADDRESS', 'RATE_LIMIT_PER_SECOND'),
  row(
    'part',
    'KEYWRIGHT_LIMIT_ADDRESS',
    'RATE_LIMIT_REQUESTS RATE_LIMIT_MAX_REQUESTS RATE_LIMIT_MAX RATE_LIMIT_WINDOW RATE_LIMIT_WINDOW_SECONDS RATE_LIMIT_PERIOD RATE_LIMIT_WINDOW_MS',
  ),
  row(
    'per_minute',
    'KEYWRIGHT_LIMIT_LOGIN_ADDRESS',
    'RATE_LIMIT_LOGIN RATE_LIMIT_LOGIN_PER_MINUTE LOGIN_RATE_LIMIT RATE_LIMIT_AUTH',
  ),
  row(
    'per_minute',
    'KEYWRIGHT_LIMIT_CLIENT',
    'RATE_LIMIT_TOKEN RATE_LIMIT_TOKEN_PER_MINUTE TOKEN_RATE_LIMIT RATE_LIMIT_PER_CLIENT',
  ),
  row(
    'count',
    'KEYWRIGHT_THROTTLE_FREE',
    'MAX_LOGIN_ATTEMPTS LOGIN_MAX_ATTEMPTS MAX_FAILED_LOGIN_ATTEMPTS ACCOUNT_LOCKOUT_THRESHOLD',
  ),
  gone(
    'ACCOUNT_LOCKOUT_DURATION ACCOUNT_LOCKOUT_MINUTES LOCKOUT_DURATION_MINUTES LOGIN_LOCKOUT_MINUTES',
    'Accounts are not locked: delays grow, for unknown devices only.',
  ),
  row('count', 'KEYWRIGHT_PASSWORD_MIN_LENGTH', 'PASSWORD_MIN_LENGTH MIN_PASSWORD_LENGTH'),
  gone('PASSWORD_REQUIRE_*', 'Length counts, not kinds of characters.'),
  gone(
    'BCRYPT_ROUNDS BCRYPT_SALT_ROUNDS BCRYPT_COST PASSWORD_HASH_ROUNDS',
    'New passwords use argon2id: KEYWRIGHT_PASSWORD_MEMORY_KIB and KEYWRIGHT_PASSWORD_PASSES.',
  ),
  row(
    'registration',
    'KEYWRIGHT_REGISTRATION',
    'DYNAMIC_REGISTRATION_ENABLED ENABLE_DYNAMIC_REGISTRATION ALLOW_DYNAMIC_REGISTRATION DCR_ENABLED',
  ),

  row('proxies', 'KEYWRIGHT_TRUSTED_PROXIES', 'TRUSTED_PROXIES TRUST_PROXY FORWARDED_ALLOW_IPS PROXY_TRUSTED_IPS'),
  gone(
    'CORS_ORIGINS CORS_ORIGIN CORS_ALLOWED_ORIGINS CORS_ALLOW_ORIGINS ALLOWED_ORIGINS BACKEND_CORS_ORIGINS',
    'Origins are set per application.',
  ),
  gone('ALLOWED_HOSTS TRUSTED_HOSTS', 'The issuer is the only host.'),

  row(
    'part',
    'KEYWRIGHT_SMTP_URL',
    'SMTP_HOST SMTP_SERVER SMTP_PORT SMTP_USER SMTP_USERNAME SMTP_PASSWORD SMTP_PASS SMTP_SSL SMTP_SECURE SMTP_USE_SSL',
  ),
  row(
    'part',
    'KEYWRIGHT_SMTP_URL',
    'MAIL_SERVER MAIL_HOST MAIL_PORT MAIL_USERNAME MAIL_PASSWORD EMAIL_HOST EMAIL_PORT EMAIL_HOST_USER EMAIL_HOST_PASSWORD',
  ),
  row(
    'text',
    'KEYWRIGHT_MAIL_FROM',
    'SMTP_FROM SMTP_FROM_EMAIL SMTP_FROM_ADDRESS SMTP_SENDER MAIL_FROM_ADDRESS MAIL_FROM MAIL_DEFAULT_SENDER EMAIL_FROM EMAILS_FROM_EMAIL DEFAULT_FROM_EMAIL FROM_EMAIL',
  ),
  gone(
    'SMTP_TLS SMTP_USE_TLS SMTP_STARTTLS MAIL_USE_TLS EMAIL_USE_TLS',
    'STARTTLS is used whenever the mail server offers it.',
  ),
  gone('SMTP_FROM_NAME EMAILS_FROM_NAME MAIL_FROM_NAME', 'Write it into KEYWRIGHT_MAIL_FROM.'),

  gone(
    'ADMIN_EMAIL ADMIN_USERNAME ADMIN_PASSWORD FIRST_SUPERUSER FIRST_SUPERUSER_EMAIL FIRST_SUPERUSER_PASSWORD',
    'No default password exists: use the link of the first start, or `keywright seed --admin-email ADDRESS --admin-password-stdin`.',
  ),
  gone(
    'GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET GITHUB_CLIENT_ID GITHUB_CLIENT_SECRET MICROSOFT_CLIENT_ID MICROSOFT_CLIENT_SECRET FACEBOOK_CLIENT_ID FACEBOOK_CLIENT_SECRET LDAP_* SAML_*',
    noConnector,
  ),
  gone(
    'JWT_* RATE_LIMIT_* ACCESS_TOKEN_EXPIRE_* REFRESH_TOKEN_EXPIRE_* SMTP_*',
    'See docs/configuration.md for the settings that take its place.',
  ),
]

const flat = oldNames.flatMap((found) => found.names.map((name) => ({ name, found })))
const exact = new Map(flat.filter(({ name }) => !name.endsWith('*')).map(({ name, found }) => [name, found]))
const families = flat
  .filter(({ name }) => name.endsWith('*'))
  .map(({ name, found }) => ({ start: name.slice(0, -1), found }))
