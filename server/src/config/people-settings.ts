/**
 * Owns the settings of people: their accounts, their sessions, what is known of where they are. Part of schema.ts; never
 * reads the environment.
 */
import { z } from 'zod'
import { group } from './leaf.ts'

const sessions = group('Sessions')

export const peopleSettings = {
  geoip_file: sessions(
    'KEYWRIGHT_GEOIP_FILE',
    z.string().min(1).optional(),
    'A City or Country database in MaxMind DB format (.mmdb) that tells where an address is; see sessions.md. Read again when it changes.',
  ),
}
