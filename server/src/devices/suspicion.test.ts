/** What speaks against a request: every signal on its own, with its bounds; nothing else does. */
import { describe, expect, it } from 'vitest'
import { sessionSignals } from '../config/people-settings.ts'
import type { Place } from '../protocol/session.ts'
import { type Sighting, type Signal, suspicionOf } from './suspicion.ts'

const firefox = (version: number, system = 'X11; Linux x86_64'): string =>
  `Mozilla/5.0 (${system}; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`
const chrome = (system: string): string =>
  `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36`
const windows = 'Windows NT 10.0; Win64; x64'

const at = (country_code: string, latitude?: number, longitude?: number, accuracy_km?: number): Place => ({
  country: country_code,
  country_code,
  ...(latitude !== undefined && { latitude }),
  ...(longitude !== undefined && { longitude }),
  ...(accuracy_km !== undefined && { accuracy_km }),
})
const berlin = at('DE', 52.52, 13.405)
const hamburg = at('DE', 53.55, 9.993)
const potsdam = at('DE', 52.39, 13.06)
const tokyo = at('JP', 35.68, 139.69)

const key = Buffer.alloc(32, 1)
const start = new Date('2026-03-01T12:00:00Z').getTime()
const before: Sighting = {
  device_key: key,
  user_agent: firefox(140),
  ip: '81.2.69.160',
  place: berlin,
  at: new Date(start),
}
const later = (seconds: number, change: Partial<Sighting> = {}): Sighting => ({
  ...before,
  at: new Date(start + seconds * 1000),
  ...change,
})
const hour = 3600

const table: [string, Sighting, Signal | undefined][] = [
  ['nothing changed', later(1), undefined],
  ['nothing changed for a month', later(30 * 24 * hour), undefined],
  ['the device cookie is gone', later(1, { device_key: null }), 'device'],
  ["the device cookie is another browser's", later(1, { device_key: Buffer.alloc(32, 2) }), 'device'],
  ['the same key in other bytes', later(1, { device_key: Buffer.from(key) }), undefined],
  ['another browser', later(1, { user_agent: chrome('X11; Linux x86_64') }), 'browser'],
  ['a program instead of a browser', later(1, { user_agent: 'curl/8.5.0' }), 'browser'],
  ['no User-Agent at all', later(1, { user_agent: null }), 'browser'],
  ['a browser that nobody knows', later(1, { user_agent: 'Something/1.0 (Linux)' }), 'browser'],
  ['a new version of the browser', later(1, { user_agent: firefox(141) }), undefined],
  ['the same browser on another system', later(1, { user_agent: firefox(140, windows) }), 'system'],
  ['another country within the hour', later(hour - 1, { place: at('FR') }), 'country'],
  ['another country after an hour', later(hour, { place: at('FR') }), undefined],
  ['a place that is not known', later(1, { place: null }), undefined],
  ['another network within the hour', later(hour - 1, { ip: '81.2.70.160' }), 'network'],
  ['another network after an hour', later(hour, { ip: '81.2.70.160' }), undefined],
  ['another machine of the network', later(1, { ip: '81.2.69.1' }), undefined],
  ['IPv6 instead of IPv4', later(1, { ip: '2a02:8100::1' }), undefined],
  ['Hamburg after a minute', later(60, { place: hamburg }), 'travel'],
  // 255 km at 900 km/h are 1020 s.
  ['Hamburg after 16 minutes', later(16 * 60, { place: hamburg }), 'travel'],
  ['Hamburg after 18 minutes', later(18 * 60, { place: hamburg }), undefined],
  ['Hamburg, as far as anybody can tell', later(60, { place: { ...hamburg, accuracy_km: 200 } }), undefined],
  ['Potsdam at once: nobody has travelled', later(0, { place: potsdam }), undefined],
  ['Tokyo after nine hours', later(9 * hour, { place: tokyo }), 'travel'],
  ['Tokyo after ten hours', later(10 * hour, { place: tokyo }), undefined],
  ['a country without a point', later(2 * hour, { place: at('JP') }), undefined],
  ['a node whose clock is behind', later(-30), undefined],
  ['a node whose clock is behind, and Tokyo', later(-30, { place: tokyo }), 'country'],
]

describe('suspicionOf', () => {
  it.each(table)('%s', (_, now, signal) => {
    expect(suspicionOf(before, now, sessionSignals)).toBe(signal)
  })

  it.each(table)('%s, with every signal but that one switched off, and the other way round', (_, now, signal) => {
    if (signal === undefined) return
    expect(suspicionOf(before, now, [signal])).toBe(signal)
    // A program is on no system that is known either, and whoever is in another country at once has travelled.
    const companions: Partial<Record<Signal, Signal>> = { browser: 'system', country: 'travel' }
    const others = sessionSignals.filter((one) => one !== signal && one !== companions[signal])
    expect(suspicionOf(before, now, others)).toBeUndefined()
    expect(suspicionOf(before, now, [])).toBeUndefined()
  })

  it.each([
    ['2a02:8100:1::1', '2a02:8100:1:ffff::9', undefined],
    ['2a02:8100:1::1', '2a02:8100:2::1', 'network'],
  ])('IPv6 %s → %s', (ip, next, signal) => {
    expect(suspicionOf({ ...before, ip }, later(1, { ip: next }), ['network'])).toBe(signal)
  })

  it('the other side of the world is 20 015 km away', () => {
    const [pole, antipole] = [at('AQ', 90, 0), at('AQ', -90, 0)]
    const hours = 20_015 / 900
    const travels = (seconds: number) =>
      suspicionOf({ ...before, place: pole }, later(seconds, { place: antipole }), ['travel'])
    expect(travels((hours - 0.01) * hour)).toBe('travel')
    expect(travels((hours + 0.01) * hour)).toBeUndefined()
  })

  it('what was unknown before speaks against nobody', () => {
    const unknown: Sighting = { device_key: null, user_agent: null, ip: null, place: null, at: new Date(start) }
    expect(suspicionOf(unknown, later(1), ['device', 'country', 'network', 'travel'])).toBeUndefined()
  })
})
