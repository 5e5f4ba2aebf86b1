// `logmill job …`: what can be done with the checkpoint of a job that does not run.

import type { Command } from 'commander'

type JobActions = typeof import('./job-actions.ts')

const actions = (): Promise<JobActions> => import('./job-actions.ts')

export function addJobCommand(program: Command): void {
  const job = program.command('job').description('Look at, copy and replay the checkpoint of a streaming job')
  job
    .command('inspect <checkpoint>')
    .description('Show batches, offsets and state sizes; the job must not run')
    .option('--format <format>', 'text or json', 'text')
    .action(async (...args: Parameters<JobActions['inspect']>) => (await actions()).inspect(...args))
  job
    .command('savepoint <checkpoint> <savepoint>')
    .description('Copy the last decided state, offsets and windows of a stopped job into a new directory')
    .action(async (checkpoint: string, savepoint: string) =>
      (await actions()).copy(checkpoint, savepoint, {}),
    )
  job
    .command('restore <savepoint> <checkpoint>')
    .description(
      'Make a new checkpoint of a savepoint: the job goes on from it, and writes again what followed',
    )
    .requiredOption(
      '--name <appName>',
      "appName of the job; the old one only when its group's offsets are deleted",
    )
    .action(async (savepoint: string, checkpoint: string, { name }: { name: string }) =>
      (await actions()).copy(savepoint, checkpoint, { appName: name }),
    )
  job
    .command('replay <checkpoint> <batch>')
    .description('Run one batch again from its plan, and print the records it gives instead of writing them')
    .requiredOption(
      '--job <module>',
      'program file whose default export builds the streams on a StreamingContext',
    )
    .requiredOption('--data <dir>', 'data directory of the broker, which must not run')
    .option('--parallelism <n>', 'as the program sets it', '1')
    .option(
      '--on-poison <policy>',
      "as the program sets it: fatal, skip, or a dead letter topic's name",
      'fatal',
    )
    .option('--parameters <json>', 'second argument of the default export (jobParameters)')
    .action(async (...args: Parameters<JobActions['replay']>) => (await actions()).replay(...args))
}
