/** `keywright audit …`: search, export, and a verification that another machine can do. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { record } from '../../src/events/record.ts'
import { temporaryFolder } from '../support/child.ts'
import { type House, openHouse } from '../support/flow.ts'
import { until } from '../support/looks.ts'
import { type CliResult, cli } from '../support/server.ts'

let house: House
let folder: string
const run = async (...args: string[]): Promise<CliResult> => await cli(['audit', ...args], { env: house.server.env })

beforeAll(async () => {
  folder = await temporaryFolder()
  house = await openHouse({ env: { KEYWRIGHT_AUDIT_CHECKPOINT_FILE: join(folder, 'checkpoints.jsonl') } })
  for (let n = 0; n < 3; n += 1)
    await record(house.sql, {
      type: 'login.failed',
      now: new Date(),
      user_id: `u${n}`,
      ip: `192.0.2.${n}`,
      user_agent: '=HYPERLINK("https://evil.example")',
      request_id: 'asked',
      data: { by: 'ada' },
    })
  await until(async () => (await house.sql`select 1 from events`).length === 0)
})

const events = async (...args: string[]): Promise<Record<string, unknown>[]> =>
  ((await run('search', ...args, '--json')).json as { events: Record<string, unknown>[] }).events

describe('audit search', () => {
  it('filters, newest first', async () => {
    expect(await events('--request', 'asked')).toMatchObject([{ user_id: 'u2' }, { user_id: 'u1' }, { user_id: 'u0' }])
    expect(await events('--ip', '192.0.2.0/31', '--type', 'login.*,user.created')).toHaveLength(2)
    expect(await events('--by', 'ada', '--user', 'u1')).toMatchObject([{ actor_id: 'ada', ip: '192.0.2.1' }])
    expect((await run('search', '--request', 'asked')).stdout).toMatch(/^AT +TYPE +OUTCOME +USER +BY +CLIENT +IP +ID\n/)
  })

  it('refuses a filter that is none', async () => {
    expect(await run('search', '--type', 'login.nothing')).toMatchObject({ code: 1, stdout: '' })
    expect(await run('search', '--ip', '192.0.2.0/33')).toMatchObject({ code: 1, stdout: '' })
  })
})

describe('audit export and verify', () => {
  it('an export is verified elsewhere, with the public key and checkpoints alone', async () => {
    const [file, pem, kept] = ['export.jsonl', 'audit.pem', 'checkpoints.jsonl'].map((name) => join(folder, name))
    if (file === undefined || pem === undefined || kept === undefined) throw new Error('no names')
    writeFileSync(pem, (await run('public-key')).stdout)
    expect(await run('verify', '--json')).toMatchObject({ code: 0, json: { valid: true, problem: null } })
    expect(await run('export', '--output', file)).toMatchObject({ code: 0 })
    await expect.poll(() => readFileSync(kept, 'utf8'), { timeout: 5000 }).toContain('"checkpoint"')
    const elsewhere = { env: { KEYWRIGHT_DATA_DIR: join(folder, 'nowhere') } }
    const verify = async (...args: string[]): Promise<CliResult> =>
      await cli(['audit', 'verify', '--public-key', pem, ...args], elsewhere)
    expect(await verify('--file', file, '--checkpoints', kept)).toMatchObject({ code: 0, stderr: '' })
    writeFileSync(file, readFileSync(file, 'utf8').replace('192.0.2.1', '192.0.2.9'))
    const found = await verify('--file', file)
    expect(found.code).toBe(1)
    expect(found.stdout).toMatch(/^NOT WHOLE at event \d+: row \d+: its address or browser was changed\./)
    const log = join(folder, 'server.log')
    writeFileSync(log, house.server.output())
    expect(await run('verify', '--checkpoints', log, '--json')).toMatchObject({ code: 0 })
  })

  it('CSV says who exported, and computes nothing in a spreadsheet', async () => {
    const { stdout } = await run('export', '--format', 'csv', '--request', 'asked')
    const lines = stdout.trimEnd().split('\r\n')
    expect(lines[0]).toBe(
      'seq,at,type,severity,outcome,user_id,actor_id,client_id,session_id,request_id,ip,user_agent,data,id,sequenced_at,hash',
    )
    expect(lines).toHaveLength(4)
    for (const line of lines.slice(1)) expect(line).toContain(`"'=HYPERLINK(""https://evil.example"")"`)
    expect(await events('--type', 'audit.exported')).toMatchObject([
      { data: { format: 'csv' } },
      { data: { format: 'jsonl' } },
    ])
  })

  it('wrong usage', async () => {
    expect(await run('verify', '--file', 'x.jsonl')).toMatchObject({ code: 2 })
    expect(await run('verify', '--checkpoints', join(folder, 'none'))).toMatchObject({ code: 1 })
  })
})
