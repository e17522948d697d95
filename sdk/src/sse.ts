/** Owns the reading of a stream of events (HTML, server-sent events §9.2.6): bytes in, events out. */

export type StreamEvent = { event: string; id: string | undefined; data: string }

/** An event longer than this is not the issuer's. */
const longest = 1_048_576

/** Makes a reader: give it the parts as they come, and it gives what they complete. Throws RangeError on an endless event. */
export const createReader = (): ((part: Uint8Array) => StreamEvent[]) => {
  const decoder = new TextDecoder()
  const state = { rest: '' }
  return (part) => {
    const blocks = (state.rest + decoder.decode(part, { stream: true })).split(/\r\n\r\n|\n\n|\r\r/)
    state.rest = blocks.pop() ?? ''
    if (state.rest.length > longest) throw new RangeError('an event without end')
    return blocks.map(read).filter((event) => event !== undefined)
  }
}

const read = (block: string): StreamEvent | undefined => {
  const fields = new Map<string, string>()
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, name = '', value = ''] = /^([a-z]+)(?:: ?(.*))?$/s.exec(line) ?? []
    if (name === 'data' && fields.has('data')) fields.set('data', `${fields.get('data') ?? ''}\n${value}`)
    else if (name !== '') fields.set(name, value)
  }
  const data = fields.get('data')
  return data === undefined ? undefined : { event: fields.get('event') ?? 'message', id: fields.get('id'), data }
}
