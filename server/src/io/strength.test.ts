/** How hard a password is to guess: what stands out about it, how often it may be asked, how long it may take. */
import { describe, expect, it } from 'vitest'
import { createStrengthMeter } from './strength.ts'

const meter = createStrengthMeter()
let second = 0
/** A second of its own for each question. */
const measure = async (password: string, words: string[] = []) =>
  await meter.measure(password, words, new Date(1000 * (second += 1)))

describe('measure', () => {
  it.each([
    ['password', 0, 'common'],
    ['qwertyuiop', 0, 'common'],
    ['rtyuiophjkl', 2, 'keyboard'],
    ['aaaaaaaaaaa', 0, 'repeat'],
    ['abcdefghijk', 0, 'sequence'],
    ['Summer2024!', 2, 'common'],
    ['04/12/1985', 1, 'date'],
    ['a quiet stone arch', 4, null],
    ['k3!xp0w9zq', 3, null],
    ['', 0, null],
  ])('%s: %i, %s', async (password, score, warning) => {
    expect(await measure(password)).toEqual({ score, warning })
  })

  it('knows the words of the account', async () => {
    expect(await measure('lovelace1843', ['lovelace'])).toEqual({ score: 1, warning: 'own' })
  })

  it('a password in full width is the one that is hashed', async () => {
    expect(await measure('ｐａｓｓｗｏｒｄ')).toEqual({ score: 0, warning: 'common' })
  })

  it('is asked a dozen times a second at most, and again in the next', async () => {
    const own = createStrengthMeter()
    const now = new Date(5_000_400)
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await own.measure('x', [], now)))
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(12)
    expect(await own.measure('x', [], new Date(5_001_000))).toBeDefined()
  })

  it('what takes zxcvbn longest is done within moments: 64 characters count, and few substitutions', async () => {
    // With the defaults each of these takes a quarter of a second and more.
    const slow = ['4@8({[<63!1|0$5+7%2', '222-9', '.1109/11/ --1-29', 'l1|!i1|!', '06423245184711']
    const times: number[] = []
    for (const unit of slow) {
      const begun = performance.now()
      await measure(unit.repeat(60))
      times.push(performance.now() - begun)
    }
    expect(times.toSorted((a, b) => a - b)[2]).toBeLessThan(100)
  })
})
