#!/usr/bin/env node
// The `logmill` command. Data goes to standard output, everything else to standard error; a failure is one
// clear line and an exit code that is not 0.

import { Command } from 'commander'
import { addJobCommand } from './job.ts'
import { addStartCommand } from './start.ts'

const program = new Command('logmill')
  .description('A Kafka-compatible log broker and stream processor in one process')
  .showHelpAfterError()

addStartCommand(program)
addJobCommand(program)

try {
  await program.parseAsync()
} catch (error) {
  console.error(`logmill: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
