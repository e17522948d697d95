/** Owns the error that a letter can never be delivered: trying again is no use. */

/** The other side refused for good: no such mailbox, no such number, or what we would not even send. The message says why. */
export class Refused extends Error {
  override name = 'Refused'
}
