/** A User-Agent in words, for people. */
import { describe, expect, it } from 'vitest'
import { createWordings } from '../pages/messages.ts'
import { browserLabel, plainUserAgent, readUserAgent } from './user-agent.ts'

const inEnglish = createWordings(() => {}).wordingFor('en')
const labelOf = (user_agent: string | null): string => inEnglish.say(browserLabel(user_agent))

describe('browserLabel', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Chrome on Windows',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
      'Safari on macOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1',
      'Chrome on iOS',
    ],
    [
      'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
      'Chrome on Android',
    ],
    [
      'Mozilla/5.0 (X11; CrOS x86_64 16000.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Chrome on ChromeOS',
    ],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 OPR/120.0', 'Opera on Windows'],
    ['curl/8.5.0', 'curl'],
    ['Something (Linux)', 'A browser on Linux'],
    ['', 'Unknown browser'],
    [null, 'Unknown browser'],
    ['<script>Firefox/1</script>', 'Firefox'],
  ])('%s', (user_agent, label) => {
    expect(labelOf(user_agent)).toBe(label)
  })

  it('never repeats what was sent', () => {
    expect(labelOf('Firefox/"><script>')).toBe('Firefox')
    expect(labelOf('x'.repeat(100_000))).toBe('Unknown browser')
  })
})

describe('readUserAgent', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox', 'Linux', 'desktop'],
    [
      'Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
      'Safari',
      'iOS',
      'tablet',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36',
      'Samsung Internet',
      'Android',
      'mobile',
    ],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', undefined, 'bot'],
    ['curl/8.5.0', 'curl', undefined, undefined],
    ['EvilBrowser/1.0 (made up)', undefined, undefined, undefined],
    [' ', undefined, undefined, undefined],
    [null, undefined, undefined, undefined],
  ])('%s', (user_agent, browser, system, kind) => {
    expect(readUserAgent(user_agent)).toEqual({ browser, system, kind })
  })

  it('a version is no difference', () => {
    const chrome = (version: number) =>
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`
    expect(readUserAgent(chrome(140))).toEqual(readUserAgent(chrome(141)))
  })

  it('reads whatever is sent within a blink', () => {
    const begun = performance.now()
    for (const text of ['a', ' ', '/', '(', 'Mozilla/', 'Version/ ', 'Chrome/1 ', 'x/y (', '\u0000'])
      readUserAgent(text.repeat(20_000))
    expect(performance.now() - begun).toBeLessThan(500)
  })
})

describe('plainUserAgent', () => {
  it('holds no control character and is bounded', () => {
    expect(plainUserAgent('a\r\nb\u0085c')).toBe('a  b c')
    expect(plainUserAgent('x'.repeat(5000))).toHaveLength(500)
    expect(plainUserAgent(undefined)).toBeNull()
  })
})
