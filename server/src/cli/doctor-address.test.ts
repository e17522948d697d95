import { describe, expect, it } from 'vitest'
import { checkProxies, judgeCookies, judgeDiscovery } from './doctor-address.ts'

const https = 'https://login.example.com'
const loopback = 'http://localhost:8080'
const answer = (body: string, status = 200, cookies?: string[]) => ({
  status,
  body,
  headers: { 'set-cookie': cookies },
})
const document = (issuer: unknown) => answer(JSON.stringify({ issuer }))

describe('judgeDiscovery', () => {
  it('is content with the same issuer byte for byte (OpenID Connect Discovery §4.3)', () => {
    expect(judgeDiscovery(https, document(https))).toMatchObject({ status: 'ok' })
  })
  it.each([
    ['a slash too many', document(`${https}/`), `the server calls itself ${https}/, the settings here say ${https}`],
    ['another case', document('https://Login.example.com'), 'the server calls itself https://Login.example.com'],
    ['another scheme', document('http://login.example.com'), 'the server calls itself http://login.example.com'],
    ['no issuer', answer('{}'), `${https} answers 200 without a discovery document`],
    ['an issuer that is no text', document(7), 'answers 200 without a discovery document'],
    ['a page', answer('<html>'), 'answers 200 without a discovery document'],
    ['an error', answer('{"issuer":"https://login.example.com"}', 502), 'answers 502 without a discovery document'],
    ['a refused Host', answer('', 421), `${https} refuses its own name`],
    ['nobody', new Error('no answer in time'), `nobody answers at ${https}: no answer in time`],
  ])('fails for %s, with a way to mend it', (_name, given, detail) => {
    const check = judgeDiscovery(https, given)
    expect(check).toMatchObject({ status: 'failed', mend: expect.stringMatching(/\.$/) as string })
    expect(check.detail).toContain(detail)
  })
})

describe('judgeCookies (CK-1)', () => {
  const bound = '__Host-kw_browser=x; Path=/; HttpOnly; SameSite=Lax; Secure'
  it.each([
    [https, [bound], 'ok'],
    [https, [bound, '__Host-kw_session=x; Path=/; secure'], 'ok'],
    [https, ['__Host-kw_browser=x; Path=/; HttpOnly'], 'failed'],
    [https, ['kw_browser=x; Path=/; Secure'], 'failed'],
    [https, [bound, 'kw_browser=x; Path=/; Secure'], 'failed'],
    [https, undefined, 'failed'],
    [loopback, ['kw_browser=x; Path=/; HttpOnly'], 'ok'],
    [loopback, [], 'failed'],
    ['http://login.example.com', ['kw_browser=x; Path=/; HttpOnly'], 'failed'],
  ])('%s with %j: %s', (issuer, cookies, status) => {
    expect(judgeCookies(issuer, answer('', 200, cookies))).toMatchObject({ status })
  })
  it('fails when the page does not answer', () => {
    expect(judgeCookies(https, new Error('no answer in time'))).toMatchObject({ status: 'failed' })
  })
})

describe('checkProxies (PX-1)', () => {
  it.each([
    [loopback, [], 'ok'],
    [https, ['10.0.0.0/8'], 'ok'],
    [https, [], 'warning'],
  ])('%s with %j: %s', (issuer, trusted_proxies, status) => {
    expect(checkProxies({ issuer, trusted_proxies })).toMatchObject({ status })
  })
})
