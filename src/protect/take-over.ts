/** Takes over what an earlier system stored encrypted with Fernet: a file or a folder of files, once. docs/credentials.md#from-an-earlier-system */
import { hash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join, parse } from 'node:path';
import { ConfigError } from '../config.ts';
import type { Log } from '../log.ts';
import type { Credentials } from '../outbound/maker.ts';
import { type Change, isConflict, type Store } from '../store/store.ts';
import { credentialsIn } from './credential-words.ts';
import { fernetKeysOf, looksLikeFernet, readFernet } from './fernet.ts';
import { makerName } from './maker-settings.ts';
import { kinds, type Vault } from './vault.ts';
import { readOwnFile } from './vault-keys.ts';

const SETTING = 'CREDENTIAL_STORAGE_PATH';

export interface TakeOverParts {
  /** A file, or a folder with one for each maker. */
  readonly path: string;
  /** The keys as they were configured. */
  readonly texts: readonly string[];
  readonly known: readonly string[];
  readonly vault: Pick<Vault, 'changes' | 'removal'>;
  readonly store: Pick<Store, 'get' | 'commit'>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

interface Found {
  readonly maker: string;
  readonly credentials: Credentials;
}

/** How many credentials were taken over. Throws ConfigError for a file that others may read or that the keys do not open. */
export async function takeOver(parts: TakeOverParts): Promise<number> {
  const { path, log } = parts;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) {
    log.warn('no credentials to take over: nothing is at CREDENTIAL_STORAGE_PATH');
    return 0;
  }
  const files = stat.isDirectory()
    ? readdirSync(path, { withFileTypes: true }).flatMap((one) => (one.isFile() ? [join(path, one.name)] : []))
    : [path];
  let count = 0;
  for (const file of files.sort()) count += await takeFile(file, parts);
  if (count > 0) log.info('credentials taken over', { count });
  return count;
}

async function takeFile(file: string, { texts, known, vault, store, log }: TakeOverParts): Promise<number> {
  const text = readOwnFile(file, SETTING);
  const taken = `taken/${hash('sha256', text)}`;
  if ((await store.get(kinds.vault, [taken]))[0]) return 0;
  const found = credentialsOf(file, text.trim(), texts);
  const changes: Change[] = [];
  for (const { maker, credentials } of found) {
    if (!known.includes(maker)) log.warn('credentials of a maker that is not known are left', { code: maker });
    // What was stored here since is newer than what another system left, also where its key is lost.
    else if ((await vault.removal(maker, credentials.environment)) === undefined)
      changes.push(...(await vault.changes(maker, credentials, { by: 'System/take-over', overlap: 0 })));
  }
  const put: Change = { op: 'put', kind: kinds.vault, key: taken, value: { count: changes.length }, expect: 'absent' };
  try {
    await store.commit([...changes, put]);
    return changes.length;
  } catch (error) {
    if (isConflict(error)) return 0; // another server of the store took it over
    throw error;
  }
}

/** One token with everything in it, or JSON with a token for each maker or each member. */
function credentialsOf(file: string, text: string, texts: readonly string[]): readonly Found[] {
  const keys = texts.flatMap(fernetKeysOf);
  const opened = (token: string): string => {
    if (keys.length === 0)
      throw new ConfigError(`${SETTING}: set WATCHFIRE_VAULT_KEY (or SECRET_KEY) to the key of ${file}`);
    for (const key of keys) {
      const plain = readFernet(token, key);
      if (plain) return plain.toString('utf8');
    }
    throw new ConfigError(`${SETTING}: the configured key does not open ${file}, or the file was changed`);
  };
  const value = deeply(looksLikeFernet(text) ? parsed(opened(text), file) : parsed(text, file), opened, file);
  const isOne = typeof value.client_id === 'string';
  const byMaker: readonly (readonly [string, any])[] = isOne ? [[parse(file).name, value]] : Object.entries(value);
  return byMaker.map(([name, words]) => {
    const { credentials, fault } = credentialsIn({ environment: 'production', ...words });
    if (!credentials)
      throw new ConfigError(`${SETTING}: ${file} holds a credential that cannot be used: ${fault!.sentence}`);
    return { maker: makerName(name), credentials };
  });
}

function parsed(text: string, file: string): any {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError(`${SETTING}: ${file} is neither a Fernet token nor JSON`);
  }
}

/** Tokens replaced by what they hold, two levels down. */
function deeply(value: any, opened: (token: string) => string, file: string): any {
  if (typeof value === 'string' && looksLikeFernet(value)) {
    const plain = opened(value);
    return plain.trimStart().startsWith('{') ? parsed(plain, file) : plain;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, deeply(inner, opened, file)]));
}
