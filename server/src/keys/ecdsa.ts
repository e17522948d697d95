/** Owns the two spellings of a P-256 signature: DER as OpenSSL writes it, r‖s as JOSE wants it (RFC 7518 §3.4). Pure. */

/** DER SEQUENCE { INTEGER r, INTEGER s } → 64 bytes. */
export const ecdsaDerToRaw = (der: Buffer): Buffer => {
  const raw = Buffer.alloc(64)
  const rLength = der[3] ?? 0
  copyInteger(der.subarray(4, 4 + rLength), raw.subarray(0, 32))
  const sAt = 4 + rLength + 2
  copyInteger(der.subarray(sAt, sAt + (der[sAt - 1] ?? 0)), raw.subarray(32))
  return raw
}

/** A DER integer is signed and as short as possible: a leading zero goes, missing bytes come back. */
const copyInteger = (integer: Buffer, into: Buffer): void => {
  const bare = integer.length > 32 ? integer.subarray(integer.length - 32) : integer
  bare.copy(into, 32 - bare.length)
}

/** 64 bytes → DER. */
export const ecdsaRawToDer = (raw: Buffer): Buffer => {
  const r = derInteger(raw.subarray(0, 32))
  const s = derInteger(raw.subarray(32))
  return Buffer.concat([Buffer.from([0x30, r.length + s.length]), r, s])
}

const derInteger = (bytes: Buffer): Buffer => {
  let at = 0
  while (at < 31 && bytes[at] === 0) at += 1
  const bare = bytes.subarray(at)
  const positive = (bare[0] ?? 0) < 0x80 ? bare : Buffer.concat([Buffer.from([0]), bare])
  return Buffer.concat([Buffer.from([0x02, positive.length]), positive])
}
