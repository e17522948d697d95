/** Who is calling, whatever the headers say (security rule PX-1). */
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientIp, networksOf, parseProxies } from './client-ip.ts'

const trusted = parseProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8:ffff::/48', '::1'])

describe('PX-1', () => {
  it.each<[string, string, string | undefined, string]>([
    ['nobody between', '203.0.113.9', undefined, '203.0.113.9'],
    ['a header of a stranger', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['a header of a stranger who says to be a proxy', '203.0.113.9', '10.0.0.1', '203.0.113.9'],
    ['a neighbour of a proxy that is named alone', '192.0.2.8', '198.51.100.1', '192.0.2.8'],
    ['one proxy', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['two proxies', '10.0.0.1', '198.51.100.1, 192.0.2.7', '198.51.100.1'],
    ['what the client put in front', '10.0.0.1', '1.1.1.1, 10.9.9.9, 198.51.100.1', '198.51.100.1'],
    ['a client that names trusted addresses', '10.0.0.1', '10.0.0.5, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['proxies only', '10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['no address', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['no address where one has to be passed', '10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
    ['no address further out', '10.0.0.1', 'unknown, 198.51.100.1', '198.51.100.1'],
    ['a hole', '10.0.0.1', '198.51.100.1,, 10.0.0.2', '10.0.0.1'],
    ['a trailing comma', '10.0.0.1', '198.51.100.1,', '10.0.0.1'],
    ['a port', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['an IPv6 client', '10.0.0.1', '2001:db8::1', '2001:db8::1'],
    ['an IPv6 client with a port', '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['an IPv6 proxy', '2001:db8:ffff::9', '198.51.100.1', '198.51.100.1'],
    ['an IPv4 client in IPv6 clothes', '::ffff:203.0.113.9', undefined, '203.0.113.9'],
    ['an IPv4 proxy in IPv6 clothes', '::ffff:10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['the same in hexadecimal', '::ffff:a00:1', '::ffff:c633:6401', '198.51.100.1'],
    ['a zone', 'fe80::1%eth0', '198.51.100.1', 'fe80::1'],
    ['a zone of a hop', '10.0.0.1', 'fe80::1%25eth0', 'fe80::1'],
    ['octal numbers', '10.0.0.1', '010.0.0.1', '10.0.0.1'],
    ['one decimal number', '10.0.0.1', '3325256705', '10.0.0.1'],
    ['hexadecimal numbers', '10.0.0.1', '0xc6.0x33.0x64.0x1', '10.0.0.1'],
    ['fewer numbers', '10.0.0.1', '198.51.1', '10.0.0.1'],
    ['a number above 255', '10.0.0.1', '198.51.100.256', '10.0.0.1'],
    ['a name', '10.0.0.1', 'localhost', '10.0.0.1'],
    ['markup', '10.0.0.1', '<script>alert(1)</script>', '10.0.0.1'],
    ['a quoted one', '10.0.0.1', '"198.51.100.1"', '10.0.0.1'],
    ['Forwarded’s syntax in X-Forwarded-For', '10.0.0.1', 'for=198.51.100.1', '10.0.0.1'],
    ['a line break', '10.0.0.1', '198.51.100.1\r\nX: y', '10.0.0.1'],
    ['full-width digits', '10.0.0.1', '１９８.51.100.1', '10.0.0.1'],
    ['a peer that is none', '', '198.51.100.1', ''],
  ])('%s: %j says %j', (_name, peer, header, expected) => {
    expect(clientIp(peer, header, trusted)).toBe(expected)
  })

  it('nobody is trusted: no header is ever believed', () => {
    for (const peer of ['203.0.113.9', '127.0.0.1', '::1', '10.0.0.1'])
      expect(clientIp(peer, '198.51.100.1', [])).toBe(peer)
    expect(clientIp('::ffff:127.0.0.1', '198.51.100.1', [])).toBe('127.0.0.1')
  })

  it('a stranger is who they are, whatever they send', () => {
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('10.0.0.1'))).map((hops) => hops.join(', ')),
    )
    assertAlways(fc.property(header, (text) => clientIp('203.0.113.9', text, trusted) === '203.0.113.9'))
  })

  it('behind a proxy it is the last hop that the proxy itself wrote, whatever stands before it', () => {
    const before = fc.array(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom('a', '.', ':', '1', ' ', '%', '[') })),
    )
    assertAlways(
      fc.property(
        before,
        (hops) => clientIp('10.0.0.1', [...hops, '198.51.100.1'].join(','), trusted) === '198.51.100.1',
      ),
    )
  })

  it('a list that cannot be read is refused when it is prepared', () => {
    for (const entry of ['nonsense', '10.0.0.0/33', '10.0.0.0/x', ''])
      expect(() => parseProxies([entry])).toThrow(Error)
  })
})

describe('networksOf: what counts together (RL-1)', () => {
  it.each<[string, string, string]>([
    ['198.51.100.7', '198.51.100.7', '198.51.100'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2', '2001:db8:1'],
    ['2001:db8:1:2::', '2001:db8:1:2', '2001:db8:1'],
    ['2001:db8::1', '2001:db8:0:0', '2001:db8:0'],
    ['::1', '0:0:0:0', '0:0:0'],
  ])('%s', (ip, machine, network) => {
    expect(networksOf(ip)).toEqual({ machine, network })
  })

  it('every address of a /64 is one machine', () => {
    const word = fc.integer({ min: 0, max: 0xff_ff }).map((number) => number.toString(16))
    assertAlways(
      fc.property(
        fc.array(word, { minLength: 4, maxLength: 4 }),
        (host) => networksOf(`2001:db8:1:2:${host.join(':')}`).machine === '2001:db8:1:2',
      ),
    )
  })
})
