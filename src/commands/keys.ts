/** `watchfire keys`: API keys of devices from the command line. */
import type { Config } from '../config.ts';
import { ask, askAll, withServer } from './running.ts';

export interface KeyOptions {
  readonly name: string;
  readonly days?: number;
  readonly permissions: readonly string[];
}

/** Makes a key and prints it, the only time that it can be seen. */
export async function createKey(
  config: Config,
  deviceId: string,
  { name, days, permissions }: KeyOptions,
  print: (line: string) => void,
): Promise<void> {
  const made = await withServer(config, (reached) =>
    ask(reached, 'POST', `/admin/devices/${encodeURIComponent(deviceId)}/keys`, {
      key_name: name,
      expires_in_days: days,
      permissions,
    }),
  );
  print(`API key: ${made.key}`);
  print('It is not shown again; only its hash is kept.');
  print(`Prefix ${made.prefix}, ${made.expires_at ? `expires ${made.expires_at}` : 'without expiry'}`);
}

export async function printKeys(
  config: Config,
  deviceId: string | undefined,
  print: (line: string) => void,
): Promise<void> {
  const path = deviceId === undefined ? '/admin/keys' : `/admin/devices/${encodeURIComponent(deviceId)}/keys`;
  const keys = await withServer(config, (reached) => askAll(reached, path, 'keys'));
  if (keys.length === 0) print('no keys');
  for (const key of keys) {
    const state = key.revoked_at
      ? `revoked ${key.revoked_at}`
      : key.expires_at
        ? `expires ${key.expires_at}`
        : 'no expiry';
    print(
      `${key.prefix}  ${key.device_id}  ${key.permissions.join(',')}  ${state}  last used ${key.last_used_at ?? 'never'}  ${key.key_name}`,
    );
  }
}

/** What was done with a key, newest first; refused attempts say why. */
export async function printActivity(
  config: Config,
  prefix: string,
  count: number,
  print: (line: string) => void,
): Promise<void> {
  const path = `/admin/keys/${encodeURIComponent(prefix)}/activity?count=${count}`;
  const { activity } = await withServer(config, (reached) => ask(reached, 'GET', path));
  if (activity.length === 0) print('never used');
  for (const { at, interaction, status, address, error } of activity)
    print(`${at}  ${address}  ${interaction}  ${status}${error ? `  ${error}` : ''}`);
}

export async function revoke(config: Config, prefix: string, print: (line: string) => void): Promise<void> {
  await withServer(config, (reached) => ask(reached, 'DELETE', `/admin/keys/${encodeURIComponent(prefix)}`));
  print(`${prefix} is revoked`);
}
