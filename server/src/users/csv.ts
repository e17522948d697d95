/** Owns the reading of import files, CSV (RFC 4180) or JSON lines, record by record; and the writing of a line of CSV. */
import { Readable } from 'node:stream'
import { parse } from 'csv-parse'
import type { Line } from './import.ts'

/** Records of CSV: the first line names the columns. A line that is no CSV is a record that cannot be read. */
async function* readCsv(input: AsyncIterable<Buffer | string>): AsyncGenerator<Line> {
  const parser = Readable.from(input).pipe(
    parse({
      columns: true,
      bom: true,
      trim: true,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: 65_536,
    }),
  )
  for await (const { record, info } of parser as AsyncIterable<{ record: unknown; info: { lines: number } }>)
    yield { line: info.lines, value: unquoted(record) }
}

const longestLine = 65_536

/** Records of JSON lines. */
async function* readJsonLines(input: AsyncIterable<Buffer | string>): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  let line = 0
  for await (const chunk of input) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine) throw tooLong(line + lines.length + 1)
    for (const text of lines) {
      line += 1
      if (text.trim() !== '') yield { line, value: parseJson(text) }
    }
  }
  if (rest.trim() !== '') yield { line: line + 1, value: parseJson(rest) }
}

/** With a code, as the errors of the CSV parser have one: it is the file that is wrong. */
const tooLong = (line: number): Error =>
  Object.assign(new Error(`line ${line} is longer than 64 KiB`), { code: 'LINE_TOO_LONG' })

/** The records of a file, one by one. Throws when it is no text, no CSV, or has a line without end. */
export const readLines = (format: 'jsonl' | 'csv', input: AsyncIterable<Buffer | string>): AsyncIterable<Line> =>
  format === 'csv' ? readCsv(input) : readJsonLines(input)

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * A spreadsheet computes what begins so, and what people call themselves ends up in front of an administrator: an apostrophe
 * makes it text. One of their own gets another, so that an import gives back what was there. A telephone number is a number.
 */
const formula = /^'*[=+\-@\t\r](?!\d+$)/

const quoted = (cell: string): string => (formula.test(cell) ? `'${cell}` : cell)

const unquoted = (record: unknown): unknown =>
  typeof record === 'object' && record !== null
    ? Object.fromEntries(Object.entries(record).map(([name, cell]) => [name, plain(cell)]))
    : record

const plain = (cell: unknown): unknown =>
  typeof cell === 'string' && cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell

/** One line of CSV (RFC 4180 §2). */
export const stringifyLine = (cells: readonly string[]): string =>
  `${cells
    .map(quoted)
    .map((cell) => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(',')}\r\n`
