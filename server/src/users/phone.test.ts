import { describe, expect, it } from 'vitest'
import { canonicalPhone, maskedEmail, maskedPhone } from './phone.ts'

describe('canonicalPhone', () => {
  it.each([
    ['+49 1512 345678', '+491512345678'],
    ['0049 (1512) 345-678', '+491512345678'],
    ['+49 (0)1512/345678', '+491512345678'],
    ['＋４９１５１２３４５６７８', '+491512345678'],
    ['+1 (415) 555.2671', '+14155552671'],
    ['\u202a+44 20 7946 0958\u202c', '+442079460958'],
  ])('%s is %s', (typed, canonical) => expect(canonicalPhone(typed)).toBe(canonical))

  it.each([
    '0151 2345678',
    '151',
    '+49',
    '+0491512345678',
    '+4915123456789012',
    '+49 1512 34567x',
    '',
    '+1 2; drop',
    '+'.repeat(61),
  ])('%s is none', (typed) => expect(canonicalPhone(typed)).toBeUndefined())
})

it('MF-3: what a page shows of a destination is recognised by its owner only', () => {
  expect(maskedPhone('+491512345678')).toBe('•••• 678')
  expect(maskedEmail('ada.lovelace@mail.example.com')).toBe('a•••@m•••.com')
  expect(maskedEmail('a@localhost')).toBe('a•••@l•••')
})
