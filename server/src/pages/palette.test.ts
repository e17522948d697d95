import { describe, expect, test } from 'vitest'
import { contrast } from './color.ts'
import { palette, paletteCss, type Theme } from './palette.ts'

const steps = ['00', '33', '66', '99', 'cc', 'ff']
const accents = steps.flatMap((r) => steps.flatMap((g) => steps.map((b) => `#${r}${g}${b}`)))

// WCAG 2.2 §1.4.3: text 4.5:1.
const texts: readonly [keyof Theme, keyof Theme][] = [
  ...(['ink', 'muted', 'accent_text'] as const).flatMap((text) =>
    (['page', 'card', 'soft', 'accent_soft'] as const).map((ground): [keyof Theme, keyof Theme] => [text, ground]),
  ),
  ['on_accent', 'accent'],
  ['on_accent', 'accent_hover'],
  ['danger', 'card'],
  ['danger', 'danger_soft'],
  ['ink', 'danger_soft'],
  ['caution', 'caution_soft'],
  ['ink', 'caution_soft'],
]
// WCAG 2.2 §1.4.11: what shows a control or the focus 3:1.
const boundaries: readonly [keyof Theme, keyof Theme][] = [
  ['edge', 'card'],
  ['edge', 'page'],
  ['accent_edge', 'card'],
  ['accent_text', 'page'],
  ['danger', 'card'],
]

describe('palette', () => {
  test.each(['light', 'dark'] as const)('216 accents: everything can be read in the %s theme', (name) => {
    const failures = accents.flatMap((accent) => {
      const theme = palette(accent)[name]
      const tooLow = (pairs: typeof texts, ratio: number) =>
        pairs.filter(([a, b]) => contrast(theme[a], theme[b]) < ratio).map(([a, b]) => `${accent}: ${a} on ${b}`)
      return [...tooLow(texts, 4.5), ...tooLow(boundaries, 3)]
    })
    expect(failures).toEqual([])
  })

  test('an accent that carries white text is used as it is', () => {
    expect(palette('#3b5bdb').light).toMatchObject({ accent: '#3b5bdb', on_accent: '#ffffff' })
  })

  test('a bright accent keeps its colour and gets dark text', () => {
    const { accent, on_accent } = palette('#ffd43b').light
    expect(accent).toBe('#ffd43b')
    expect(contrast(on_accent, '#000000')).toBeLessThan(1.5)
  })

  test('the style sheet follows the system, and the visitor’s switch wins', () => {
    const css = paletteCss('#3b5bdb')
    expect(css).toContain(':root{color-scheme:light;--page:#')
    expect(css).toContain('@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;')
    expect(css).toContain(':root[data-theme=dark]{color-scheme:dark;')
    expect(css).toContain('--on-accent:#ffffff')
  })
})
