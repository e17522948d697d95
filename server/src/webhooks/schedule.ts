/** Owns when a delivery that failed is tried again, and when an endpoint is given up (security rule WH-2). Pure. */

/** Pauses after failed attempts, in seconds: 29 hours in all, so that a day of trouble costs nothing. */
export const pauses = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 28_800, 28_800] as const

/** When to try again after so many failures; undefined when that was the last one. `random` from 0 to 1 spreads what failed together by a fifth. */
export const nextAttempt = (attempts: number, now: Date, random: number): Date | undefined => {
  const seconds = pauses[attempts - 1]
  return seconds === undefined ? undefined : new Date(now.getTime() + seconds * 1000 * (0.9 + 0.2 * random))
}

/** How long an endpoint may fail before it is paused. */
export const givenUpAfterMs = 3 * 86_400_000

/** How the endpoint stands after a failure: 410 says that it will never want anything again. */
export const verdict = (
  { status, failing_since }: { status: number | null; failing_since: Date },
  now: Date,
): 'gone' | 'failing' | undefined => {
  if (status === 410) return 'gone'
  return now.getTime() - failing_since.getTime() >= givenUpAfterMs ? 'failing' : undefined
}
