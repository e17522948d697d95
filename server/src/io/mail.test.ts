import { connect, createServer } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { freePort } from '../../test/support/port.ts'
import { type Smtp, type SmtpOptions, startSmtp } from '../../test/support/smtp.ts'
import { createInbox } from './inbox.ts'
import { createMailer, type Mail, type Mailer, smtpOptions } from './mail.ts'
import { Refused } from './refused.ts'

const mail: Mail = { to: 'ada@example.com', subject: 'Grüße', text: 'Guten Tag', html: '<p>Guten Tag</p>' }
const settings = {
  mail_from: 'Example Login <login@example.com>',
  name: 'Example',
  smtp_tls: true,
  issuer: 'https://id.example.com',
}
const opened: Mailer[] = []
afterAll(() => {
  for (const mailer of opened) mailer.close()
})

const mailerAt = (smtp_url: string, more: object = {}): Mailer => {
  const mailer = createMailer({ ...settings, smtp_url, ...more }, undefined)
  if (mailer === undefined) throw new Error('no mailer')
  opened.push(mailer)
  return mailer
}
const setUp = async (options: SmtpOptions = {}): Promise<{ smtp: Smtp; mailer: Mailer }> => {
  const smtp = await startSmtp(options)
  return { smtp, mailer: mailerAt(smtp.url) }
}

describe('a mail', () => {
  it('arrives with both bodies, sender and recipient, and says that a machine wrote it', async () => {
    const { smtp, mailer } = await setUp()
    await mailer.send({ ...mail, message_id: 'one@example.com', about: { kind: 'x', code: '123456' } })
    const [letter] = smtp.letters
    expect(letter).toMatchObject({ from: 'login@example.com', to: ['ada@example.com'], secure: true })
    expect(letter?.mail).toMatchObject({ subject: 'Grüße', messageId: '<one@example.com>', html: mail.html })
    expect(letter?.mail.text?.trim()).toBe(mail.text)
    expect(letter?.mail.from?.value).toEqual([{ name: 'Example Login', address: 'login@example.com' }])
    expect(letter?.mail.to).toMatchObject({ value: [{ name: '', address: 'ada@example.com' }] })
    // RFC 3834 §5
    expect(letter?.mail.headers.get('auto-submitted')).toBe('auto-generated')
    expect(letter?.raw).not.toContain('123456')
    expect(letter?.raw).not.toMatch(/nodemailer/i)
  })

  it('has the name of the deployment when the sender is a plain address', async () => {
    const smtp = await startSmtp()
    await mailerAt(smtp.url, { mail_from: 'login@example.com' }).send(mail)
    await mailerAt(smtp.url, { mail_from: '"Acme, Inc." <login@example.com>' }).send(mail)
    expect(smtp.letters.map(({ mail: { from } }) => from?.value[0]?.name)).toEqual(['Example', 'Acme, Inc.'])
  })

  it('to a domain in letters of its own language goes to its A-label', async () => {
    const { smtp, mailer } = await setUp()
    await mailer.send({ ...mail, to: 'ada@bücher.example' })
    expect(smtp.letters[0]?.raw).toContain('To: ada@xn--bcher-kva.example')
    expect(smtp.letters[0]?.to).toHaveLength(1)
  })
})

