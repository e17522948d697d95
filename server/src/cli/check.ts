/** Owns the shape of what `keywright doctor` finds. */

/** One finding. `mend` says what to do; what is `skipped` could not be looked at because of something before it. */
export type Check = {
  check: string
  status: 'ok' | 'warning' | 'failed' | 'skipped'
  detail: string
  mend?: string
}
