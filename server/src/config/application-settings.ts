/** Owns the settings of applications; schema.ts puts them among the others. */
import { z } from 'zod'
import { group, whole } from './leaf.ts'

const applications = group('Applications')

export const applicationSettings = {
  applications: applications(
    'KEYWRIGHT_APPLICATIONS',
    z.enum(['everyone', 'permitted']).default('everyone'),
    'Who may register applications of their own: everybody with an account, or those only who hold applications:write.',
  ),
  applications_per_person: applications(
    'KEYWRIGHT_APPLICATIONS_PER_PERSON',
    whole(1, 10_000).default(20),
    'How many applications one person may own. Whoever holds applications:write may have more.',
  ),
}
