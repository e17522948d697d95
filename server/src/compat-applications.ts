/**
 * Owns the older system's paths of applications. It called `client_name` `name` and the status `is_active`, knew web applications
 * only, and changed what was named and left the rest, as PATCH does here.
 */
import { type Row, renamed } from './compat-row.ts'
import type { Ctx } from './ctx.ts'
import type { Reply } from './http/reply.ts'
import type { HttpRequest } from './http/request.ts'

const applications = '/api/v1/applications'
const older = '/api/applications'

const names = { name: 'client_name', website_url: 'client_uri', logo_url: 'logo_uri' }

const change = (_ctx: Ctx, old: HttpRequest): HttpRequest => ({ ...old, json: renamed(old.json, names) })

const creation = (_ctx: Ctx, old: HttpRequest): HttpRequest => {
  const body = renamed(old.json, names)
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  return { ...old, json: isObject ? { type: 'web', ...body } : body }
}

/** An application with the members that were documented, beside ours. */
const olderApplication = (application: Record<string, unknown>): Record<string, unknown> => ({
  ...application,
  name: application['client_name'],
  website_url: application['client_uri'],
  logo_url: application['logo_uri'],
  is_active: application['status'] === 'enabled',
})

/** A refusal stays as it is. */
const shown = (ours: Reply): Reply =>
  ours.kind === 'json' && ours.status < 300
    ? { ...ours, body: olderApplication(ours.body as Record<string, unknown>) }
    : ours

const listed = (ours: Reply): Reply => {
  if (ours.kind !== 'json' || ours.status !== 200) return ours
  const body = ours.body as { applications: Record<string, unknown>[] }
  return { ...ours, body: { ...body, applications: body.applications.map(olderApplication) } }
}

export const applicationRows: readonly Row[] = [
  { from: 'A', method: 'GET', path: older, to: applications, response: listed },
  { from: 'A', method: 'POST', path: older, to: applications, request: creation, response: shown },
  { from: 'A', method: 'GET', path: `${older}/:id`, to: `${applications}/:id`, response: shown },
  {
    from: 'A',
    method: 'PUT',
    path: `${older}/:id`,
    to: `${applications}/:id`,
    as: 'PATCH',
    request: change,
    response: shown,
  },
  { from: 'A', method: 'DELETE', path: `${older}/:id`, to: `${applications}/:id` },
  {
    from: 'A',
    method: 'POST',
    path: `${older}/:id/regenerate-secret`,
    to: `${applications}/:id/regenerate-secret`,
  },
]
