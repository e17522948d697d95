/**
 * Owns the question whose an endpoint is: an administrator's, or that of whoever looks after the application whose events it
 * hears. To everybody else it is not there (security rules AD-1, AD-2).
 */
import { idsLookedAfter } from '../clients/looked-after.ts'
import { loadClient } from '../clients/manage.ts'
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { callerOf } from '../events/record.ts'
import { checkMatch } from '../http/etag.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { noSuchWebhook, type WebhookActor } from './manage.ts'
import { loadWebhook, type Webhook } from './store.ts'
import { webhookView } from './view.ts'

type Caller = { request: HttpRequest; person: PersonPrincipal }

/** Whether somebody may have endpoints for these events. */
export const mayHear = async (
  tx: Query,
  person: PersonPrincipal,
  client_id: string | null,
): Promise<Denial | undefined> => {
  const client = client_id === null ? undefined : await loadClient(tx, client_id)
  if (client_id !== null && client === undefined) return noSuchApplication
  if (person.holds) return undefined
  if (client === undefined) return forAdministrators
  const own = await idsLookedAfter(tx, person.subject.id)
  return own.includes(client.client_id) ? undefined : noSuchApplication
}

/** The endpoint of a path, if it is the caller's. */
export const findWebhook = async (ctx: Ctx, person: PersonPrincipal, id: string): Promise<Webhook | Denial> => {
  const row = isUuid(id) ? await loadWebhook(ctx.db, id) : undefined
  if (row === undefined || (await mayHear(ctx.db, person, row.client_id))) return noSuchWebhook
  return row
}

/** Who changes an endpoint: asked again within the transaction, with what the caller has seen of it. */
export const actorOf = ({ request, person }: Caller): WebhookActor => ({
  by: { actor_id: person.subject.id, ...callerOf(request) },
  now: request.now,
  guard: async (tx: Tx, row: Webhook) =>
    (await mayHear(tx, person, row.client_id)) ? noSuchWebhook : checkMatch(request, webhookView(row)),
})

const forAdministrators: Denial = deny(
  'permission_denied',
  'Name the application whose events the webhook hears.',
  {
    rule: 'who looks after an application hears its events (AD-1)',
    expected: 'client_id, or the permission webhooks:write',
    got: 'neither',
  },
  { status: 403 },
)

const noSuchApplication: Denial = deny(
  'unknown_client',
  'There is no such application.',
  { rule: 'the application exists and is the caller’s', expected: 'an application of theirs', got: 'another one' },
  { status: 422 },
)
