/** Owns the list of permissions that this server knows of itself (`resource:action`), and the roles it starts with. */

export const permissions = [
  ['users', 'read', 'See people and their sessions'],
  ['users', 'write', 'Create, change, disable and delete people'],
  ['users', 'impersonate', 'Act as people with fewer rights'],
  ['roles', 'read', 'See roles'],
  ['roles', 'write', 'Create, change and delete roles'],
  ['roles', 'assign', 'Give and take roles, and put people into groups'],
  ['permissions', 'read', 'See permissions'],
  ['permissions', 'write', 'Create, change and delete permissions'],
  ['groups', 'read', 'See groups and who is in them'],
  ['groups', 'write', 'Create, change, move and delete groups'],
  ['service-accounts', 'read', 'See service accounts'],
  [
    'service-accounts',
    'write',
    'Create, change and delete service accounts, and let applications act with their rights',
  ],
  ['api-keys', 'read', 'See the API keys of everybody'],
  ['api-keys', 'write', 'Switch off and delete API keys of people with fewer rights'],
  ['applications', 'read', 'See every application'],
  ['applications', 'write', 'Create, change and delete every application'],
  ['resources', 'read', 'See every API and its permissions'],
  ['resources', 'write', 'Register, change and delete APIs'],
  ['sessions', 'read', 'See who is signed in where'],
  ['sessions', 'write', 'End sessions of others'],
  ['webhooks', 'read', 'See every webhook and its deliveries'],
  ['webhooks', 'write', 'Create, change and delete every webhook'],
  ['keys', 'read', 'See signing keys'],
  ['keys', 'write', 'Rotate and retire signing keys'],
  ['audit', 'read', 'Search the audit log'],
  ['decisions', 'read', 'See why something was refused'],
  ['stats', 'read', 'See how much is used'],
  ['settings', 'read', 'See the settings'],
  ['settings', 'write', 'Change the settings'],
  ['revocations', 'read', 'Follow the revocation feed'],
] as const

const names = permissions.map(([resource, action]): string => `${resource}:${action}`)

/** What tells of more than the one who looks should need: what people did, why they failed, what was taken from whom. */
const notForViewers = ['audit:read', 'decisions:read', 'revocations:read']
const viewing = names.filter((name) => name.endsWith(':read') && !notForViewers.includes(name))
/** Everyday work on people and applications: nothing that gives rights, and nothing of the server itself. */
const editing = ['users:write', 'groups:write', 'applications:write', 'sessions:write']

/** The role that holds everything; it cannot be renamed, emptied or deleted, and somebody always has it. */
export const adminRole = 'admin'

/** What a fresh database starts with. `admin` gets every permission that is ever made, too. */
export const seededRoles: readonly { name: string; description: string; permissions: readonly string[] }[] = [
  { name: adminRole, description: 'Administers everything', permissions: names },
  {
    name: 'editor',
    description: 'Looks after people, groups and applications',
    permissions: [...viewing, ...editing],
  },
  { name: 'user', description: 'Everybody with an account', permissions: [] },
  { name: 'viewer', description: 'Sees how this server is set up, and changes nothing', permissions: viewing },
]
