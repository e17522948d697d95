/** Where addresses are, from a file that the operator brings. */
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cityOf, mmdb, type Value } from '../../test/support/mmdb.ts'
import { StartError } from '../config/start-error.ts'
import { createPlaces, type Places } from './place.ts'

const folder = mkdtempSync(join(tmpdir(), 'keywright-places-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

const write = (content: Buffer | string): string => {
  const file = join(folder, `${(files += 1)}.mmdb`)
  writeFileSync(file, content)
  return file
}

const opened = async (content: Buffer): Promise<Places> => {
  const places = createPlaces(write(content))
  await places.refresh()
  return places
}

const berlin = cityOf('Germany', 'DE', ['Berlin', 52.52, 13.405], 20)
const tokyo = cityOf('Japan', 'JP', ['Tokyo', 35.68, 139.69])
const networks: Record<string, Value> = {
  '81.2.69.0/24': berlin,
  '2a02:8100::/32': tokyo,
  '89.160.20.112/28': { country: { iso_code: 'SE', names: { en: 'Sweden' } } },
  '1.1.1.0/24': { country: { iso_code: 'AU' } },
  '9.9.9.0/24': { registered_country: { iso_code: 'US', names: { en: 'United States' } } },
  '10.0.0.0/8': berlin,
  '127.0.0.0/8': berlin,
  '8.8.8.0/24': { country: { iso_code: 'x"<', names: { en: 7 } } },
  '8.8.4.0/24': {
    country: { iso_code: 'FR', names: { en: 'France' } },
    city: { names: { de: 'Paris' } },
    location: { latitude: 95.5, longitude: 2.5 },
  },
}

describe('find', () => {
  it.each([
    [
      '81.2.69.160',
      { country: 'Germany', country_code: 'DE', city: 'Berlin', latitude: 52.52, longitude: 13.405, accuracy_km: 20 },
    ],
    [
      '::ffff:81.2.69.160',
      { country: 'Germany', country_code: 'DE', city: 'Berlin', latitude: 52.52, longitude: 13.405, accuracy_km: 20 },
    ],
    ['2a02:8100::1', { country: 'Japan', country_code: 'JP', city: 'Tokyo', latitude: 35.68, longitude: 139.69 }],
    ['89.160.20.113', { country: 'Sweden', country_code: 'SE' }],
    ['1.1.1.1', { country: 'AU', country_code: 'AU' }],
    // What is wrong in a file is left out.
    ['8.8.4.4', { country: 'France', country_code: 'FR' }],
    ['8.8.8.8', undefined],
    // Where a network is registered is not where somebody is.
    ['9.9.9.9', undefined],
    ['89.160.20.1', undefined],
    // Private addresses are nowhere, whatever the file says.
    ['10.1.2.3', undefined],
    ['127.0.0.1', undefined],
    ['::1', undefined],
    ['fd00::1', undefined],
    ['100.64.0.1', undefined],
    ['unknown', undefined],
    ['', undefined],
  ])('%s', async (ip, place) => {
    expect((await opened(mmdb(networks))).find(ip)).toEqual(place)
  })

  it('a Country database, and one of IPv4 alone', async () => {
    const sweden = { country: { iso_code: 'SE', names: { en: 'Sweden' } } }
    const places = await opened(
      mmdb({ '128.0.0.0/2': sweden, '32.0.0.0/4': sweden }, { type: 'GeoIP2-Country', version: 4 }),
    )
    expect(places.find('130.1.2.3')).toEqual({ country: 'Sweden', country_code: 'SE' })
    expect(places.find('1.1.1.1')).toBeUndefined()
    // The first bits of this address are those of 42.0.0.0: it is not looked up there.
    expect(places.find('2a02:8100::1')).toBeUndefined()
  })

  it('without a file every place is unknown', async () => {
    const places = createPlaces(undefined)
    await places.refresh()
    expect(places.find('81.2.69.160')).toBeUndefined()
  })
})

describe('refresh', () => {
  const whole = mmdb(networks)

  it.each([
    ['missing', undefined, 'ENOENT'],
    ['empty', '', 'no database'],
    ['text', 'this is no database at all', 'no database'],
    ['cut off', whole.subarray(0, whole.length - 200), 'no database'],
    ['without its beginning', whole.subarray(whole.length - 300), 'its beginning is missing'],
    [
      'of another kind',
      mmdb({ '1.1.1.0/24': { autonomous_system_number: 7 } }, { type: 'GeoLite2-ASN' }),
      'GeoLite2-ASN',
    ],
  ])('a file that is %s is named in a StartError', async (_, content, why) => {
    const file = content === undefined ? join(folder, 'missing.mmdb') : write(content)
    const refused = await createPlaces(file)
      .refresh()
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(StartError)
    expect((refused as Error).message).toContain(file)
    expect((refused as Error).message).toContain(why)
    expect((refused as Error).message).toContain('KEYWRIGHT_GEOIP_FILE')
  })

  it('damage in the middle makes places unknown and harms nobody', async () => {
    const damaged = Buffer.from(whole)
    damaged.fill(0xff, 200, damaged.length - 260)
    const places = await opened(damaged)
    for (const ip of ['81.2.69.160', '2a02:8100::1', '1.1.1.1', '223.255.255.1'])
      expect(places.find(ip)).toBeUndefined()
  })

  it('reads the file again when it has changed, and keeps what it had while the new one is no good', async () => {
    const file = write(whole)
    const places = createPlaces(file)
    await places.refresh()
    writeFileSync(file, 'half a download')
    await expect(places.refresh()).rejects.toThrow(file)
    expect(places.find('81.2.69.160')).toMatchObject({ city: 'Berlin' })
    rmSync(file)
    await expect(places.refresh()).rejects.toThrow('ENOENT')
    expect(places.find('81.2.69.160')).toMatchObject({ city: 'Berlin' })
    renameSync(write(mmdb({ '81.2.69.0/24': tokyo })), file)
    await places.refresh()
    expect(places.find('81.2.69.160')).toMatchObject({ city: 'Tokyo' })
    writeFileSync(file, mmdb({ '81.2.69.0/24': berlin }))
    utimesSync(file, 1, 1)
    await places.refresh()
    expect(places.find('81.2.69.160')).toMatchObject({ city: 'Berlin' })
  })
})
