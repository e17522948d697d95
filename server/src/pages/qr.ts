/** Owns QR codes as pages draw them: one path of an inline SVG, which no policy has to allow from anywhere. Pure. */
import encodeQR from 'qr'

/** `size` is the length of a side in modules, the quiet border included; `path` draws the dark ones as lines one module thick. */
export type QrView = { size: number; path: string }

/** ISO/IEC 18004: a border of four modules, so that a camera finds it on a dark page too. */
const border = 4

/** Encodes a text. Little error correction: a screen has no dirt, and larger modules are easier to read. */
export const qrView = (text: string): QrView => {
  const rows = encodeQR(text, 'raw', { ecc: 'low', border })
  return { size: rows.length, path: rows.map(pathOfRow).join('') }
}

/** One line for each run of dark modules, each row from its middle, each move from where the last one ended. */
const pathOfRow = (row: readonly boolean[], y: number): string => {
  const runs = [
    ...row
      .map((on) => (on ? '1' : '0'))
      .join('')
      .matchAll(/1+/g),
  ]
  const ends = runs.map(({ 0: run, index }) => index + run.length)
  return runs
    .map(
      ({ 0: run, index }, at) => `${at === 0 ? `M${index} ${y}.5` : `m${index - (ends[at - 1] ?? 0)} 0`}h${run.length}`,
    )
    .join('')
}
