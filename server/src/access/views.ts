/** Owns how the API shows roles, permissions and groups, and who holds them: named members only (security rule AD-3). */
import { z } from 'zod'
import { instant, nextCursor } from '../http/api-route.ts'
import type { Group } from './group-store.ts'
import type { HeldRole, Member, Membership } from './member-store.ts'
import type { Permission } from './permission-store.ts'
import type { Role } from './role-store.ts'

const text = z.string().nullable()
const named = z.object({ id: z.uuid(), name: z.string() })
const times = { created_at: instant, updated_at: instant }
const timesOf = ({ created_at, updated_at }: { created_at: Date; updated_at: Date }) => ({
  created_at: created_at.toISOString(),
  updated_at: updated_at.toISOString(),
})

export const acr = z.enum(['aal1', 'aal2', 'phr']).nullable()

export const roleSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: text,
    acr: acr.describe('what a sign-in of whoever holds it has to prove'),
    permissions: z.array(named),
    ...times,
  })
  .meta({ id: 'Role' })
export const roleListSchema = z.object({ roles: z.array(roleSchema), next: nextCursor }).meta({ id: 'RoleList' })

export const roleView = (role: Role): z.infer<typeof roleSchema> => ({
  id: role.id,
  name: role.name,
  description: role.description,
  acr: role.acr as z.infer<typeof acr>,
  permissions: role.permissions,
  ...timesOf(role),
})

export const permissionSchema = z
  .object({
    id: z.uuid(),
    name: z.string().describe('resource:action'),
    resource: z.string(),
    action: z.string(),
    description: text,
    resource_server_id: z.uuid().nullable().describe('the API that it is for; null: tokens for any may carry it'),
    builtin: z.boolean().describe('this server itself asks for it'),
    ...times,
  })
  .meta({ id: 'Permission' })
export const permissionListSchema = z
  .object({ permissions: z.array(permissionSchema), next: nextCursor })
  .meta({ id: 'PermissionList' })

export const permissionView = (permission: Permission): z.infer<typeof permissionSchema> => ({
  id: permission.id,
  name: permission.name,
  resource: permission.resource,
  action: permission.action,
  description: permission.description,
  resource_server_id: permission.resource_server_id,
  builtin: permission.builtin,
  ...timesOf(permission),
})

export const groupSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: text,
    parent_id: z.uuid().nullable(),
    ancestors: z.array(z.uuid()).describe('from the top down to the parent: their roles count too'),
    roles: z.array(named).describe('given to this group itself'),
    ...times,
  })
  .meta({ id: 'Group' })
export const groupListSchema = z.object({ groups: z.array(groupSchema), next: nextCursor }).meta({ id: 'GroupList' })

export const groupView = (group: Group): z.infer<typeof groupSchema> => ({
  id: group.id,
  name: group.name,
  description: group.description,
  parent_id: group.parent_id,
  ancestors: group.ancestors.slice(0, -1),
  roles: group.roles,
  ...timesOf(group),
})

export const memberSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['person', 'service']),
    status: z.string(),
    username: text,
    email: text,
    name: text,
    added_at: instant,
  })
  .meta({ id: 'GroupMember' })
export const memberListSchema = z
  .object({ members: z.array(memberSchema), next: nextCursor })
  .meta({ id: 'GroupMemberList' })

export const memberView = (member: Member): z.infer<typeof memberSchema> => ({
  id: member.id,
  kind: member.kind === 'service' ? 'service' : 'person',
  status: member.status,
  username: member.username,
  email: member.email,
  name: member.name,
  added_at: member.added_at.toISOString(),
})

export const heldRoleSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: text,
    granted_at: instant.nullable().describe('null: held by groups alone'),
    groups: z.array(named).describe('the groups by which it is held, too'),
  })
  .meta({ id: 'HeldRole' })
export const heldRoleListSchema = z.object({ roles: z.array(heldRoleSchema) }).meta({ id: 'HeldRoleList' })

export const heldRoleView = (role: HeldRole): z.infer<typeof heldRoleSchema> => ({
  id: role.id,
  name: role.name,
  description: role.description,
  granted_at: role.granted_at?.toISOString() ?? null,
  groups: role.groups,
})

export const membershipSchema = z
  .object({ id: z.uuid(), name: z.string(), parent_id: z.uuid().nullable(), added_at: instant })
  .meta({ id: 'Membership' })
export const membershipListSchema = z
  .object({ groups: z.array(membershipSchema), next: nextCursor })
  .meta({ id: 'MembershipList' })

export const membershipView = (one: Membership): z.infer<typeof membershipSchema> => ({
  id: one.id,
  name: one.name,
  parent_id: one.parent_id,
  added_at: one.added_at.toISOString(),
})
