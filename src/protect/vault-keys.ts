/** The keys that keys of credentials are wrapped under: from a setting, a file, a key service or, in development, the data folder. docs/credentials.md */
import { hash, hkdfSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../config.ts';
import type { Runtime } from '../runtime.ts';
import { type Context, seal, unseal } from './envelope.ts';

export interface WrappingKey {
  /** Whether a wrapped key that bears this name is one of this key's. */
  isNamed(name: string): boolean;
  /** Name of what it wraps with now. */
  name(): Promise<string>;
  wrap(key: Uint8Array, context: Context): Promise<{ readonly wrapped: string; readonly name: string }>;
  unwrap(wrapped: string, context: Context): Promise<Uint8Array>;
}

export interface KeyRing {
  /** What is wrapped from now on is wrapped with it; undefined where none is configured. */
  readonly first: WrappingKey | undefined;
  readonly all: readonly WrappingKey[];
  /** The keys as they were given, for what an earlier system encrypted with one of them. */
  readonly texts: readonly string[];
}

export interface KeySettings {
  readonly vaultKey: string | undefined;
  readonly vaultKeyFile: string | undefined;
  readonly profile: string;
  /** The data folder. */
  readonly data: string;
}

const LEAST = 32;
const SETTING = 'WATCHFIRE_VAULT_KEY (or SECRET_KEY)';

/** 32 bytes in hexadecimal or base64; a longer text is stretched to a key. */
function keyIn(text: string, from: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  const bytes = /^[\w+/-]{43}=?$/.test(text) ? Buffer.from(text, 'base64url') : undefined;
  if (bytes?.length === LEAST) return bytes;
  if (Buffer.byteLength(text) < LEAST)
    throw new ConfigError(
      `${from} has less than ${LEAST} bytes: make one of your own, such as by openssl rand -base64 32`,
    );
  if (/your[-_]|change[-_]?me|example/i.test(text))
    throw new ConfigError(`${from} is one of an example: make one of your own, such as by openssl rand -base64 32`);
  return new Uint8Array(hkdfSync('sha256', text, '', 'watchfire vault key', LEAST));
}

/** A key of our own. Its name says which it is and nothing of it. */
export function localKey(key: Uint8Array, runtime: Pick<Runtime, 'random'>): WrappingKey {
  const own = `key-${hash('sha256', Buffer.concat([Buffer.from('name of a vault key'), key])).slice(0, 12)}`;
  return {
    isNamed: (name) => name === own,
    name: async () => own,
    wrap: async (plain, context) => ({ wrapped: seal(key, plain, context, runtime), name: own }),
    unwrap: async (wrapped, context) => unseal(key, wrapped, context),
  };
}

const keysIn = (text: string): readonly string[] =>
  text
    .split(/[,\r\n]/)
    .map((one) => one.trim())
    .filter(Boolean);

/** Text of a file of secrets. Stops the start where somebody else may read it. */
export function readOwnFile(file: string, setting: string): string {
  let text: string;
  let mode: number;
  try {
    ({ mode } = statSync(file));
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${setting}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  demandOwn(file, mode, setting);
  return text;
}

export function demandOwn(file: string, mode: number, setting: string): void {
  if ((mode & 0o077) !== 0 && process.platform !== 'win32')
    throw new ConfigError(
      `${setting}: ${file} may be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}); make it 0600`,
    );
}

export const vaultKeyFile = (dataFolder: string): string => join(dataFolder, 'vault-key');

/** The key of the data folder; made where it is missing and may be made. */
function folderKey(dataFolder: string, runtime: Pick<Runtime, 'random'>, makes: boolean): readonly string[] {
  const file = vaultKeyFile(dataFolder);
  if (makes) {
    try {
      writeFileSync(file, `${Buffer.from(runtime.random(LEAST)).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  } else if (!statSync(file, { throwIfNoEntry: false })) return [];
  return keysIn(readOwnFile(file, 'WATCHFIRE_DATA'));
}

/** Throws ConfigError with a sentence for a key that is too short, an example's, or in a file that others may read. */
export function openKeyRing(
  { vaultKey, vaultKeyFile: file, profile, data }: KeySettings,
  runtime: Pick<Runtime, 'random'>,
  service?: WrappingKey,
): KeyRing {
  const given = [
    ...keysIn(vaultKey ?? '').map((text) => ({ text, key: keyIn(text, SETTING) })),
    ...(file === undefined ? [] : keysIn(readOwnFile(file, 'WATCHFIRE_VAULT_KEY_FILE'))).map((text) => ({
      text,
      key: keyIn(text, `the key in WATCHFIRE_VAULT_KEY_FILE`),
    })),
  ];
  if (file !== undefined && given.length === 0) throw new ConfigError('WATCHFIRE_VAULT_KEY_FILE holds no key');
  const configured = [...(service ? [service] : []), ...given.map(({ key }) => localKey(key, runtime))];
  const isNone = configured.length === 0;
  const made = folderKey(data, runtime, isNone && profile !== 'production').map((text) =>
    localKey(keyIn(text, 'the key in the data folder'), runtime),
  );
  // In production the key beside the data opens what development stored, and seals nothing more.
  const first = configured[0] ?? (profile === 'production' ? undefined : made[0]);
  return { first, all: [...configured, ...made], texts: given.map(({ text }) => text) };
}
