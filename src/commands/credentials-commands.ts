/** The commands about what makers know us by: `watchfire credentials`. docs/credentials.md */
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { print, whole } from './arguments.ts';
import type { CredentialOptions } from './credentials.ts';

export function credentialsCommands(program: Command): void {
  const credentials = program.command('credentials').description('what the makers of devices know this server by');
  credentials
    .command('set')
    .description(
      'store a credential; its secrets are asked for, or piped in: the client secret on the first line, the API key on the second',
    )
    .argument('<maker>', 'name of a folder of mappings, such as boston-scientific')
    .requiredOption('--client-id <id>', 'as the maker gave it')
    .requiredOption('--environment <name>', 'sandbox or production')
    .option('--private-key <file>', 'PEM or JWK, for private_key_jwt and mutual TLS')
    .option('--certificate <file>', 'PEM, for mutual TLS')
    .option('--overlap <minutes>', 'how long the credential before stays valid beside it', whole, 60)
    .action(async (maker: string, options: CredentialOptions) =>
      (await import('./credentials.ts')).setCredential(readConfig(), maker, options, print),
    );
  credentials
    .command('list')
    .description('list credentials without their secrets')
    .action(async () => (await import('./credentials.ts')).printCredentials(readConfig(), print));
  credentials
    .command('remove')
    .description('forget a credential; the maker is not asked any more')
    .argument('<maker>')
    .argument('<environment>', 'sandbox or production')
    .action(async (maker: string, environment: string) =>
      (await import('./credentials.ts')).removeCredential(readConfig(), maker, environment, print),
    );
  credentials
    .command('rotate-key')
    .description('wrap every credential under the first of the configured keys; may be stopped and run again')
    .action(async () => (await import('./credentials.ts')).rotateKey(readConfig(), print));
}
