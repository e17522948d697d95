/** Owns requests that no HTTP client would send: bytes over a socket, and what comes back. Start reading at `sendRaw`. */
import { connect } from 'node:net'

export type RawReply = { status: number; headers: string; body: string }

/** Sends bytes and reads until the server closes; every request should say `Connection: close`. */
export const sendRaw = async (port: number, lines: readonly string[], body = ''): Promise<RawReply> =>
  await new Promise((resolve, reject) => {
    const socket = connect(port, 'localhost')
    const chunks: Buffer[] = []
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 seconds')))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      const [headers = '', ...rest] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n')
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1]), headers, body: rest.join('\r\n\r\n') })
    })
    socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1'))
  })
