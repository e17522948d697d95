import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StartError } from '../config/start-error.ts'
import { createPages } from './render.ts'
import { sampleFrame } from './samples.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kw-templates-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
const create = () => createPages({ name: 'Acme', color: '#3b5bdb', issuer_path: '', templates_dir: folder })
const home = { issuer: 'https://id.example', name: 'Acme', version: '1', setup_needed: false, links: [] }

describe('templates of the operator', () => {
  test('replace the built-in ones one by one, inside the built-in layout', () => {
    write('home.eta', `<% layout('_layout', { title: 'Hi' }) %><h1>Ours: <%= it.data.issuer %></h1>`)
    const pages = create()
    expect(pages.html('home', { ...home, issuer: '<b>' }, sampleFrame)).toContain('<h1>Ours: &lt;b&gt;</h1>')
    expect(pages.html('login', { action: '/login', csrf: 'c' }, sampleFrame)).toContain('name="password"')
    expect(pages.problems()).toEqual([])
  })

  test('may bring parts of their own', () => {
    write('_greeting.eta', 'Good day')
    write('home.eta', `<p><%~ include('_greeting') %></p>`)
    const pages = create()
    expect(pages.html('home', home, sampleFrame)).toContain('<p>Good day</p>')
    expect(pages.problems()).toEqual([])
  })

  test('a file that replaces nothing is told', () => {
    write('logon.eta', 'x')
    write('notes.txt', 'x')
    expect(create().problems()).toEqual([expect.stringMatching(/logon\.eta replaces nothing/)])
  })

  test.each([
    ['syntax', 'home.eta', '<% if (it.data { %>', /home\.eta does not compile/],
    ['open tag', 'home.eta', '<%= it.data', /home\.eta does not compile: unclosed tag/],
    ['run time', 'home.eta', '<%= it.data.owner.name %>', /home\.eta cannot show its page/],
    ['unknown part', 'logout.eta', `<%~ include('_nothing') %>`, /logout\.eta cannot show its page/],
    ['a part', '_person.eta', '<%= it.persona.name %>', /_person\.eta cannot show its page/],
    ['a letter', 'letter.eta', '<%= it.data.owner.name %>', /letter\.eta cannot show its page/],
    ['no link', 'letter.eta', '<p><%= it.data.code %></p>', /letter\.eta leaves out the code or the link/],
    ['no csrf', 'login.eta', '<form method="post"><input name="login"></form>', /login\.eta has no hidden field csrf/],
  ])('%s: the start is refused and the file named', (_, name, text, sentence) => {
    write(name, text)
    expect(create).toThrow(StartError)
    expect(create).toThrow(sentence)
  })

  test('an unreadable folder or file is named', () => {
    mkdirSync(join(folder, 'login.eta'))
    expect(create).toThrow(/login\.eta does not compile: EISDIR/)
    const nowhere = join(folder, 'nowhere')
    const open = () => createPages({ name: 'Acme', color: '#3b5bdb', issuer_path: '', templates_dir: nowhere })
    expect(open).toThrow(StartError)
    expect(open).toThrow(/nowhere cannot be read/)
  })
})
