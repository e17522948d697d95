/**
 * Owns the colour arithmetic of the pages: sRGB, OKLCH (even steps of lightness to the eye) and WCAG contrast.
 * Never decides which colour is used where (branding.ts). Start reading at `shadeFor`.
 */

/** Lightness 0…1, chroma 0…0.4, hue in degrees. */
export type Oklch = { l: number; c: number; h: number }
/** Which contrast to reach against which backgrounds (#rrggbb), and which way the lightness may move. */
export type Aim = { against: readonly string[]; ratio: number; direction: 'darker' | 'lighter' }
type Triple = readonly [number, number, number]

const lightnessStep = 0.005
const chromaStep = 0.004

/**
 * The shade of `color`, moved in lightness only towards `direction`, that first reaches `ratio` against every background.
 * Returns #rrggbb. Black or white comes back when no shade reaches the ratio.
 */
export const shadeFor = (color: Oklch, aim: Aim): string => {
  const sign = aim.direction === 'darker' ? -1 : 1
  const reaches = (hex: string) => aim.against.every((background) => contrast(hex, background) >= aim.ratio)
  for (let l = color.l; l >= 0 && l <= 1; l += sign * lightnessStep) {
    const hex = toHex({ ...color, l })
    if (reaches(hex)) return hex
  }
  return sign < 0 ? '#000000' : '#ffffff'
}

/** WCAG 2.2 contrast ratio of two #rrggbb colours, 1…21. */
export const contrast = (a: string, b: string): number => {
  const [high, low] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05)
}

/** Reads #rrggbb into OKLCH. */
export const toOklch = (hex: string): Oklch => {
  const [r, g, b] = linear(hex)
  const long = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const medium = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const short = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  const l = 0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short
  const x = 1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short
  const y = 0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short
  return { l, c: Math.hypot(x, y), h: ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360 }
}

/** Writes OKLCH as #rrggbb. A colour that a screen cannot show loses chroma, never lightness. */
export const toHex = (color: Oklch): string => {
  let fitting = { ...color, l: Math.min(1, Math.max(0, color.l)) }
  while (fitting.c > 0 && !showable(toLinear(fitting))) fitting = { ...fitting, c: Math.max(0, fitting.c - chromaStep) }
  const channels = toLinear(fitting).map((value) => Math.round(encode(Math.min(1, Math.max(0, value))) * 255))
  return `#${channels.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

const toLinear = ({ l, c, h }: Oklch): Triple => {
  const x = c * Math.cos((h * Math.PI) / 180)
  const y = c * Math.sin((h * Math.PI) / 180)
  const long = (l + 0.3963377774 * x + 0.2158037573 * y) ** 3
  const medium = (l - 0.1055613458 * x - 0.0638541728 * y) ** 3
  const short = (l - 0.0894841775 * x - 1.291485548 * y) ** 3
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ]
}

const showable = (channels: Triple) => channels.every((value) => value >= -0.0005 && value <= 1.0005)

const luminance = (hex: string): number => {
  const [r, g, b] = linear(hex)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

const linear = (hex: string): Triple => {
  const channel = (start: number) => decode(Number.parseInt(hex.slice(start, start + 2), 16) / 255)
  return [channel(1), channel(3), channel(5)]
}

const decode = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)

const encode = (value: number) => (value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055)
