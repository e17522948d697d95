/** Owns the list of permissions that this server knows of itself (`resource:action`), and the roles it starts with. */

export const permissions = [
  ['users', 'read', 'See people and their sessions'],
  ['users', 'write', 'Create, change, disable and delete people'],
  ['users', 'impersonate', 'Act as people with fewer rights'],
  ['roles', 'read', 'See roles'],
  ['roles', 'write', 'Create, change and delete roles'],
  ['roles', 'assign', 'Give and take roles'],
  ['applications', 'read', 'See every application'],
  ['applications', 'write', 'Create, change and delete every application'],
  ['api-keys', 'read', 'See the API keys of everybody'],
  ['api-keys', 'write', 'Switch off and delete API keys of people with fewer rights'],
  ['resources', 'read', 'See every API and its permissions'],
  ['resources', 'write', 'Register, change and delete APIs'],
  ['keys', 'read', 'See signing keys'],
  ['keys', 'write', 'Rotate and retire signing keys'],
  ['audit', 'read', 'Search the audit log'],
  ['settings', 'read', 'See the settings'],
  ['settings', 'write', 'Change the settings'],
  ['revocations', 'read', 'Follow the revocation feed'],
] as const

/** What a fresh database starts with. `admin` holds everything. */
export const seededRoles = [
  {
    name: 'admin',
    description: 'Administers everything',
    permissions: permissions.map(([resource, action]) => `${resource}:${action}`),
  },
  { name: 'user', description: 'Everybody with an account', permissions: [] as string[] },
] as const
