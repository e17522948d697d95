/** Owns the verification of an export, with nothing but the public key: on another machine, without a database. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { StartError } from '../config/start-error.ts'
import { readCheckpoint, readLine } from './lines.ts'
import type { SignedCheckpoint } from './signature.ts'
import { createVerifier, type Verdict } from './verify.ts'

/** Reads a public key. Throws StartError where there is none. */
export const readPublicKey = async (file: string): Promise<KeyObject> => {
  const pem = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadable(file, error)
  })
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType === 'ed25519' && !pem.includes('PRIVATE')) return key
  } catch {
    // Told below.
  }
  throw new StartError(`${file} is no public key of Ed25519, as \`keywright audit public-key\` prints it.`)
}

/** Every checkpoint of a file: one that the server wrote, its log, or an export. Other lines are passed over. */
export const readCheckpoints = async (file: string): Promise<SignedCheckpoint[]> => {
  const found: SignedCheckpoint[] = []
  for await (const line of linesOf(file)) {
    const one = readCheckpoint(line)
    if (one !== undefined) found.push(one)
  }
  return found
}

/**
 * Verifies JSON lines. The checkpoints that stand in it and those from elsewhere are checked; what is cut off at the end is
 * found by a checkpoint from elsewhere only. `through`: the last row that the export was meant to have.
 */
export const verifyFile = async (
  file: string,
  { key, elsewhere, through = Number.POSITIVE_INFINITY }: Options,
): Promise<Verdict> => {
  const inside = await readCheckpoints(file)
  const known = [...inside, ...elsewhere].filter(({ checkpoint }) => checkpoint.seq <= through)
  const verifier = createVerifier(key, known)
  const counter = { line: 0 }
  for await (const line of linesOf(file)) {
    counter.line += 1
    const read = readLine(line)
    if (read === undefined) throw new StartError(`Line ${counter.line} of ${file} is no line of an export.`)
    if ('anchor' in read && counter.line === 1) verifier.anchor(read.anchor.seq, read.anchor.hash)
    if ('seq' in read && !verifier.row(read)) break
  }
  return verifier.end()
}

type Options = { key: KeyObject; elsewhere: readonly SignedCheckpoint[]; through?: number | undefined }

async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY }))
      if (line.trim() !== '') yield line
  } catch (error) {
    throw unreadable(file, error)
  }
}

const unreadable = (file: string, error: unknown): Error => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
  return error instanceof StartError ? error : new StartError(`The file ${file} cannot be read (${code}).`)
}
