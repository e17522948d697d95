/**
 * Owns what makes the pages the deployment's own: the colours as a style sheet, the logo, the small icon of the tab.
 * Never reads settings or the environment. Start reading at `loadBranding`.
 */
import { readFileSync } from 'node:fs'
import { StartError } from '../config/start-error.ts'
import { assetOf, type NamedAsset } from './assets.ts'
import { palette, paletteCss } from './palette.ts'

/** The deployment's look: assets to serve, and their names. `logo` is absent when the built-in mark is used. */
export type Branding = { assets: NamedAsset[]; css: string; icon: string; logo?: string }

const maxLogoBytes = 256 * 1024

/**
 * Builds the look from the settings. `color` is #rrggbb; `logo_file` a PNG, SVG or WebP file of at most 256 KiB.
 * Throws StartError, naming the file, when the logo cannot be read or is of another kind.
 */
export const loadBranding = (options: { color: string; logo_file?: string }): Branding => {
  const css = assetOf('brand.css', Buffer.from(paletteCss(options.color)))
  const icon = assetOf('icon.svg', Buffer.from(iconSvg(options.color)))
  if (options.logo_file === undefined) return { assets: [css, icon], css: css.name, icon: icon.name }
  const logo = readLogo(options.logo_file)
  return { assets: [css, logo], css: css.name, icon: logo.name, logo: logo.name }
}

const readLogo = (file: string): NamedAsset => {
  const bytes = readBytes(file)
  if (bytes.length > maxLogoBytes) throw new StartError(`The logo ${file} is larger than 256 KiB. Use a smaller one.`)
  const kind = kindOf(bytes)
  if (kind === undefined) throw new StartError(`The logo ${file} is not a PNG, SVG or WebP file.`)
  return assetOf(`logo.${kind}`, bytes)
}

const readBytes = (file: string): Buffer => {
  try {
    return readFileSync(file)
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
    throw new StartError(`The logo ${file} cannot be read (${reason}).`, { cause })
  }
}

/** The kind by content: the name of a file proves nothing, and the answer is served as that content type. */
const kindOf = (bytes: Buffer): 'png' | 'svg' | 'webp' | undefined => {
  if (bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))) return 'png'
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') return 'webp'
  return /^\uFEFF?\s*(?:<\?xml[^>]*>\s*|<!--[\s\S]*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]/i.test(bytes.toString('utf8'))
    ? 'svg'
    : undefined
}

/** The built-in mark on a tile of the accent colour. */
const iconSvg = (color: string): string => {
  const { accent, on_accent } = palette(color).light
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="9" fill="${accent}"/><g fill="${on_accent}" transform="translate(5.6 6.1) scale(.72)"><path opacity=".72" d="${markArch}"/><path d="${markKeystone}"/></g></svg>`
}

/** The two halves of an arch whose doorway is a keyhole, in a 40 × 40 box. */
export const markArch =
  'M14.64 5.96A15.5 15.5 0 0 0 4.5 20.5v14.3A1.2 1.2 0 0 0 5.7 36h8.7l2.6-9.07a6.2 6.2 0 0 1-.65-10.43zM25.36 5.96A15.5 15.5 0 0 1 35.5 20.5v14.3a1.2 1.2 0 0 1-1.2 1.2h-8.7L23 26.93a6.2 6.2 0 0 0 .65-10.43z'
/** The stone that holds it. */
export const markKeystone =
  'M16.46 2.6h7.08a.9.9 0 0 1 .89 1.04l-1.8 11.26a.6.6 0 0 1-.6.5h-4.06a.6.6 0 0 1-.6-.5l-1.8-11.26a.9.9 0 0 1 .89-1.04z'
