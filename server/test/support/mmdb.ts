/**
 * Owns the making of small files of places in MaxMind DB format 2.0, for tests: a search tree over the bits of addresses,
 * the data it leads to, a description at the end. Start reading at `mmdb`.
 */
import ipaddr from 'ipaddr.js'

/** What a file can hold of our needs. Whole numbers become unsigned, others floating point. */
export type Value = string | number | boolean | Value[] | { [name: string]: Value }

type Node = { 0?: Branch; 1?: Branch }
type Branch = Node | { value: number }

/** A file that knows these networks; none may lie within another. IPv4 networks stand below ::/96, as the format wants it. */
export const mmdb = (
  networks: Record<string, Value>,
  { type = 'GeoLite2-City', version = 6 }: { type?: string; version?: 4 | 6 } = {},
): Buffer => {
  const data: Buffer[] = []
  const root: Node = {}
  for (const [network, value] of Object.entries(networks)) {
    const offset = data.reduce((sum, { length }) => sum + length, 0)
    data.push(encode(value))
    insert(root, bitsOf(network, version), offset)
  }
  const nodes = number(root)
  const tree = Buffer.concat(nodes.flatMap((node) => [record(node[0], nodes), record(node[1], nodes)]))
  const description = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: type,
    description: { en: 'made by a test' },
    ip_version: version,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  })
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), description])
}

/** What a City database says of one network. */
export const cityOf = (
  country: string,
  iso_code: string,
  [city, latitude, longitude]: [string, number, number],
  accuracy_radius?: number,
): Value => ({
  country: { iso_code, names: { en: country, de: `${country} auf Deutsch` } },
  city: { names: { en: city } },
  location: { latitude, longitude, ...(accuracy_radius !== undefined && { accuracy_radius }) },
})

const bitsOf = (network: string, version: 4 | 6): string => {
  const [address, length] = ipaddr.parseCIDR(network)
  const bytes = address.toByteArray()
  const lead = address.kind() === 'ipv4' && version === 6 ? 96 : 0
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return '0'.repeat(lead) + bits.slice(0, length)
}

const insert = (root: Node, bits: string, value: number): void => {
  const last = bits
    .slice(0, -1)
    .split('')
    .reduce<Node>((node, bit) => {
      const side = bit === '1' ? 1 : 0
      node[side] ??= {}
      return node[side] as Node
    }, root)
  last[bits.endsWith('1') ? 1 : 0] = { value }
}

/** Every node of the tree, the root first. */
const number = (root: Node): Node[] => {
  const nodes = [root]
  for (const node of nodes)
    for (const branch of [node[0], node[1]]) if (branch !== undefined && !('value' in branch)) nodes.push(branch)
  return nodes
}

/** The node's own number; the number of nodes for nothing; beyond it and the 16 empty bytes an offset of the data. */
const record = (branch: Branch | undefined, nodes: Node[]): Buffer => {
  const bytes = Buffer.alloc(3)
  const known = branch === undefined ? nodes.length : nodes.indexOf(branch as Node)
  const target = branch !== undefined && 'value' in branch ? nodes.length + 16 + branch.value : known
  bytes.writeUIntBE(target, 0, 3)
  return bytes
}

const encode = (value: Value): Buffer => {
  if (typeof value === 'string') return Buffer.concat([head(2, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'boolean') return head(14, value ? 1 : 0)
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? whole(value) : double(value)
  if (Array.isArray(value)) return Buffer.concat([head(11, value.length), ...value.map(encode)])
  const entries = Object.entries(value)
  return Buffer.concat([head(7, entries.length), ...entries.flatMap(([name, one]) => [encode(name), encode(one)])])
}

const whole = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return Buffer.concat([head(6, 4), bytes])
}

const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return Buffer.concat([head(3, 8), bytes])
}

/** The control byte: a type in three bits and a size below 285 in five, or with one byte more. Types above 7 come in a byte of their own. */
const head = (type: number, size: number): Buffer => {
  const short = Math.min(size, 29)
  const first = type > 7 ? [short, type - 7] : [(type << 5) | short]
  return Buffer.from(size < 29 ? first : [...first, size - 29])
}
