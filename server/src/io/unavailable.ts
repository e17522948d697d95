/** Something this server needs is away or overloaded. Becomes 503 with Retry-After, never a verdict (security rule G-1). */
export class Unavailable extends Error {
  override name = 'Unavailable'
}
