/** Owns realistic data of the page of API keys, one for each way it can look. Never shown to anybody but tests and operators' checks. */
import type { AccountFrame, AccountPages, KeyView } from './account-data.ts'

const keys: readonly KeyView[] = [
  {
    id: '0190f6a2-0000-7000-8000-000000000001',
    name: 'Nightly report',
    masked: 'kw_ak_…Xy9z',
    rights: ['auditor', 'users:read'],
    state: 'active',
    expires_at: new Date('2027-02-18T16:40:00Z'),
    last_used_at: new Date('2026-11-20T16:40:00Z'),
  },
  {
    id: '0190f6a2-0000-7000-8000-000000000002',
    name: 'The program with the long name that imports what the other department sends',
    masked: 'kw_ak_…0000',
    rights: [],
    state: 'inactive',
    expires_at: new Date('2027-02-18T16:40:00Z'),
    last_used_at: null,
  },
  {
    id: '0190f6a2-0000-7000-8000-000000000003',
    name: 'Old',
    masked: 'kw_ak_…1111',
    rights: [],
    state: 'expired',
    expires_at: new Date('2026-11-01T16:40:00Z'),
    last_used_at: null,
  },
]

/** Every way the page can look. */
export const keySamples = (frame: AccountFrame): [AccountPages['account-keys'], ...AccountPages['account-keys'][]] => {
  const page: AccountPages['account-keys'] = {
    ...frame,
    keys,
    permissions: ['applications:read', 'users:read', 'users:write'],
    days: [7, 30, 90, 365],
    make: '/account/keys',
    change: '/account/keys/switch',
    remove: '/account/keys/delete',
    back: '/account/security',
  }
  const made = { name: 'Nightly report', key: 'kw_ak_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV' }
  const errors = ['invalid_request', 'beyond_ceiling', 'too_many_keys', 'not_found'] as const
  return [
    page,
    { ...page, made },
    { ...page, keys: [], permissions: [] },
    ...errors.map((error) => ({ ...page, error })),
  ]
}
