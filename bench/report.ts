/**
 * Owns what the bench prints: the settings, the signing limit, the table, what failed. Start reading at `printReport`.
 */
import { figure, judge, type LineSpec, lineSpecs, ratio } from './bars.ts'
import type { Figure, Line, Results } from './results.ts'
import type { SubjectName } from './subject.ts'

type Column = { title: string; cell: (line: Line) => string }

/** The machine that the bars were measured on signed this much per core (performance.md: 3.4–3.9k). */
const referenceSigning = 3650

/** Prints one run; with `earlier`, also the ratio to it. */
export function printReport(results: Results, earlier: Results | undefined): void {
  const out = (text: string): boolean => process.stdout.write(`${text}\n`)
  out(`\n${results.machine}\n${results.run}`)
  for (const [name, lines] of Object.entries(results.settings)) out(`${name}: ${lines.join('\n  ')}`)
  const { RS256, ES256 } = results.signing
  out(
    `Signing limit per core: RS256 ${figure(RS256, 'per core')}/s, ES256 ${figure(ES256, 'per core')}/s (RS256: ${ratio(RS256 / referenceSigning)} of the machine that the absolute bars come from)`,
  )
  out(
    'Per core: requests per CPU second of the server and its database, utime + stime of every process, median of the windows.\n',
  )
  out(table(columnsOf(results, earlier), results.lines))
  out(summary(results, earlier))
  for (const failure of results.failures)
    out(`FAILED ${failure.row}, ${failure.subject}: ${failure.errors} errors, the first: ${failure.first}`)
}

function columnsOf(results: Results, earlier: Results | undefined): Column[] {
  const ours = 'keywright' in results.settings
  const peer = 'oidc-provider' in results.settings
  const columns: Column[] = [{ title: 'row', cell: ({ id }) => lineSpecs[id].title }]
  if (ours)
    columns.push(
      valueColumn('per core', 'keywright'),
      databaseColumn(),
      ...barColumns(),
      ...latencyColumns('', 'keywright'),
    )
  if (peer)
    columns.push(valueColumn('oidc-provider', 'oidc-provider'), ...latencyColumns(ours ? 'its ' : '', 'oidc-provider'))
  if (ours && peer)
    columns.push({ title: 'ours ÷ its', cell: ({ figures }) => quotient(figures.keywright, figures['oidc-provider']) })
  if (earlier) columns.push({ title: 'now ÷ earlier', cell: (line) => quotient(main(line), mainOf(earlier, line)) })
  return columns
}

function valueColumn(title: string, name: SubjectName): Column {
  const cell = ({ id, figures }: Line): string => {
    const found = figures[name]
    return found === undefined ? '–' : figure(found.value, lineSpecs[id].unit)
  }
  return { title, cell }
}

function databaseColumn(): Column {
  const percent = (part: number | undefined): string => (part === undefined ? '' : `${Math.round(part * 100)} %`)
  return { title: 'of it database', cell: ({ figures }) => percent(figures.keywright?.database) }
}

function barColumns(): Column[] {
  const judged = (line: Line): { text: string; met: boolean } | undefined => {
    const ours = line.figures.keywright
    return ours && judge(lineSpecs[line.id], ours.value, line.signing)
  }
  return [
    { title: 'against our bar', cell: (line) => judged(line)?.text ?? '–' },
    { title: 'met', cell: (line) => yesNo(judged(line)?.met) },
  ]
}

const yesNo = (met: boolean | undefined): string => {
  if (met === undefined) return '–'
  return met ? 'yes' : 'NO'
}

function latencyColumns(prefix: string, name: SubjectName): Column[] {
  const milliseconds = (value: number | undefined): string => value?.toFixed(1) ?? ''
  return [
    { title: `${prefix}p50 ms`, cell: ({ figures }) => milliseconds(figures[name]?.p50Ms) },
    { title: `${prefix}p99 ms`, cell: ({ figures }) => milliseconds(figures[name]?.p99Ms) },
  ]
}

const main = ({ figures }: Line): Figure | undefined => figures.keywright ?? figures['oidc-provider']

/** The same line of the earlier run, for the same server. */
function mainOf(earlier: Results, line: Line): Figure | undefined {
  const name = line.figures.keywright === undefined ? 'oidc-provider' : 'keywright'
  return earlier.lines.find(({ id }) => id === line.id)?.figures[name]
}

function quotient(above: Figure | undefined, below: Figure | undefined): string {
  return above === undefined || below === undefined || below.value === 0 ? '–' : ratio(above.value / below.value)
}

function table(columns: Column[], lines: Line[]): string {
  const rows = [columns.map(({ title }) => title), ...lines.map((line) => columns.map(({ cell }) => cell(line)))]
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const draw = (row: string[]): string => {
    const cells = row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
    return `| ${cells.join(' | ')} |`
  }
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  const [head = [], ...body] = rows
  return [draw(head), rule, ...body.map(draw)].join('\n')
}

function summary(results: Results, earlier: Results | undefined): string {
  const judged = results.lines.flatMap((line) => {
    const ours = line.figures.keywright
    return ours === undefined ? [] : [judge(lineSpecs[line.id], ours.value, line.signing).met]
  })
  const bars = judged.length === 0 ? '' : `\n${judged.filter(Boolean).length} of ${judged.length} bars met.`
  const signing = (spec: Results): string => figure(spec.signing.RS256, unit)
  const then =
    earlier === undefined
      ? ''
      : `\nEarlier run: ${earlier.at}, RS256 signing limit ${signing(earlier)}/s then, ${signing(results)}/s now.`
  return bars + then
}

const unit: LineSpec['unit'] = 'per core'
