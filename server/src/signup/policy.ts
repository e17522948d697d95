/** Owns who may have an account: the answer of KEYWRIGHT_SIGNUP. Pure. */
import { domainToASCII } from 'node:url'
import type { Config } from '../config/schema.ts'
import { type Denial, deny } from '../protocol/errors.ts'

type Policy = Pick<Config, 'signup' | 'signup_domains'>

/** Whether there is a page on which people register by themselves. */
export const isOpen = ({ signup }: Policy): boolean => signup === 'open' || signup === 'domains'

/** Whether this address may become an account. `invited`: with an invitation for it. Refusal: `signup_closed` (403). */
export const checkSignup = (policy: Policy, email_canonical: string, invited = false): Denial | undefined => {
  const closed = checkMode(policy, invited)
  if (closed || invited || policy.signup !== 'domains') return closed
  const domain = email_canonical.slice(email_canonical.lastIndexOf('@') + 1)
  // The whole domain: a longer one that ends the same way is somebody else's.
  if (policy.signup_domains.some((allowed) => domainToASCII(allowed.toLowerCase()) === domain)) return undefined
  const expected = `a domain of ${policy.signup_domains.join(', ')}`
  return refuse('Addresses of this domain cannot have an account here.', expected, domain)
}

/** The same before an address is known. */
export const checkMode = ({ signup }: Policy, invited = false): Denial | undefined => {
  if (signup === 'off') return refuse('Nobody can create an account here.', 'KEYWRIGHT_SIGNUP open', 'off')
  if (signup === 'invite' && !invited)
    return refuse('Accounts are made by invitation here. Use the link in yours.', 'an invitation', 'none')
  return undefined
}

const refuse = (sentence: string, expected: string, got: string): Denial =>
  deny(
    'signup_closed',
    sentence,
    {
      rule: 'who may register (KEYWRIGHT_SIGNUP)',
      expected,
      got,
      remedy: 'Change KEYWRIGHT_SIGNUP, or invite the person.',
    },
    { status: 403 },
  )
