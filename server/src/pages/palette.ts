/**
 * Owns the colours of the hosted pages: two themes computed from the deployment's one accent colour, so that the neutral
 * tones agree with it and every text can be read. Never touches a file. Start reading at `palette`.
 */
import { type Aim, contrast, type Oklch, shadeFor, toHex, toOklch } from './color.ts'

/** One theme: every value is #rrggbb and becomes the custom property `--<name>` with `_` written as `-`. */
export type Theme = {
  page: string
  card: string
  soft: string
  line: string
  edge: string
  ink: string
  muted: string
  accent: string
  accent_hover: string
  accent_edge: string
  on_accent: string
  accent_text: string
  accent_soft: string
  danger: string
  danger_soft: string
  danger_line: string
  caution: string
  caution_soft: string
  caution_line: string
}

// WCAG 2.2 §1.4.3 (text) and §1.4.11 (boundaries of controls); the margin absorbs rounding to eight bits.
const readable = 4.6
const visible = 3.1
// How far the accent may be darkened to carry white text before dark text is the smaller change.
const shiftForWhite = 0.09
const hoverShift = 0.045
const colourless = 0.04
const dangerHue = 25
const cautionHue = 72

/** Both themes for an accent colour (#rrggbb). Every text reaches 4.5:1, every boundary of a control 3:1. */
export const palette = (color: string): { light: Theme; dark: Theme } => {
  const accent = toOklch(color)
  return { light: lightTheme(accent), dark: darkTheme(accent) }
}

/** The two themes as one style sheet of custom properties: by the system's wish, or by the visitor's (`data-theme`). */
export const paletteCss = (color: string): string => {
  const { light, dark } = palette(color)
  return [
    `:root{color-scheme:light;${declarations(light)}}`,
    `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${declarations(dark)}}}`,
    `:root[data-theme=dark]{color-scheme:dark;${declarations(dark)}}`,
    '',
  ].join('\n')
}

const lightTheme = (accent: Oklch): Theme => {
  const tone = toneOf(accent)
  const page = tone(0.972, 0.007)
  const card = '#ffffff'
  const soft = tone(0.962, 0.009)
  const accent_soft = tone(0.95, 0.035)
  const text = { against: [page, card, soft, accent_soft], ratio: readable, direction: 'darker' } as const
  const boundary = { against: [card, page], ratio: visible, direction: 'darker' } as const
  const danger_soft = toHex({ l: 0.97, c: 0.015, h: dangerHue })
  const caution_soft = toHex({ l: 0.975, c: 0.022, h: cautionHue })
  return {
    page,
    card,
    soft,
    line: tone(0.905, 0.012),
    edge: shadeFor({ ...accent, l: 0.7, c: neutral(accent, 0.02) }, boundary),
    ink: tone(0.245, 0.022),
    muted: shadeFor({ ...accent, l: 0.5, c: neutral(accent, 0.025) }, text),
    ...fill(whiteOrDark(accent), boundary),
    accent_text: shadeFor(accent, text),
    accent_soft,
    danger: shadeFor({ l: 0.5, c: 0.16, h: dangerHue }, { ...text, against: [danger_soft, card] }),
    danger_soft,
    danger_line: toHex({ l: 0.87, c: 0.06, h: dangerHue }),
    caution: shadeFor({ l: 0.47, c: 0.16, h: cautionHue }, { ...text, against: [caution_soft, card] }),
    caution_soft,
    caution_line: toHex({ l: 0.87, c: 0.07, h: cautionHue }),
  }
}

const darkTheme = (accent: Oklch): Theme => {
  const tone = toneOf(accent)
  const page = tone(0.175, 0.012)
  const card = tone(0.215, 0.014)
  const soft = tone(0.25, 0.016)
  const accent_soft = tone(0.29, 0.045)
  const text = { against: [page, card, soft, accent_soft], ratio: readable, direction: 'lighter' } as const
  const boundary = { against: [card, page], ratio: visible, direction: 'lighter' } as const
  const danger_soft = toHex({ l: 0.255, c: 0.03, h: dangerHue })
  const caution_soft = toHex({ l: 0.26, c: 0.025, h: cautionHue })
  return {
    page,
    card,
    soft,
    line: tone(0.31, 0.018),
    edge: shadeFor({ ...accent, l: 0.45, c: neutral(accent, 0.02) }, boundary),
    ink: tone(0.945, 0.008),
    muted: shadeFor({ ...accent, l: 0.72, c: neutral(accent, 0.018) }, text),
    ...fill(whiteOrDark(toOklch(shadeFor(lightEnough(accent), boundary)), card), boundary),
    accent_text: shadeFor({ ...accent, l: Math.max(accent.l, 0.72) }, text),
    accent_soft,
    danger: shadeFor({ l: 0.76, c: 0.16, h: dangerHue }, { ...text, against: [danger_soft, card] }),
    danger_soft,
    danger_line: toHex({ l: 0.4, c: 0.08, h: dangerHue }),
    caution: shadeFor({ l: 0.82, c: 0.16, h: cautionHue }, { ...text, against: [caution_soft, card] }),
    caution_soft,
    caution_line: toHex({ l: 0.42, c: 0.05, h: cautionHue }),
  }
}

/** A dark grey made just visible on a dark card looks switched off: a colourless accent becomes a light one there. */
const lightEnough = (accent: Oklch): Oklch =>
  accent.c < colourless ? { ...accent, l: Math.max(accent.l, 0.88) } : accent

type Fill = { ground: Oklch; on_accent: string }

/**
 * The ground of a filled control with the text on it: white where the accent needs little darkening for it (and stays visible
 * on the card), else dark text on the accent, lightened as far as that needs.
 */
const whiteOrDark = (accent: Oklch, card?: string): Fill => {
  const white = '#ffffff'
  const forWhite = shadeFor(accent, { against: [white], ratio: readable, direction: 'darker' })
  const stays = card === undefined || contrast(forWhite, card) >= visible
  if (stays && accent.l - toOklch(forWhite).l <= shiftForWhite) return { ground: toOklch(forWhite), on_accent: white }
  const dark = toHex({ l: 0.2, c: neutral(accent, 0.03), h: accent.h })
  const forDark = shadeFor(accent, { against: [dark], ratio: readable, direction: 'lighter' })
  return { ground: toOklch(forDark), on_accent: dark }
}

/** A filled control: ground, hover shade (away from its text), text, and an outline that shows it on the card. */
const fill = ({ ground, on_accent }: Fill, boundary: Aim) => {
  const away = on_accent === '#ffffff' ? -hoverShift : hoverShift
  return {
    accent: toHex(ground),
    accent_hover: toHex({ ...ground, l: Math.min(0.98, Math.max(0.02, ground.l + away)) }),
    accent_edge: shadeFor(ground, boundary),
    on_accent,
  }
}

const toneOf = (accent: Oklch) => (l: number, c: number) => toHex({ l, c: neutral(accent, c), h: accent.h })

/** Chroma for a tinted tone: a grey accent gets grey neutrals, a strong one its own faint tint. */
const neutral = (accent: Oklch, chroma: number) => chroma * Math.min(1, accent.c / 0.08)

const declarations = (theme: Theme) =>
  Object.entries(theme)
    .map(([name, value]) => `--${name.replaceAll('_', '-')}:${value}`)
    .join(';')
