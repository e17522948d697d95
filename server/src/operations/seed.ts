/** Owns what a fresh deployment holds: roles, permissions and, for trying things out, a demo client. Safe to repeat; no account is made. */
import { seedAccess } from '../access/seed.ts'
import { createClient } from '../clients/manage.ts'
import type { Metadata } from '../clients/registration.ts'
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation } from '../db/connect.ts'
import { transact } from '../db/transact.ts'

/** The client that a development start offers: public, for a browser on this machine. */
export const demoClientId = 'app_demo'

/** Writes what is missing. */
export const seed = async (ctx: Ctx, options: { demo: boolean }): Promise<void> => {
  await transact(ctx.db, seedAccess)
  if (!options.demo || (await ctx.clients.get(demoClientId)) !== undefined) return
  try {
    await createClient(ctx, demoClient, demoClientId)
  } catch (error) {
    // Another server that starts at the same moment was first.
    if (!isUniqueViolation(error, 'clients_pkey')) throw error
  }
}

const demoClient: Metadata = {
  client_name: 'Demo client',
  type: 'native',
  description: 'Made at the first start in development. Delete it when you do not need it.',
  redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  post_logout_redirect_uris: ['http://localhost/', 'http://127.0.0.1/'],
  scope: 'openid profile email roles offline_access read',
}