describe('EM-1: an address is never taken apart', () => {
  it.each([
    'ada@example.com\r\nRCPT TO:<eve@evil.example>',
    'ada@example.com\nBcc: eve@evil.example',
    'ada@example.com, eve@evil.example',
    'ada@example.com;eve@evil.example',
    'ada@example.com eve@evil.example',
    'Ada <ada@example.com>',
    '<ada@example.com>',
    '"ada eve"@example.com',
    '"eve@evil.example x"@example.com',
    'ada@example.com(eve@evil.example)',
    'group:ada@example.com,eve@evil.example;',
    'ada@example.com@evil.example',
    'ada@[127.0.0.1]',
    'ada@exa mple.com',
    'ada@example.com:25',
    'ada@example.com/x',
    'ada@exam%70le.com',
    'ada＠evil.example@example.com',
    'ada\u0000@example.com',
    '.ada@example.com',
    'ada',
    '',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example.com`,
  ])('%j is refused before anybody is called', async (to) => {
    const { smtp, mailer } = await shared
    await expect(mailer.send({ ...mail, to })).rejects.toThrow(Refused)
    expect(smtp.letters).toEqual([])
    expect(smtp.connections()).toBe(0)
  })

  it('a subject of two lines is refused', async () => {
    const { smtp, mailer } = await shared
    await expect(mailer.send({ ...mail, subject: 'Hi\r\nBcc: eve@evil.example' })).rejects.toThrow(Refused)
    expect(smtp.connections()).toBe(0)
  })

  it('signs that mean something elsewhere are part of the name', async () => {
    const { smtp, mailer } = await setUp()
    const to = "o'ada+x=1#!$%&*/?^_`{|}~-@example.com"
    await mailer.send({ ...mail, to })
    expect(smtp.letters[0]?.to).toEqual([to])
  })
})
const shared = setUp()

describe('the way to the server', () => {
  it.each([
    ['STARTTLS', 'starttls'],
    ['TLS from the first byte', 'implicit'],
  ] as const)('%s, signed in', async (_name, tls) => {
    const { smtp, mailer } = await setUp({ tls, user: 'login', pass: 'a/b@c:d%' })
    await mailer.check()
    await mailer.send(mail)
    expect(smtp.letters).toMatchObject([{ secure: true, user: 'login' }])
  })

  it('on this machine it may be without TLS', async () => {
    const { smtp, mailer } = await setUp({ tls: 'none' })
    await mailer.send(mail)
    expect(smtp.letters).toMatchObject([{ secure: false }])
  })

  it('few connections, used again', async () => {
    const { smtp, mailer } = await setUp()
    await Promise.all(Array.from({ length: 12 }, async () => await mailer.send(mail)))
    expect(smtp.letters).toHaveLength(12)
    expect(smtp.connections()).toBeLessThanOrEqual(3)
  })

  it('elsewhere TLS is needed and its certificate is judged, whatever the address says', () => {
    expect(smtpOptions('smtp://mail.example.com', { smtp_tls: true, issuer: 'https://id.example.com' })).toMatchObject({
      name: 'id.example.com',
      port: 587,
      secure: false,
      requireTLS: true,
      tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    })
    expect(smtpOptions('smtps://mail.example.com', { smtp_tls: true, issuer: 'https://id.example.com' })).toMatchObject(
      {
        port: 465,
        secure: true,
        tls: { rejectUnauthorized: true },
      },
    )
    expect(smtpOptions('smtp://mail.example.com', { smtp_tls: false, issuer: 'http://localhost:8080' })).toMatchObject({
      requireTLS: false,
      tls: { rejectUnauthorized: true },
    })
    expect(
      smtpOptions('smtp://localhost.example.com', { smtp_tls: true, issuer: 'https://id.example.com' }),
    ).toMatchObject({ requireTLS: true })
    expect(smtpOptions('smtp://[::1]:2525', { smtp_tls: true, issuer: 'https://id.example.com' })).toMatchObject({
      host: '::1',
      port: 2525,
      requireTLS: false,
    })
    expect(
      smtpOptions('smtp://a%40b:c%2Fd@h?ignoreTLS=true&tls.rejectUnauthorized=false&proxy=http://x', {
        smtp_tls: true,
        issuer: 'https://id.example.com',
      }),
    ).toEqual(smtpOptions('smtp://a%40b:c%2Fd@h', { smtp_tls: true, issuer: 'https://id.example.com' }))
  })

  // 127.0.0.2 is this machine, too, but not one of the three names that stand for it: for the mailer it is elsewhere.
  it.runIf(process.platform === 'linux')(
    'a server elsewhere that offers no TLS, or a certificate of its own making, gets no mail',
    async () => {
      const plain = await startSmtp({ tls: 'none', host: '127.0.0.2' })
      await expect(mailerAt(plain.url).send(mail)).rejects.toThrow('the mail server offers no TLS')
      const selfSigned = await startSmtp({ host: '127.0.0.2' })
      await expect(mailerAt(selfSigned.url).send(mail)).rejects.toThrow(
        /^its certificate (has expired|is self-signed)$/,
      )
      const implicit = await startSmtp({ tls: 'implicit', host: '127.0.0.2' })
      await expect(mailerAt(implicit.url).check()).rejects.toThrow(/^its certificate (has expired|is self-signed)$/)
      expect([...plain.letters, ...selfSigned.letters]).toEqual([])
    },
  )
})

