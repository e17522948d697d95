/**
 * Owns making load: connections that send a job's requests one after the other, check every answer and take the time.
 * Start reading at `runJob`.
 */
import { type Judged, createCheck } from './check-answer.ts'
import { type Answer, type Connection, headerOf, headersOf, openConnection } from './connection.ts'
import type { Job, Outcome, Template } from './job.ts'

/** One value per placeholder → the bytes of a request. */
type Render = (values: readonly string[]) => Buffer
type Run = Outcome & { latenciesMs: number[]; sent: number; until: number }

/**
 * Runs one job to its end: no request is in flight afterwards, and every request that was sent is counted.
 * Broken connections and wrong answers are errors of the outcome, not exceptions.
 */
export async function runJob(job: Job): Promise<Outcome> {
  const started = performance.now()
  const run: Run = {
    count: 0,
    seconds: 0,
    p50Ms: 0,
    p99Ms: 0,
    errors: 0,
    firstError: '',
    collected: [],
    latenciesMs: [],
    sent: 0,
    until: started + job.seconds * 1000,
  }
  const next = createSource(job, run)
  const judge = createCheck(job)
  await Promise.all(Array.from({ length: job.connections }, (_, lane) => drive({ job, run, judge, next, lane })))
  const { latenciesMs, sent: _sent, until: _until, ...outcome } = run
  latenciesMs.sort((a, b) => a - b)
  const at = (part: number): number =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * part))] ?? 0
  return { ...outcome, seconds: (performance.now() - started) / 1000, p50Ms: at(0.5), p99Ms: at(0.99) }
}

type Lane = { job: Job; run: Run; judge: (answer: Answer) => Judged; next: Source; lane: number }

/** One connection: request after request until the source is dry. A lane with three errors in a row gives up. */
async function drive({ job, run, judge, next, lane }: Lane): Promise<void> {
  const connection = openConnection(job.port)
  let last = ''
  let failures = 0
  while (failures < 3) {
    const request = next(lane, last)
    if (request === undefined) break
    const began = performance.now()
    const judged = await exchange({ connection, request, job }).then(judge).catch(broken)
    run.latenciesMs.push(performance.now() - began)
    run.count += 1
    if ('wrong' in judged) {
      run.errors += 1
      failures += 1
      if (run.firstError === '') run.firstError = judged.wrong
      last = ''
      continue
    }
    failures = 0
    last = judged.taken
    if (job.collect !== undefined && job.use !== 'chain') run.collected.push(last)
  }
  connection.close()
}

const broken = (error: unknown): Judged => ({ wrong: error instanceof Error ? error.message : String(error) })

/** The next request of a lane, given what its last answer held; undefined at the end. */
type Source = (lane: number, last: string) => Buffer | undefined

type Turn = { number: number; lane: number; last: string }

function createSource(job: Job, run: Run): Source {
  const render = compile(job.template, job.port)
  const take = takers[job.use](job.values, render)
  return (lane, last) => {
    if (run.sent >= job.limit || performance.now() >= run.until) return undefined
    const request = take({ number: run.sent, lane, last })
    if (request !== undefined) run.sent += 1
    return request
  }
}

const takers: Record<Job['use'], (values: string[][], render: Render) => (turn: Turn) => Buffer | undefined> = {
  cycle: (values, render) => {
    const ready = values.map(render)
    return ({ number }) => ready[number % ready.length]
  },
  once:
    (values, render) =>
    ({ number }) => {
      const own = values[number]
      return own && render(own)
    },
  // A chain that broke stays broken: its token is spent.
  chain: (values, render) => {
    const started = new Set<number>()
    return ({ lane, last }) => {
      const own = started.has(lane) ? [last] : values[lane]
      started.add(lane)
      return own === undefined || own[0] === '' ? undefined : render(own)
    }
  },
}

/** Splits the template once, so that a request costs two joins. */
function compile(template: Template, port: number): Render {
  const headers = { host: `127.0.0.1:${port}`, ...template.headers }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = fill(`${template.method} ${template.path} HTTP/1.1\r\n${lines.join('')}`)
  const body = fill(template.body ?? '')
  if (template.body === undefined) return (values) => Buffer.from(`${head(values)}\r\n`)
  return (values) => {
    const content = body(values)
    return Buffer.from(`${head(values)}content-length: ${Buffer.byteLength(content)}\r\n\r\n${content}`)
  }
}

function fill(text: string): (values: readonly string[]) => string {
  const parts = text.split(/\{(\d)\}/)
  return (values) => parts.map((part, index) => (index % 2 === 0 ? part : (values[Number(part)] ?? ''))).join('')
}

type Exchange = { connection: Connection; request: Buffer; job: Job }

/** Sends a request; with `followTo`, goes on as a browser would until a redirect leads there. */
async function exchange({ connection, request, job }: Exchange): Promise<Answer> {
  let answer = await connection.send(request)
  if (job.followTo === undefined) return answer
  const cookies = new Map(cookiePairs(/\r\ncookie: ([^\r]*)/i.exec(request.toString('latin1'))?.[1]?.split('; ') ?? []))
  for (let hops = 0; hops < 5 && isOnward(answer, job.followTo); hops += 1) {
    for (const [name, value] of cookiePairs(headersOf(answer, 'set-cookie'))) cookies.set(name, value)
    const { pathname, search } = new URL(headerOf(answer, 'location'), `http://127.0.0.1:${job.port}`)
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const hop = compile({ method: 'GET', path: pathname + search, headers: { accept: 'text/html', cookie } }, job.port)
    answer = await connection.send(hop([]))
  }
  return answer
}

const isOnward = (answer: Answer, end: string): boolean =>
  answer.status >= 300 && answer.status < 400 && !headerOf(answer, 'location').startsWith(end)

function cookiePairs(lines: string[]): [string, string][] {
  return lines.map((line) => {
    const pair = line.split(';')[0] ?? ''
    const cut = pair.indexOf('=')
    return [pair.slice(0, cut), pair.slice(cut + 1)]
  })
}
