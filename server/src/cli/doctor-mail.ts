/** Owns the checks of `keywright doctor` for mail and text messages. Sends nothing: a text message would cost money. */
import type { Config } from '../config/schema.ts'
import { mailWay, smsWay } from '../config/ways.ts'
import { createMailer } from '../io/mail.ts'
import type { Check } from './check.ts'

/** Both of them. The mail server is called and signed in to. */
export const checkMail = async (config: Config): Promise<Check[]> => [
  await checkMailServer(config),
  checkGateway(config),
]

const checkMailServer = async (config: Config): Promise<Check> => {
  const check = 'mail'
  const way = mailWay(config)
  const mailer = createMailer(config, undefined)
  if (mailer === undefined) {
    if (config.profile === 'development') return { check, status: 'ok', detail: way }
    return {
      check,
      status: 'warning',
      detail: way,
      mend: 'Set KEYWRIGHT_SMTP_URL and KEYWRIGHT_MAIL_FROM; docs/mail.md says how.',
    }
  }
  try {
    await mailer.check()
    return { check, status: 'ok', detail: `${way}, which lets us in` }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const mend = 'Check KEYWRIGHT_SMTP_URL: host, port, smtp or smtps, user and password.'
    return { check, status: 'failed', detail: `${way}: ${why}`, mend }
  } finally {
    mailer.close()
  }
}

const checkGateway = (config: Config): Check => ({ check: 'text messages', status: 'ok', detail: smsWay(config) })
