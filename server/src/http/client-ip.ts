/**
 * Owns the answer to "who is calling?" (security rule PX-1). A forwarded header is believed only from a trusted proxy,
 * read from right to left; the first hop that is not trusted is the client.
 */
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = [Address, number]

/** Prepares the list of trusted proxies: addresses or CIDR ranges. */
export const parseProxies = (entries: readonly string[]): Range[] =>
  entries.map((entry) => {
    if (entry.includes('/')) return ipaddr.parseCIDR(entry)
    const address = ipaddr.process(entry)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  })

/**
 * The client's address. Falls back to the peer when the peer is not trusted, the header is missing, or any hop that has
 * to be passed cannot be read.
 */
export const clientIp = (peer: string, forwarded: string | undefined, trusted: Range[]): string => {
  // Nobody is trusted and the peer is plain IPv4: there is nothing to decide, and most requests are like this.
  if (trusted.length === 0 && !peer.includes(':')) return peer
  const own = parse(peer)
  if (own === undefined) return peer
  if (forwarded === undefined || !isTrusted(own, trusted)) return own.toString()
  for (const hop of forwarded.split(',').toReversed()) {
    const address = parse(hop.trim())
    if (address === undefined) return own.toString()
    if (!isTrusted(address, trusted)) return address.toString()
  }
  return own.toString()
}

/** One spelling: four decimal numbers, or something with a colon. 010.0.0.1 and 2130706433 mean different things to different readers. */
const plainForm = /^(?:(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}|.*:.*)$/

/** IPv4-mapped addresses become IPv4, zone identifiers are dropped, ports of IPv4 hops too. */
const parse = (text: string): Address | undefined => {
  const bare = text
    .replace(/%.*$/, '')
    .replace(/^\[(.*)\](?::\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
  return plainForm.test(bare) && ipaddr.isValid(bare) ? ipaddr.process(bare) : undefined
}

const isTrusted = (address: Address, trusted: Range[]): boolean =>
  trusted.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits))

/** The networks that count together: an IPv6 /64 is one machine, a /48 or an IPv4 /24 is one network (security rule RL-1). */
export const networksOf = (ip: string): { machine: string; network: string } => {
  if (!ip.includes(':')) return { machine: ip, network: ip.split('.').slice(0, 3).join('.') }
  const parts = ipaddr.isValid(ip) ? ipaddr.parse(ip).toNormalizedString().split(':') : [ip]
  return { machine: parts.slice(0, 4).join(':'), network: parts.slice(0, 3).join(':') }
}

/** Whether an address is this machine's own (127.0.0.0/8, ::1, in whatever spelling). */
export const isLoopbackAddress = (ip: string): boolean => parse(ip)?.range() === 'loopback'
