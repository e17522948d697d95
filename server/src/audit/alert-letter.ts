/** Owns the letter that tells of an alert. It names what happened and where to look; nothing about anybody. */
import { defineLetter } from '../outbox/letter.ts'
import { textIn } from '../users/one-time.ts'

export const alertLetter = defineLetter({
  kind: 'alert',
  channel: 'email',
  lifeSeconds: 86_400,
  limit: 'notice',
  write: async (ctx, _tx, { facts }) => {
    const rule = textIn(facts, 'rule') ?? ''
    const { count } = facts
    return await Promise.resolve({
      subject: { key: 'letter.alert.subject', params: { rule } },
      paragraphs: [{ key: 'letter.alert.lead', params: { name: ctx.config.name } }, { key: 'letter.alert.look' }],
      facts: [
        { label: { key: 'letter.alert.rule' }, value: rule },
        { label: { key: 'letter.alert.count' }, value: typeof count === 'number' ? count : 1 },
        { label: { key: 'letter.alert.type' }, value: textIn(facts, 'type') ?? '' },
        { label: { key: 'letter.alert.latest' }, value: new Date(textIn(facts, 'at') ?? 0) },
      ],
      footnotes: [{ key: 'letter.alert.once' }],
    })
  },
})
