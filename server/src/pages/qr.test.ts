import decodeQR from 'qr/decode.js'
import { expect, it } from 'vitest'
import { qrView } from './qr.ts'

/** Paints the path onto white, four dots for each module, as a camera would see it. */
const painted = ({ size, path }: ReturnType<typeof qrView>) => {
  const scale = 4
  const side = size * scale
  const data = new Uint8Array(side * side * 3).fill(255)
  for (const [, start, row, rest = ''] of path.matchAll(/M(\d+) (\d+)\.5([^M]*)/g)) {
    let at = Number(start)
    for (const [, skip, run] of rest.matchAll(/(?:m(\d+) 0)?h(\d+)/g)) {
      at += Number(skip ?? 0)
      for (let line = Number(row) * scale; line < (Number(row) + 1) * scale; line += 1)
        data.fill(0, (line * side + at * scale) * 3, (line * side + (at + Number(run)) * scale) * 3)
      at += Number(run)
    }
  }
  return { width: side, height: side, data }
}

it('draws what a reader reads back', () => {
  const text = 'otpauth://totp/Keywright:ada%40example.com?issuer=Keywright&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
  const view = qrView(text)
  expect(decodeQR(painted(view))).toBe(text)
  expect(view.path.length).toBeLessThan(6000)
  expect(view.path).not.toMatch(/[^Mmh.\d ]/)
})
