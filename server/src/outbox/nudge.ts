/**
 * Owns the short way from a commit to the deliverer of the same process: a letter goes out at once instead of at the next
 * round. A nudge that is lost, or that nobody hears (a command), costs a second. Start reading at `createOutbox`.
 */

export type Outbox = {
  /** Says that a letter may be due. Call it after the commit; it never waits and never fails. */
  nudge: () => void
  /** Registers who is to be woken by a nudge. */
  onNudge: (wake: () => void) => void
}

export const createOutbox = (): Outbox => {
  const sleepers: (() => void)[] = []
  return {
    nudge: () => {
      for (const wake of sleepers) wake()
    },
    onNudge: (wake) => {
      sleepers.push(wake)
    },
  }
}