describe('what goes wrong is said in words', () => {
  const fails = async (work: Promise<unknown>): Promise<{ isFinal: boolean; message: string }> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof Error)) throw new Error('it worked')
    return { isFinal: error instanceof Refused, message: error.message }
  }

  it.each([
    [
      'a mailbox that is not there',
      { onRecipient: () => 550 },
      true,
      'the mail server says: 550 not today ada@example.com',
    ],
    ['a full mailbox', { onRecipient: () => 452 }, false, 'the mail server says: 452 not today ada@example.com'],
    ['a letter it will not have', { onLetter: () => 554 }, true, 'the mail server says: 554 not today'],
    ['a letter it will not have now', { onLetter: () => 451 }, false, 'the mail server says: 451 not today'],
  ])('%s', async (_name, options, isFinal, message) => {
    const { smtp, mailer } = await setUp(options)
    expect(await fails(mailer.send(mail))).toEqual({ isFinal, message })
    expect(smtp.letters).toEqual([])
  })

  it('wrong credentials are for the operator to mend', async () => {
    const smtp = await startSmtp({ user: 'login', pass: 'right' })
    const mailer = mailerAt(smtp.url.replace('right', 'wrong'))
    for (const work of [async () => await mailer.send(mail), async () => await mailer.check()]) {
      const { isFinal, message } = await fails(work())
      expect([isFinal, message]).toEqual([false, expect.stringContaining('535')])
      expect(message).not.toContain('wrong')
    }
  })

  it('nobody there', async () => {
    const mailer = mailerAt(`smtp://127.0.0.1:${await freePort()}`)
    const expected = { isFinal: false, message: 'no program listens there' }
    expect(await fails(mailer.send(mail))).toEqual(expected)
    expect(await fails(mailer.check())).toEqual(expected)
    expect((await fails(mailerAt('smtp://nosuch.invalid').check())).message).toMatch(
      /no host of that name|cannot be looked up/,
    )
  })

  it('somebody who says nothing', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const mailer = mailerAt(`smtp://127.0.0.1:${port}`)
    expect(await fails(mailer.check())).toEqual({ isFinal: false, message: 'no answer in time' })
    silent.close()
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .destroy()
  })

  it('a server that comes back is used again', async () => {
    const { smtp, mailer } = await setUp()
    await mailer.send(mail)
    await smtp.close()
    expect((await fails(mailer.send(mail))).isFinal).toBe(false)
    const again = await startSmtp({ port: smtp.port })
    await mailer.send(mail)
    expect(again.letters).toHaveLength(1)
  })
})

describe('without a mail server', () => {
  it('development shows what it would have sent, the last two hundred', async () => {
    const inbox = createInbox(() => new Date(0))
    const mailer = createMailer({ ...settings, smtp_url: undefined }, inbox)
    for (let sent = 1; sent <= 201; sent += 1)
      await mailer?.send({ ...mail, subject: `No. ${sent}`, about: { kind: 'x', link: 'https://id.example/x' } })
    await mailer?.check()
    expect(inbox.list()).toHaveLength(200)
    expect(inbox.list()[0]).toMatchObject({
      channel: 'email',
      kind: 'x',
      subject: 'No. 201',
      link: 'https://id.example/x',
    })
    await expect(mailer?.send({ ...mail, to: 'a@b, c@d' })).rejects.toThrow(Refused)
  })

  it('production has no way out', () => {
    expect(createMailer({ ...settings, smtp_url: undefined }, undefined)).toBeUndefined()
  })
})
