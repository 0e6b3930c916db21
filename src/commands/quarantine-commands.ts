/** The commands about what could not be taken in: `watchfire quarantine`. */
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { print } from './arguments.ts';
import {
  discardQuarantined,
  printQuarantine,
  printQuarantined,
  type QuarantineFilter,
  retryQuarantined,
  writePayload,
} from './quarantine.ts';

export function quarantineCommands(program: Command): void {
  const quarantine = program.command('quarantine').description('what came in by a feed and could not be taken in');
  quarantine
    .command('list')
    .description('a line each: id, when, state, why')
    .option('--feed <name>', 'only of this feed, such as hl7v2')
    .option('--state <state>', 'open, taken-in or discarded', 'open')
    .option('--code <code>', 'no-patient, no-device, unreadable, implausible, unmapped, conflict or refused')
    .action((filter: QuarantineFilter) => printQuarantine(readConfig(), filter, print));
  quarantine
    .command('show')
    .description('one of them, or with --payload the bytes that came')
    .argument('<id>', 'as `quarantine list` shows it')
    .option('--payload', 'write the payload to the standard output')
    .action((id: string, { payload }: { payload?: boolean }) =>
      payload ? writePayload(readConfig(), id) : printQuarantined(readConfig(), id, print),
    );
  quarantine
    .command('retry')
    .description('take it in after all')
    .argument('<id>', 'as `quarantine list` shows it')
    .option('--file <path>', 'the repaired payload; as it came where left out')
    .action((id: string, { file }: { file?: string }) => retryQuarantined(readConfig(), id, file, print));
  quarantine
    .command('discard')
    .description('say that it will not be taken in')
    .argument('<id>', 'as `quarantine list` shows it')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .action((id: string, { reason }: { reason: string }) => discardQuarantined(readConfig(), id, reason, print));
}
