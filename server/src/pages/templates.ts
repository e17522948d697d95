/**
 * Owns the compiled templates: the built-in ones, replaced one by one by those of the operator's folder.
 * Never renders a page for a visitor (render.ts). Start reading at `loadTemplates`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Eta } from 'eta/core'
import { StartError } from '../config/start-error.ts'
import { escapeHtml } from './safe.ts'

/** `replaced` maps the name of each overridden template to its file; `problems` are sentences for the boot log. */
export type Templates = {
  render: (name: string, view: object) => string
  names: readonly string[]
  replaced: ReadonlyMap<string, string>
  problems: readonly string[]
}

const ending = '.eta'

/**
 * Compiles every template once. A file `login.eta` in `templates_dir` replaces the built-in `login`; a name that begins with
 * an underscore and is not ours is a part that the others may include. Throws StartError, naming the file, when the folder
 * or a file cannot be read or does not compile.
 */
export const loadTemplates = (templates_dir: string | undefined): Templates => {
  const eta = new Eta({ autoEscape: true, escapeFunction: escapeHtml, rmWhitespace: true, cache: true })
  const builtIn = listTemplates(fileURLToPath(new URL('./templates/', import.meta.url)))
  const own = templates_dir === undefined ? new Map<string, string>() : listOwn(templates_dir)
  for (const [name, file] of [...builtIn, ...own]) compile(eta, name, file)
  const replaced = new Map([...own].filter(([name]) => builtIn.has(name)))
  const strangers = [...own].filter(([name]) => !builtIn.has(name) && !name.startsWith('_'))
  return {
    render: (name, view) => eta.render(name, view),
    names: [...builtIn.keys()],
    replaced,
    problems: strangers.map(
      ([name, file]) => `The template ${file} replaces nothing: no built-in template is called ${name}.`,
    ),
  }
}

const listOwn = (folder: string): Map<string, string> => {
  try {
    return listTemplates(folder)
  } catch (cause) {
    throw new StartError(`The template folder ${folder} cannot be read.`, { cause })
  }
}

const listTemplates = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith(ending))
      .toSorted()
      .map((file) => [file.slice(0, -ending.length), join(folder, file)]),
  )

const compile = (eta: Eta, name: string, file: string): void => {
  try {
    eta.loadTemplate(name, readFileSync(file, 'utf8'))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim().split('\n\n').slice(0, 2).join(': ') : String(cause)
    throw new StartError(`The template ${file} does not compile: ${reason}`, { cause })
  }
}
