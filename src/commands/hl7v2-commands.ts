/** The commands about HL7 v2: `watchfire hl7v2`. */
import type { Command } from 'commander';
import { print } from './arguments.ts';
import { type SendOptions, sendFile } from './hl7v2.ts';

export function hl7v2Commands(program: Command): void {
  const hl7v2 = program.command('hl7v2').description('HL7 v2 messages');
  hl7v2
    .command('send')
    .description('send the messages of a file by MLLP and print their answers; fails where one is not accepted')
    .argument('<file>', 'one message or several; segments may end as lines of text do')
    .requiredOption('--to <host:port>', 'where MLLP is listened for, such as 127.0.0.1:2575')
    .option('--tls', 'over TLS')
    .option('--ca <file>', 'PEM of the authority to believe')
    .option('--cert <file>', 'PEM of the certificate to show')
    .option('--key <file>', 'PEM of its key')
    .action(async (file: string, options: SendOptions) => {
      if (!(await sendFile(file, options, print))) process.exitCode = 1;
    });
}
