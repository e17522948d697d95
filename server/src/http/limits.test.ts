/** Request-rate limits per address and per route (security rule RL-1), on the real counters. */
import { expect, it } from 'vitest'
import type { Ctx } from '../ctx.ts'
import { createEphemeral } from '../io/ephemeral.ts'
import { checkLimits } from './limits.ts'
import type { HttpRequest } from './request.ts'

const now = new Date('2026-11-21T12:00:00Z')
const ctxWith = (config: Partial<Ctx['config']>): Ctx =>
  ({ config: { limits: true, limit_address: 5, limit_route: 2, ...config }, ephemeral: createEphemeral() }) as Ctx
const from = (ip: string): HttpRequest => ({ ip, method: 'GET', now }) as HttpRequest

it('RL-1: one route has its own budget for an address; another route and another address have theirs', () => {
  const ctx = ctxWith({})
  expect(checkLimits(ctx, from('192.0.2.1'), { path: '/a' })).toBeUndefined()
  expect(checkLimits(ctx, from('192.0.2.1'), { path: '/a' })).toBeUndefined()
  expect(checkLimits(ctx, from('192.0.2.1'), { path: '/a' })).toMatchObject({ error: 'too_many_requests' })
  expect(checkLimits(ctx, from('192.0.2.1'), { path: '/b' })).toBeUndefined()
  expect(checkLimits(ctx, from('192.0.2.2'), { path: '/a' })).toBeUndefined()
})

it('RL-1: all routes together have one budget for an address, and `off` counts nothing', () => {
  const ctx = ctxWith({ limit_route: 100 })
  for (const path of ['/a', '/b', '/c', '/d', '/e'])
    expect(checkLimits(ctx, from('192.0.2.1'), { path })).toBeUndefined()
  expect(checkLimits(ctx, from('192.0.2.1'), { path: '/f' })).toMatchObject({ error: 'too_many_requests' })
  const off = ctxWith({ limits: false, limit_address: 1 })
  for (const path of ['/a', '/a', '/a']) expect(checkLimits(off, from('192.0.2.1'), { path })).toBeUndefined()
})
