/** The commands about who is let in: `watchfire keys|clients|users|launches`. */
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { list, print, whole } from './arguments.ts';
import {
  type ClientOptions,
  changeClient,
  createClient,
  deleteClient,
  printClient,
  printClients,
  rotateSecret,
} from './clients.ts';
import { createKey, printActivity, printKeys, revoke } from './keys.ts';
import { createLaunch, type LaunchOptions } from './launches.ts';
import { createUser, enableUser, printSessions, printUsers, setPassword, setRoles, signOut } from './users.ts';

export function accessCommands(program: Command): void {
  const keys = program.command('keys').description('API keys of devices');
  keys
    .command('create')
    .description('make a key and print it, the only time that it can be seen')
    .argument('<device_id>', 'value of Device.identifier')
    .option('--name <text>', 'what the key is for', 'key')
    .option('--days <count>', 'days until it expires; never where left out', whole)
    .option('--permissions <names>', 'can_write_vitals, can_read_patient, separated by commas', list, [
      'can_write_vitals',
    ])
    .action((deviceId: string, options: { name: string; days?: number; permissions: string[] }) =>
      createKey(readConfig(), deviceId, options, print),
    );
  keys
    .command('list')
    .description('list keys without their secrets')
    .argument('[device_id]', 'only those of this device')
    .action((deviceId?: string) => printKeys(readConfig(), deviceId, print));
  keys
    .command('activity')
    .description('what was done with a key, also in vain, newest first')
    .argument('<prefix>', 'as `keys list` shows it')
    .option('--count <number>', 'at most so many lines, up to 1000', whole, 50)
    .action((prefix: string, { count }: { count: number }) => printActivity(readConfig(), prefix, count, print));
  keys
    .command('revoke')
    .description('end a key for good')
    .argument('<prefix>', 'as `keys list` shows it')
    .action((prefix: string) => revoke(readConfig(), prefix, print));

  const clients = program.command('clients').description('apps and systems that may ask for tokens');
  clients
    .command('create')
    .description('register a client and print its secret where it has one, the only time that it can be seen')
    .option('--metadata <file>', 'JSON in the words of RFC 7591; the other options go over it')
    .option('--name <text>', 'what people are asked by')
    .option('--scope <words>', 'what it may ask for, separated by blanks')
    .option('--grants <names>', 'authorization_code, refresh_token, client_credentials, separated by commas', list)
    .option('--redirect <uris>', 'where an app is sent back to, separated by commas', list)
    .option('--auth <method>', 'none, client_secret_basic, client_secret_post or private_key_jwt')
    .option('--jwks <file>', 'its public keys')
    .option('--jwks-uri <url>', 'where its public keys are')
    .option('--roles <names>', 'policies for what it does in its own name, separated by commas', list)
    .option('--purposes <codes>', 'what its tokens are for, codes of v3-ActReason: TREAT,ETREAT', list)
    .action((options: ClientOptions) => createClient(readConfig(), options, print));
  clients
    .command('list')
    .description('list clients in the order of registration')
    .action(() => printClients(readConfig(), print));
  clients
    .command('show')
    .description('print what is kept of a client, without its secret')
    .argument('<client_id>')
    .action((clientId: string) => printClient(readConfig(), clientId, print));
  for (const [deed, description] of [
    ['approve', 'let in a client that registered by itself'],
    ['disable', 'refuse a client and every token of it, within five seconds on every server'],
    ['enable', 'let a disabled client in again'],
  ] as const)
    clients
      .command(deed)
      .description(description)
      .argument('<client_id>')
      .action((clientId: string) => changeClient(readConfig(), clientId, deed, print));
  clients
    .command('rotate')
    .description('give a client a new secret and print it, the only time that it can be seen')
    .argument('<client_id>')
    .option('--overlap <seconds>', 'how long the secret before still opens', whole, 86_400)
    .action((clientId: string, { overlap }: { overlap: number }) =>
      rotateSecret(readConfig(), clientId, overlap, print),
    );
  clients
    .command('delete')
    .description('delete a client; every token of it ends')
    .argument('<client_id>')
    .action((clientId: string) => deleteClient(readConfig(), clientId, print));

  const users = program.command('users').description('who may sign in');
  users
    .command('create')
    .description('make a user; the password is asked for, or read from the standard input')
    .argument('<login>', 'what it signs in with')
    .requiredOption('--fhir-user <reference>', 'who it is, such as Practitioner/7')
    .option('--roles <names>', 'policies of capability/access, separated by commas', list, [])
    .action((login: string, options: { fhirUser: string; roles: string[] }) =>
      createUser(readConfig(), login, options, print),
    );
  users
    .command('list')
    .description('list users by login')
    .action(() => printUsers(readConfig(), print));
  users
    .command('enable')
    .description('let a user in again')
    .argument('<login>')
    .action((login: string) => enableUser(readConfig(), login, true, print));
  users
    .command('disable')
    .description('let a user in no more; sessions and tokens end')
    .argument('<login>')
    .action((login: string) => enableUser(readConfig(), login, false, print));
  users
    .command('password')
    .description('set a new password, asked for or read from the standard input')
    .argument('<login>')
    .option('--reset-factors', 'take authenticator app, passkeys and recovery codes away too')
    .action((login: string, { resetFactors }: { resetFactors?: boolean }) =>
      setPassword(readConfig(), login, resetFactors === true, print),
    );
  users
    .command('roles')
    .description('set the roles of a user')
    .argument('<login>')
    .argument('<names>', 'policies of capability/access, separated by commas; "" for none', list)
    .action((login: string, roles: string[]) => setRoles(readConfig(), login, roles, print));
  users
    .command('sessions')
    .description('list where a user is signed in')
    .argument('<login>')
    .action((login: string) => printSessions(readConfig(), login, print));
  users
    .command('sign-out')
    .description('end every session and token of a user, or one session')
    .argument('<login>')
    .argument('[session]', 'as `users sessions` shows it')
    .action((login: string, session?: string) => signOut(readConfig(), login, session, print));

  program
    .command('launches')
    .description('opening an app with a patient, as an EHR does')
    .command('create')
    .description('print a launch: good once, within five minutes, for this app and this user')
    .requiredOption('--client <client_id>', 'the app')
    .requiredOption('--user <login>', 'who opens it')
    .option('--patient <id>', 'whose record is open')
    .option('--encounter <id>', 'the visit')
    .option('--intent <text>', 'what is to be done')
    .option('--purpose <code>', 'what the data are used for, one that the app is registered for')
    .action((options: LaunchOptions) => createLaunch(readConfig(), options, print));
}
