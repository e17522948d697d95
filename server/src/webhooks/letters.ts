/** Owns the letter that tells whoever made a webhook that it is not called any more. */
import { defineLetter } from '../outbox/letter.ts'
import { textIn } from '../users/one-time.ts'

export const webhookPausedLetter = defineLetter({
  kind: 'webhook_paused',
  channel: 'email',
  lifeSeconds: 3 * 86_400,
  limit: 'notice',
  write: async ({ config }, _tx, { facts }) => {
    const params = { name: textIn(facts, 'name') ?? '', server: config.name }
    const gone = textIn(facts, 'because') === 'gone'
    return await Promise.resolve({
      subject: { key: 'letter.webhook_paused.subject', params },
      paragraphs: [
        { key: gone ? 'letter.webhook_paused.gone' : 'letter.webhook_paused.failing', params },
        { key: 'letter.webhook_paused.do', params },
      ],
    })
  },
})
