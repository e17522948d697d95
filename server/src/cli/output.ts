/** Owns what commands print: the result on standard output, as JSON or for a person; notes on standard error. */
import type { Command } from 'commander'

/** Prints the result of a command: `value` with --json, else the text for a person. */
export const print = (command: Command, value: unknown, text: string): void => {
  const { json } = command.optsWithGlobals<{ json?: boolean }>()
  const line = json === true ? JSON.stringify(value, undefined, 2) : text.replace(/\n$/, '')
  if (line !== '') process.stdout.write(`${line}\n`)
}

/** Says something beside the result. */
export const note = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** `name  value` lines, aligned. What is absent is left out. */
export const table = (rows: readonly (readonly [string, string | null | undefined])[]): string => {
  const shown = rows.filter(([, value]) => value !== undefined && value !== null && value !== '')
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

/** Rows with a heading, each column as wide as its widest cell. */
export const columns = (heading: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = heading.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [heading, ...rows].map(line).join('\n')
}
