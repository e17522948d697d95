/**
 * `npm run dev` as a person types it: what is saved in server/src is served a moment later, a mistake is shown and mended
 * by the next save, what lies in the database stays, and SIGTERM leaves nothing behind.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { processesOf } from '../../../scripts/processes.ts'
import { temporaryFolder } from '../support/child.ts'
import { makeCheckout, runNpm } from '../support/checkout.ts'
import { httpClient } from '../support/http.ts'
import { until } from '../support/looks.ts'
import { freePort } from '../support/port.ts'

it('npm run dev serves what was saved, again and again', { timeout: 90_000 }, async () => {
  const folder = join(await temporaryFolder(), 'keywright')
  makeCheckout(folder)
  const port = await freePort()
  const npm = runNpm(folder, ['run', 'dev'], port)
  const client = httpClient(`http://localhost:${port}`)
  const word = async (): Promise<unknown> => {
    // Not by the client of the tests, which holds answers against the API's document: this one gets a word more.
    const reply = await fetch(`http://localhost:${port}/health/live`).catch(() => undefined)
    return reply?.status === 200 ? ((await reply.json()) as { word?: string }).word : 'none'
  }
  const kids = async (): Promise<string> => (await client.get('/.well-known/jwks.json')).body
  const file = join(folder, 'server/src/operations/health.ts')
  const source = readFileSync(file, 'utf8')
  const answer = "json({ status: 'healthy',"
  expect(source.split(answer)).toHaveLength(2)
  const save = (text: string): void => writeFileSync(file, source.replace(answer, text))

  await until(async () => (await word()) === undefined)
  const keys = await kids()
  save(`json({ word: 'first', status: 'healthy',`)
  await until(async () => (await word()) === 'first')
  save('json({{')
  await until(() => npm.output().includes('SyntaxError'))
  save(`json({ word: 'second', status: 'healthy',`)
  await until(async () => (await word()) === 'second')
  // The PostgreSQL in the data folder went down and up with it, with all that was in it.
  expect(await kids()).toBe(keys)

  npm.process.kill('SIGTERM')
  await npm.exit
  await until(() => processesOf(folder).length === 0)
  expect(await word()).toBe('none')
})
