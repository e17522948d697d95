import { describe, expect, test } from 'vitest'
import type { LetterView } from './letters.ts'
import { letterSamples } from './letter-samples.ts'
import { createPages } from './render.ts'

const make = (name = 'Keywright') => createPages({ name, color: '#3b5bdb', issuer_path: '' })
const pages = make()
const subject = { key: 'login.title' } as const
const payload = `x"'><script>alert(1)</script><img src=x onerror=alert(2)>`

describe('every letter', () => {
  test.each(letterSamples.map((view, index) => [index, view] as const))(
    '%i: complete, small, and loads nothing',
    (_index, view) => {
      for (const locale of pages.languages) {
        const { subject: line, html, text } = pages.letter(view, locale)
        expect([line, html, text].join()).not.toMatch(/undefined|\[object|NaN|<%|\{\{/)
        expect(html).toContain(`<html lang="${locale}" dir="${locale === 'ar' ? 'rtl' : 'ltr'}">`)
        expect(html).not.toMatch(/<(img|script|link|iframe|object|form|svg|base)\b|@import|url\(|\ssrc=|\son[a-z]+=/i)
        expect(Buffer.byteLength(html)).toBeLessThanOrEqual(15 * 1024)
        const wanted = [view.code, view.link?.href].filter((part) => part !== undefined)
        expect(wanted.filter((part) => !html.includes(part) || !text.includes(part))).toEqual([])
        // As a button and as an address to copy, which no line break cuts.
        expect(html.split(`href="${view.link?.href ?? ''}"`).length).toBe(view.link ? 3 : 1)
        const rows = text.split('\n')
        expect(rows.filter((row) => row.length > 76 && row !== view.link?.href)).toEqual([])
        expect(text).toMatch(/\n-- \nKeywright\n/)
      }
      expect(pages.problems()).toEqual([])
    },
  )

  test('names of strangers change no tag, and no line of the header (EM-1)', () => {
    const name = `${payload}\r\nBcc: eve@evil.example`
    const view: LetterView = {
      subject: { key: 'login.to_client', params: { client: name } },
      paragraphs: [{ key: 'login.to_client', params: { client: name } }],
      code: payload,
      link: { href: ['javascript', 'alert(1)'].join(':'), label: subject },
      facts: [{ label: subject, value: name }],
      footnotes: [{ key: 'login.to_client', params: { client: name } }],
    }
    const { subject: line, html } = make(payload).letter(view, 'en')
    expect(line).not.toMatch(/[\r\n]/)
    expect(html).not.toMatch(/<script|<img|javascript:/)
    expect(html).toContain('&lt;script&gt;alert(1)')
  })

  test('both themes, from the colour of the deployment', () => {
    const { html } = createPages({ name: 'K', color: '#a61e4d', issuer_path: '' }).letter(letterSamples[0], 'en')
    expect(html).toContain('@media (prefers-color-scheme:dark)')
    expect(html).toContain('#a61e4d')
  })
})

describe('a text message', () => {
  const reader = { locale: 'en', host: 'id.example.com' }
  const paragraphs = [{ key: 'login.to_client', params: { client: 'Acme' } } as const]

  test('says name, sentences and code, and ends with the line that browsers read', () => {
    expect(pages.textMessage({ subject, paragraphs, code: '123456' }, reader)).toBe(
      'Keywright: to continue to Acme 123456\n\n@id.example.com #123456',
    )
  })

  test('a code or link that a sentence has already is not said twice', () => {
    const view = {
      subject,
      paragraphs: [{ key: 'login.to_client', params: { client: '123456' } } as const],
      code: '123456',
    }
    expect(pages.textMessage(view, reader)).toBe('Keywright: to continue to 123456\n\n@id.example.com #123456')
    const link = { href: 'https://id.example.com/x', label: subject }
    expect(pages.textMessage({ subject, paragraphs, link }, reader)).toBe(
      'Keywright: to continue to Acme https://id.example.com/x',
    )
  })

  test('a name cannot add a line with a code of its own', () => {
    const evil = {
      subject,
      paragraphs: [{ key: 'login.to_client', params: { client: 'x\n\n@evil.example #1' } } as const],
    }
    expect(pages.textMessage(evil, reader)).not.toContain('\n')
  })
})
