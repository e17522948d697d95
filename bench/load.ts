/**
 * Owns the load process: takes jobs from the bench over IPC and answers with outcomes. It is a process of its own so
 * that its CPU time is never counted as the server's. Start reading at `runJob` in run-job.ts.
 */
import type { Job } from './job.ts'
import { runJob } from './run-job.ts'

process.on('message', (job: Job) => {
  void runJob(job).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      throw error
    },
  )
})
// The bench is gone: nobody wants the answer any more.
process.once('disconnect', () => process.exit(0))
