import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StartError } from '../config/start-error.ts'
import { loadBranding } from './branding.ts'

const color = '#3b5bdb'
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kw-branding-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const logo = (name: string, content: Buffer | string) => {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3])
const webp = Buffer.concat([Buffer.from('RIFF'), Buffer.from([9, 0, 0, 0]), Buffer.from('WEBPVP8 ')])
const svg = '\uFEFF<?xml version="1.0"?>\n<!-- our logo -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'

describe('loadBranding', () => {
  test('without a logo: brand style sheet and the built-in icon, named by their content', () => {
    const branding = loadBranding({ color })
    expect(branding.logo).toBeUndefined()
    expect(branding.assets.map((asset) => asset.name)).toEqual([branding.css, branding.icon])
    expect(branding.css).toMatch(/^brand\.[0-9a-f]{12}\.css$/)
    expect(loadBranding({ color: '#0ca678' }).css).not.toBe(branding.css)
    expect(loadBranding({ color }).css).toBe(branding.css)
  })

  test.each([
    ['a.png', png, 'image/png'],
    ['b.webp', webp, 'image/webp'],
    ['c.svg', svg, 'image/svg+xml'],
    ['misnamed.png', svg, 'image/svg+xml'],
  ])('%s is taken by its content', (name, content, content_type) => {
    const branding = loadBranding({ color, logo_file: logo(name, content) })
    const asset = branding.assets.find((one) => one.name === branding.logo)
    expect(asset).toMatchObject({ content_type, bytes: Buffer.from(content) })
    expect(branding.icon).toBe(branding.logo)
  })

  test.each([
    ['page.html', '<html><svg></svg></html>', 'is not a PNG, SVG or WebP file'],
    ['empty.png', '', 'is not a PNG, SVG or WebP file'],
    ['huge.png', Buffer.concat([png, Buffer.alloc(256 * 1024)]), 'is larger than 256 KiB'],
  ])('%s is refused, and the sentence names it', (name, content, reason) => {
    const logo_file = logo(name, content)
    expect(() => loadBranding({ color, logo_file })).toThrow(StartError)
    expect(() => loadBranding({ color, logo_file })).toThrow(new RegExp(`${name}.*${reason}`))
  })

  test('a missing logo and a folder are refused, and the sentence names them', () => {
    const missing = join(folder, 'nowhere.png')
    expect(() => loadBranding({ color, logo_file: missing })).toThrow(StartError)
    expect(() => loadBranding({ color, logo_file: missing })).toThrow(/nowhere\.png cannot be read \(ENOENT\)/)
    expect(() => loadBranding({ color, logo_file: folder })).toThrow(/cannot be read \(EISDIR\)/)
  })
})
