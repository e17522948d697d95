#!/usr/bin/env node
// Owns the word `exec` on Windows. The npm scripts say `exec node …`: in a POSIX shell that is the builtin which makes
// Node take the shell's place, so that a SIGTERM to `npm start` reaches the server instead of dying in npm's shell.
// cmd.exe knows no `exec` and finds this file, through node_modules\.bin, instead. No POSIX shell ever looks here.
import { findPinnedNode } from './pinned-node.js'
import { runInstead } from './run.js'

const [program = '', ...args] = process.argv.slice(2)

if (program === '') {
  process.stderr.write('exec: say which program to run.\n')
  process.exitCode = 2
} else {
  // `node` on Windows may be node_modules\.bin\node.cmd, which cannot be spawned without a shell.
  runInstead(program === 'node' ? (findPinnedNode() ?? process.execPath) : program, args, {
    env: process.env,
    ipc: false,
    onMissing: (error) => {
      process.stderr.write(`exec: ${program} does not start: ${error.message}\n`)
      process.exitCode = 127
    },
  })
}
