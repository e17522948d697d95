import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../http/request.ts'
import { createInbox } from '../io/inbox.ts'
import { mayRead } from './dev-mail.ts'

type Case = { profile?: string; issuer?: string; peer?: string; headers?: Record<string, string> }

const reads = ({
  profile = 'development',
  issuer = 'http://localhost:8080',
  peer = '127.0.0.1',
  headers = {},
}: Case): boolean => {
  const config = { profile, issuer, client_ip_header: 'cf-connecting-ip' }
  const request = { peer, header: (name: string) => headers[name] }
  const inbox = createInbox(() => new Date())
  return mayRead({ config, inbox } as Parameters<typeof mayRead>[0], request as unknown as HttpRequest)
}

describe('the mail of development is read', () => {
  it.each([
    {},
    { peer: '127.8.0.1' },
    { peer: '::1' },
    { peer: '::ffff:127.0.0.1' },
    { issuer: 'http://127.0.0.1:8080' },
    { issuer: 'http://[::1]:8080/path' },
    { headers: { 'user-agent': 'x' } },
  ])('by %j', (given) => {
    expect(reads(given)).toBe(true)
  })
  it.each([
    { profile: 'production' },
    { issuer: 'https://login.example.com' },
    { issuer: 'http://localhost.example.com' },
    { peer: '192.168.1.5' },
    { peer: '172.17.0.1' },
    { peer: '2001:db8::1' },
    { peer: '::ffff:10.0.0.1' },
    { peer: '' },
    { headers: { 'x-forwarded-for': '127.0.0.1' } },
    { headers: { 'x-forwarded-for': '' } },
    { headers: { forwarded: 'for=127.0.0.1' } },
    { headers: { 'x-real-ip': '127.0.0.1' } },
    { headers: { 'x-forwarded-host': 'localhost' } },
    { headers: { via: '1.1 tunnel' } },
    { headers: { 'cf-connecting-ip': '127.0.0.1' } },
  ])('not by %j', (given) => {
    expect(reads(given)).toBe(false)
  })
})
