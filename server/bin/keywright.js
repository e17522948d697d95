#!/usr/bin/env node
// Owns the first step of every command: get onto a Node that runs TypeScript (24 or later), then hand over to src/.
// The system's Node may be as old as 20; then the Node pinned in the lockfile takes over. Never parses an option.
import { findPinnedNode, noNodeSentence, runsTypeScript } from './pinned-node.js'
import { endWithParent, runInstead } from './run.js'

// Not KEYWRIGHT_*: such names are settings, and unknown ones are refused. Its only use is that a pinned Node which
// cannot run TypeScript either (NODE_OPTIONS=--no-strip-types) does not start itself for ever.
const marker = '_KEYWRIGHT_RERUN'
const rerun = process.env[marker] === '1'
delete process.env[marker]

if (runsTypeScript()) await start()
else if (rerun) refuse('Keywright runs its TypeScript as it is: remove --no-strip-types from NODE_OPTIONS.')
else startPinned()

async function start() {
  if (rerun) endWithParent()
  const [command = 'serve', ...rest] = process.argv.slice(2)
  const isServer = command === 'serve' && rest.length === 0
  const { prepare } = await import('./early.js')
  prepare(isServer ? 'server' : 'command')
  // The server skips the command line's modules: its start is measured in tenths of a second.
  if (isServer) await import('../src/main.ts')
  else await import('../src/cli.ts')
}

function startPinned() {
  const node = findPinnedNode()
  if (node === undefined) return refuse(noNodeSentence)
  runInstead(node, [...process.execArgv.filter((flag) => !refusesTypeScript(flag)), ...process.argv.slice(1)], {
    env: { ...process.env, [marker]: '1' },
    ipc: true,
    onMissing: (error) => refuse(`${noNodeSentence} (${node} does not start: ${error.message})`),
  })
}

/** @param {string} flag */
function refusesTypeScript(flag) {
  return /^--no-(experimental-)?strip-types$/.test(flag)
}

/** @param {string} sentence */
function refuse(sentence) {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = 1
}
