/**
 * Owns running the recurring jobs of app.ts in a server process: one turn at a time of each, the next after its pause or
 * when it is woken. Start reading at `startJobs`.
 */
import { type Job, jobs } from './app.ts'
import type { Ctx } from './ctx.ts'

/** `stop` lets no further turn begin and resolves when the one under way has ended. */
export type RunningJob = { stop: () => Promise<void> }

/** Starts all of them. A failure is logged once until it works again: the database may be away for a while. */
export const startJobs = (ctx: Ctx): RunningJob[] => jobs.map((job) => startJob(ctx, job))

const startJob = (ctx: Ctx, job: Job): RunningJob => {
  const once = guarded(ctx, job)
  let timer: NodeJS.Timeout | undefined
  let turn: Promise<void> | undefined
  let woken = false
  let stopped = false
  const begin = (): void => {
    clearTimeout(timer)
    woken = false
    turn = once().finally(() => {
      turn = undefined
      if (!stopped) timer = setTimeout(begin, woken ? 0 : job.everyMs)
    })
  }
  // Whoever wakes it during a turn may have come too late for that one.
  job.woken?.(ctx, () => {
    woken = true
    if (turn === undefined && !stopped) begin()
  })
  timer = setTimeout(begin, job.everyMs)
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await turn
    },
  }
}

/** One turn that never throws. */
const guarded = (ctx: Ctx, job: Job): (() => Promise<void>) => {
  let failing = false
  return async () => {
    try {
      await job.run(ctx)
      if (failing) ctx.log.info({ job: job.name }, 'job works again')
      failing = false
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (!failing && !ctx.draining()) ctx.log.warn({ job: job.name, reason }, 'job failed')
      failing = true
    }
  }
}
