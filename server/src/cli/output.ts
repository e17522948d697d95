/** Owns how commands print: the result on standard output, as JSON or for a person; notes on standard error. */
import type { Command } from 'commander'

/** Shows how a command is used below its help. */
export const example = (...lines: string[]): string => ['', 'Example:', ...lines.map((line) => `  ${line}`)].join('\n')

/** Prints the result of a command: `value` with --json, else the text for a person. */
export const print = (command: Command, value: unknown, text: string): void => {
  const { json } = command.optsWithGlobals<{ json?: boolean }>()
  const line = json === true ? JSON.stringify(value, undefined, 2) : harmless(text.replace(/\n$/, ''))
  if (line !== '') process.stdout.write(`${line}\n`)
}

/** Says something beside the result. */
export const note = (text: string): void => {
  process.stderr.write(`${harmless(text)}\n`)
}

/** What other people chose to be called must not command the terminal, nor turn the direction of the text. */
export const harmless = (text: string): string =>
  text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}')

/** `name  value` lines, aligned. What is absent is left out. */
export const table = (rows: readonly (readonly [string, string | null | undefined])[]): string => {
  const shown = rows.filter(([, value]) => value !== undefined && value !== null && value !== '')
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value ?? '')}`).join('\n')
}

/** Rows with a heading, each column as wide as its widest cell. */
export const columns = (heading: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [heading, ...rows].map((row) => row.map(oneLine))
  const widths = heading.map((_title, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)))
  const line = (row: string[]): string => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')
  return cells.map((row) => line(row).trimEnd()).join('\n')
}

const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ')

/** An instant as people read it, to the minute; JSON has it exactly. */
export const minuteOf = (instant: Date | null): string =>
  instant === null ? '' : `${instant.toISOString().slice(0, 16).replace('T', ' ')} UTC`
