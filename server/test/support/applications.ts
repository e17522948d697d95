/** Owns what tests of applications share: one is made over the API, read, and asked whether its secret works. */
import { expect } from 'vitest'
import type { Caller } from './api.ts'
import type { App, House } from './flow.ts'
import type { Reply } from './http.ts'

export type Application = { client_id: string; client_secret?: string; [member: string]: unknown }

export const callback = 'https://app.example/callback'
/** A web application with the defaults of its kind. */
export const shop = { client_name: 'Shop', type: 'web', redirect_uris: [callback] }

/** Registers one, as somebody. */
export const make = async (caller: Caller, more: object = {}): Promise<Application> => {
  const made = await caller.call('POST', 'applications', { ...shop, ...more })
  expect(made.status, made.body).toBe(201)
  return made.json<Application>()
}

export const read = async (caller: Caller, id: string): Promise<Reply> => await caller.call('GET', `applications/${id}`)

/** The status of a refusal and its code. */
export const codeOf = (reply: Reply): [number, unknown] => [reply.status, reply.json<{ code?: string }>().code]

/** As the steps of flow.ts want it. */
export const asApp = (made: Application): App => ({
  client_id: made.client_id,
  client_secret: made.client_secret,
  redirect_uri: callback,
  client_name: 'Shop',
})

/** What the token endpoint says to a bad code: 400 to a client that proved who it is, 401 to any other. */
export const tokenStatus = async (house: House, { client_id, client_secret = '' }: Application): Promise<number> => {
  const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
  const form = { grant_type: 'authorization_code', code: 'x' }
  return (await house.server.client().post('/oauth/token', form, { authorization })).status
}
