import { describe, expect, test } from 'vitest'
import { escapeHtml, isLink, isReturnAddress, monogram } from './safe.ts'

// Put together here, because a linter refuses the literal.
const script = ['javascript', ''].join(':')

describe('addresses', () => {
  test.each(['https://a.example/x?y=1#z', 'http://localhost:3000/', 'HTTPS://A.example', '/', '/account', '/a?b=/c'])(
    '%s is a link',
    (address) => {
      expect(isLink(address)).toBe(true)
      expect(isReturnAddress(address)).toBe(true)
    },
  )

  test.each(['com.example.app:/cb', 'com.example.app://cb?x=1', 'org.example-x.App:cb'])(
    '%s is a return address only',
    (address) => {
      expect(isLink(address)).toBe(false)
      expect(isReturnAddress(address)).toBe(true)
    },
  )

  test.each([
    undefined,
    '',
    `${script}alert(1)`,
    script.toUpperCase(),
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    'data:text/html,<script>1</script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://a.example/1',
    '//evil.example',
    '/\\evil.example',
    '\\evil.example',
    'https:evil.example',
    'https://',
    'https:///evil.example',
    'https://a.example/\u202egro',
    '/\tevil',
    'myapp:/cb',
    'relative',
  ])('%j is neither', (address) => {
    expect(isLink(address)).toBe(false)
    expect(isReturnAddress(address)).toBe(false)
  })
})

test('escapeHtml covers text and quoted attributes', () => {
  expect(escapeHtml(`<a href="x" id='y'>&</a>`)).toBe('&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/a&gt;')
})

test.each([
  ['ada', 'A'],
  ['  «Élan»', 'É'],
  ['7-eleven', '7'],
  ['日本', '日'],
  ['<script>', 'S'],
  ['\u{1F600}', '·'],
  ['', '·'],
])('monogram of %j is %s', (name, sign) => {
  expect(monogram(name)).toBe(sign)
})
