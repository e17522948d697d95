/** What seals events to each other: the canonical form (RFC 8785), the chain, and what is left of what was forgotten. */
import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../protocol/canonical-json.ts'
import { dataHash, genesis, linkHash, originHash, seal, type Waiting } from './chain.ts'

const event: Waiting = {
  id: '01940000-0000-7000-8000-000000000001',
  type: 'user.updated',
  at: '2026-01-02T03:04:05.678Z',
  severity: 'info',
  outcome: 'success',
  user_id: 'u1',
  client_id: null,
  session_id: null,
  request_id: 'r "1"',
  ip: '192.0.2.1',
  user_agent: 'Firefox',
  data: { by: 'admin', b: [1, { z: 1, a: null }] },
}
const place = { seq: 7, sequenced_at: '2026-01-02T03:04:06.000Z', previous: genesis }
const salt = (): Buffer => Buffer.alloc(16, 1)

describe('canonicalJson', () => {
  // RFC 8785 §3.2.2, §3.2.3
  it('writes the examples of the specification', () => {
    expect(
      canonicalJson({
        numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
        string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\\"/',
        literals: [null, true, false],
      }),
    ).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
    expect(canonicalJson(names)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}')
  })

  it('refuses what JSON has not', () => {
    expect(() => canonicalJson(Number.NaN)).toThrow('not a JSON number')
  })
})

describe('the chain', () => {
  it('is SHA-256 of the hash before and the canonical row, personal data as salted hashes', () => {
    const row = seal(event, place, salt)
    const { ip, user_agent, data, origin_salt, data_salt, hash: sealed, ...lasting } = row
    const text = Buffer.from(canonicalJson(lasting))
    expect(sealed).toBe(hash('sha256', Buffer.concat([Buffer.alloc(32), text])))
    expect(linkHash(genesis, row)).toBe(sealed)
    expect(row.actor_id).toBe('admin')
    const salted = (value: string): string => hash('sha256', Buffer.concat([salt(), Buffer.from(value)]))
    expect(row.origin_hash).toBe(salted(canonicalJson({ ip, user_agent })))
    expect(row.data_hash).toBe(salted('{"b":[1,{"a":null,"z":1}],"by":"admin"}'))
    expect([originHash(origin_salt ?? '', row), dataHash(data_salt ?? '', { data })]).toEqual([
      row.origin_hash,
      row.data_hash,
    ])
  })

  it('has no salt for what is not there', () => {
    const row = seal({ ...event, ip: null, user_agent: null, data: {} }, place, salt)
    expect(row).toMatchObject({ origin_salt: null, origin_hash: null, data_salt: null, data_hash: null })
  })
})
