/** Owns calls of the JSON API by somebody who is signed in in a browser: with the cookie, the origin and the CSRF token of their page. */
import type { OutgoingHttpHeaders } from 'node:http'
import { expect } from 'vitest'
import { type House, type Person, signIn } from './flow.ts'
import { describe as describeReply, type HttpClient, type Reply } from './http.ts'

export type Caller = {
  client: HttpClient
  call: (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: OutgoingHttpHeaders,
  ) => Promise<Reply>
}

/** Signs somebody in and returns their way to call. Paths are below /api/v1. */
export const callerOf = async (house: House, person: Person): Promise<Caller> => {
  const client = house.server.client()
  await signIn(client, person)
  return await callerWith(house, client)
}

/** The way to call with the session that a client has. */
export const callerWith = async (house: { server: { issuer: string } }, client: HttpClient): Promise<Caller> => {
  const session = await client.get('/api/v1/auth/session')
  expect(session.status, describeReply(session)).toBe(200)
  const { csrf_token } = session.json<{ csrf_token: string }>()
  const call: Caller['call'] = async (method, path, body, headers = {}) =>
    await client.request(`/api/v1/${path}`, {
      method,
      headers: { origin: house.server.issuer, 'x-csrf-token': csrf_token, ...headers },
      ...(body !== undefined && { json: body }),
    })
  return { client, call }
}
