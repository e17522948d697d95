/** Owns the start of a command: whatever is not `keywright` or `keywright serve` alone. The table of contents is cli/program.ts. */
import { run } from './cli/program.ts'

await run()
