/** Owns the settings of the audit trail; schema.ts puts them among the others. */
import { z } from 'zod'
import { group, whole } from './leaf.ts'

const audit = group('Audit')

export const auditSettings = {
  audit_days: audit(
    'KEYWRIGHT_AUDIT_DAYS',
    whole(0, 36_500).default(365),
    'How long events are kept, in days; whole months are removed when their last day is that old. 0 keeps them for ever. See audit.md.',
  ),
  audit_checkpoint_file: audit(
    'KEYWRIGHT_AUDIT_CHECKPOINT_FILE',
    z.string().min(1).optional(),
    'A file to which signed checkpoints of the audit trail are appended, beside the log. Keep it on another machine, or somewhere nothing is ever changed.',
  ),
}
