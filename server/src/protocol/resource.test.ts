/** Resource indicators and audiences (RFC 8707; security rule AZ-9). */
import { describe, expect, it } from 'vitest'
import { decideAudience, decideResources } from './resource.ts'

const allowed = ['https://api.example/', 'https://api.example/v2?x=1', 'urn:example:api']

describe('decideResources', () => {
  it.each<[string[], string[]]>([
    [[], []],
    [['https://api.example/'], ['https://api.example/']],
    [
      ['urn:example:api', 'https://api.example/', 'urn:example:api'],
      ['urn:example:api', 'https://api.example/'],
    ],
    [['https://api.example/v2?x=1'], ['https://api.example/v2?x=1']],
  ])('%j', (asked, expected) => {
    expect(decideResources(asked, allowed)).toEqual(expected)
  })

  it.each([
    'https://api.example',
    'https://API.example/',
    'https://api.example/#x',
    'https://api.example/#',
    'https://api.example/v2',
    'https://api.example/../',
    'https://api.example.evil.example/',
    '/relative',
    'api',
    '',
    '//api.example/',
  ])('%j is invalid_target (RFC 8707 §2)', (resource) => {
    expect(decideResources([resource], allowed)).toMatchObject({ denied: true, error: 'invalid_target' })
    expect(decideResources(['https://api.example/', resource], allowed)).toMatchObject({ error: 'invalid_target' })
  })

  it('a URI with a fragment or a relative one is refused even where it is registered', () => {
    for (const bad of ['https://a.example/#x', 'api'])
      expect(decideResources([bad], [bad])).toMatchObject({ error: 'invalid_target' })
  })
})

describe('decideAudience', () => {
  const issuer = 'https://id.example'

  it('the resources, else the default of the client, else UserInfo alone', () => {
    const default_audience = ['https://default.example/']
    expect(decideAudience({ resources: ['a:b'], default_audience, issuer })).toEqual(['a:b'])
    expect(decideAudience({ resources: [], default_audience, issuer })).toEqual(default_audience)
    expect(decideAudience({ resources: [], default_audience: [], issuer })).toEqual([
      'https://id.example/oauth/userinfo',
    ])
  })
})
