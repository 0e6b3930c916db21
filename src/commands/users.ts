/** `watchfire users`: who may sign in, from the command line. */
import type { Config } from '../config.ts';
import { ask, askAll, withServer } from './running.ts';
import { typed } from './typed.ts';

export interface UserOptions {
  readonly fhirUser: string;
  readonly roles: readonly string[];
}

type Print = (line: string) => void;

const at = (login: string, rest = '') => `/admin/users/${encodeURIComponent(login)}${rest}`;

/** The first line of what is piped in. */
async function piped(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.includes('\n') || text.length > 4_096) break;
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '') throw new Error('no password came in; give it on one line of the standard input');
  return line;
}

/** Never from the arguments: every user of the machine reads those. */
async function newPassword(): Promise<string> {
  if (!process.stdin.isTTY) return piped();
  const [password, again] = await typed(['Password: ', 'Once more: ']);
  if (again !== password) throw new Error('these are two different passwords');
  return password!;
}

export async function createUser(config: Config, login: string, { fhirUser, roles }: UserOptions, print: Print) {
  const password = await newPassword();
  const user = await withServer(config, (reached) =>
    ask(reached, 'POST', '/admin/users', { login, password, fhirUser, roles }),
  );
  print(`${user.login} may sign in as ${user.fhirUser} with ${user.roles.join(', ') || 'no role'}`);
}

const factorWords = ({ password, totp, passkeys }: any) =>
  [password && 'password', totp && 'codes', passkeys > 0 && `${passkeys} passkeys`].filter(Boolean).join('+') || 'none';

export async function printUsers(config: Config, print: Print): Promise<void> {
  const users = await withServer(config, (reached) => askAll(reached, '/admin/users?count=200', 'users'));
  if (users.length === 0) print('no users');
  for (const { login, fhirUser, roles, factors, disabled_at: disabled } of users)
    print(
      `${login}  ${fhirUser}  ${roles.join(',') || '-'}  ${factorWords(factors)}${disabled ? `  disabled ${disabled}` : ''}`,
    );
}

const change = (config: Config, login: string, patch: object) =>
  withServer(config, (reached) => ask(reached, 'PATCH', at(login), patch));

export async function enableUser(config: Config, login: string, isEnabled: boolean, print: Print): Promise<void> {
  await change(config, login, { disabled: !isEnabled });
  print(`${login} is ${isEnabled ? 'enabled' : 'disabled: sessions and tokens are over within 5 seconds'}`);
}

export async function setPassword(config: Config, login: string, resetsFactors: boolean, print: Print): Promise<void> {
  await change(config, login, { password: await newPassword(), ...(resetsFactors && { reset_factors: true }) });
  print(`${login} has a new password${resetsFactors ? ' and no other factor' : ''}; sessions and tokens are over`);
}

export async function setRoles(config: Config, login: string, roles: readonly string[], print: Print): Promise<void> {
  const user = await change(config, login, { roles: roles.filter(Boolean) });
  print(`${login} has ${user.roles.join(', ') || 'no role'}`);
}

export async function printSessions(config: Config, login: string, print: Print): Promise<void> {
  const { sessions } = await withServer(config, (reached) => ask(reached, 'GET', at(login, '/sessions')));
  if (sessions.length === 0) print('no sessions');
  for (const { id, device, address, methods, created_at: since, last_used_at: used } of sessions)
    print(`${id}  ${device}  ${address}  ${methods.join('+')}  since ${since}  last used ${used}`);
}

export async function signOut(config: Config, login: string, session: string | undefined, print: Print): Promise<void> {
  const path = at(login, session === undefined ? '/sessions' : `/sessions/${encodeURIComponent(session)}`);
  await withServer(config, (reached) => ask(reached, 'DELETE', path));
  print(session === undefined ? `${login} is signed out everywhere, and every token is over` : `${session} is over`);
}
