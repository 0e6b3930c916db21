/** The command line of watchfire. Every command has `--help`. */
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { accessCommands } from './commands/access-commands.ts';
import { print, whole } from './commands/arguments.ts';
import { credentialsCommands } from './commands/credentials-commands.ts';
import { fileDropCommands } from './commands/file-drop-commands.ts';
import { hl7v2Commands } from './commands/hl7v2-commands.ts';
import { quarantineCommands } from './commands/quarantine-commands.ts';
import { simulateCommands } from './commands/simulate-commands.ts';
import { ConfigError, readConfig, settings } from './config.ts';
import { systemRuntime } from './runtime.ts';

const program = new Command('watchfire')
  .description('FHIR R4 interoperability server: devices send readings, EHRs and apps read and subscribe')
  .version(packageJson.version)
  .showHelpAfterError()
  .addHelpText(
    'after',
    `\nSettings come from the environment (docs/configuration.md):\n${settings.map(({ name, fallback }) => `  ${name}${fallback && ` (${fallback})`}`).join('\n')}`,
  );

program
  .command('serve')
  .description('start the server')
  .option('--demo', 'load demo data, make a device key and let a small EHR receive notifications')
  .action(async (options: { demo?: boolean }) =>
    (await import('./commands/serve.ts')).serve(readConfig(), options.demo === true, print),
  );

program
  .command('demo')
  .description('load demo data into the running server, or into the store where none runs')
  .option('--endpoint <url>', 'where an EHR listens for active Flags, such as the URL that `watchfire receive` prints')
  .action(async (options: { endpoint?: string }) =>
    (await import('./commands/serve.ts')).demo(readConfig(), options.endpoint, print),
  );

program
  .command('receive')
  .description("stand in for an EHR's webhook: check signatures and print what comes")
  .option('--port <port>', 'port on the loopback', whole, 9200)
  .requiredOption('--secret <whsec>', 'secret of the Subscription, as POST /admin/subscriptions/{id}/secret gives it')
  .action(async ({ port, secret }: { port: number; secret: string }) => {
    const { receive } = await import('./commands/receive.ts');
    const receiver = await receive(port, print, systemRuntime.now);
    receiver.secrets.add(secret);
    print(
      `listening at ${receiver.url}; put ${new URL(receiver.url).host} into WATCHFIRE_OUTBOUND_ALLOW of the server`,
    );
  });

program
  .command('export')
  .description('write the whole store to a folder or down a pipe; nobody may serve it meanwhile')
  .option('--to <folder>', 'a folder of its own, or - for the standard output; a stopped export goes on', '-')
  .action(async ({ to }: { to: string }) => (await import('./commands/transfer.ts')).exportStore(readConfig(), to));

program
  .command('import')
  .description('take what `watchfire export` wrote into a new store, and compare; a stopped import goes on')
  .option('--from <folder>', 'the folder of an export, or - for the standard input', '-')
  .action(async ({ from }: { from: string }) =>
    (await import('./commands/transfer.ts')).importStore(readConfig(), from),
  );

accessCommands(program);
credentialsCommands(program);
simulateCommands(program);
hl7v2Commands(program);
quarantineCommands(program);
fileDropCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  const sentence = error instanceof Error ? error.message : 'stopped';
  process.stderr.write(`watchfire: ${sentence}\n`);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}
