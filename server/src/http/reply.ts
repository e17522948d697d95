/**
 * Owns the answers a handler can give, as plain data. How they become bytes is `server.ts`'s affair.
 */
import type { Readable } from 'node:stream'
import type { PageData, PageName } from '../pages/data.ts'
import type { RegisteredRedirect } from '../protocol/redirect-uri.ts'
import type { SetCookie } from './cookies.ts'
import type { Reader } from './language.ts'

type Common = {
  status: number
  headers?: Record<string, string>
  cookies?: SetCookie[] /** Fields for the log line of this request; nothing secret. */
  log?: Record<string, string>
}

export type PageReply = {
  [P in PageName]: Common & {
    kind: 'page'
    page: P
    data: PageData[P] /** Origins that forms of this page lead to, for the CSP. */
    formAction?: string[] /** Whether it shows another page of ours in a frame, for the CSP. */
    frames?: boolean /** Whose language the page speaks, where there is no session yet. */
    reader?: Reader
  }
}[PageName]

export type Reply =
  | (Common & { kind: 'json'; body: unknown })
  | (Common & { kind: 'bytes'; body: Buffer | string; content_type: string })
  | (Common & { kind: 'redirect'; to: string })
  | (Common & { kind: 'empty' })
  | (Common & { kind: 'stream'; body: Readable; content_type: string })
  | PageReply

type Extras = { headers?: Record<string, string>; cookies?: SetCookie[]; log?: Record<string, string> }

/** A JSON document. Never cached unless the headers say so. */
export const json = (body: unknown, status = 200, extras: Extras = {}): Reply => ({
  kind: 'json',
  status,
  body,
  ...extras,
})

export const empty = (status = 200, extras: Extras = {}): Reply => ({ kind: 'empty', status, ...extras })

export const bytes = (body: Buffer | string, content_type: string, extras: Extras = {}): Reply => ({
  kind: 'bytes',
  status: 200,
  body,
  content_type,
  ...extras,
})

/** A long document, piece by piece. */
export const stream = (body: Readable, content_type: string, extras: Extras = {}): Reply => ({
  kind: 'stream',
  status: 200,
  body,
  content_type,
  ...extras,
})

/** A page for people. */
export const page = <P extends PageName>(
  name: P,
  data: PageData[P],
  status = 200,
  extras: Extras & { formAction?: string[]; frames?: boolean; reader?: Reader } = {},
): Reply => ({ kind: 'page', status, page: name, data, ...extras }) as PageReply

/**
 * Headers of a page whose own address is secret: it is not even told to this server's files, because a proxy before it may log
 * what a page came from. The origin stays, for CSRF.
 */
export const secretAddress = { 'referrer-policy': 'strict-origin' }

/** To another page of this server; 303 after a POST with credentials, never 307 (RFC 9700 §4.12). */
export const redirectLocal = (to: `/${string}`, extras: Extras = {}): Reply => ({
  kind: 'redirect',
  status: 303,
  to,
  ...extras,
})

/** To a client, with parameters in query or fragment. Accepts only a target that was compared with the registered ones. */
export const redirectOut = (
  to: RegisteredRedirect,
  params: Record<string, string>,
  mode: 'query' | 'fragment',
  extras: Extras = {},
): Reply => ({
  kind: 'redirect',
  status: 303,
  to: withParams(to, params, mode),
  ...extras,
})

/** RFC 6749 §4.1.2: the query of the registered URI is kept, the answer is added to it. */
const withParams = (uri: string, params: Record<string, string>, mode: 'query' | 'fragment'): string => {
  const answer = new URLSearchParams(params).toString()
  if (answer === '') return uri
  if (mode === 'fragment') return `${uri}#${answer}`
  return `${uri}${uri.includes('?') ? '&' : '?'}${answer}`
}
