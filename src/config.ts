/** Every setting of the server; the only reader of the environment. docs/configuration.md is its tables in prose. */
import { type AccessSettings, accessSettings } from './settings/access.ts';
import { type AlertSettings, alertSettings } from './settings/alerts.ts';
import { type FeedSettings, feedSettings } from './settings/feeds.ts';
import { type ServerSettings, serverSettings } from './settings/server.ts';
import type { Setting } from './settings/setting.ts';

export interface Config extends ServerSettings, AccessSettings, FeedSettings, AlertSettings {
  /** `BOSTON_SCIENTIFIC_BASE_URL` and `..._ENVIRONMENT` of every maker, as they stand there: the makers are data, so is what they are called. */
  readonly makers: Readonly<Record<string, string>>;
}

export const settings: readonly Setting[] = [...serverSettings, ...accessSettings, ...feedSettings, ...alertSettings];

/** Stops the start with a sentence that names the setting. */
export class ConfigError extends Error {}

/** Reads every setting. An unknown WATCHFIRE_* name or a bad value is a ConfigError that names it, without its value. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const known = new Set(settings.map(({ name }) => name));
  for (const name of Object.keys(environment)) {
    if (name.startsWith('WATCHFIRE_') && !known.has(name) && !name.startsWith('WATCHFIRE_TEST_')) {
      throw new ConfigError(`${name} is not a setting of this version; docs/configuration.md lists them all`);
    }
  }
  const config: Record<string, unknown> = {};
  for (const { name, aliases, key, fallback, parse } of settings) {
    const given = [name, ...aliases].find((candidate) => environment[candidate]);
    try {
      config[key] = parse(given ? environment[given]! : fallback);
    } catch (error) {
      throw new ConfigError(`${given ?? name} ${(error as Error).message}`);
    }
  }
  config.makers = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) => value && /^(?!WATCHFIRE_)[A-Z0-9_]+_(BASE_URL|ENVIRONMENT)$/.test(name),
    ),
  );
  if (config.profile === 'production') demandOwnToken(config.adminToken as string | undefined);
  return config as unknown as Config;
}

function demandOwnToken(token = ''): void {
  const fault =
    (token === '' && 'must be set in the production profile') ||
    (token.length < 32 && 'must have at least 32 characters in the production profile') ||
    (/your[-_]|change[-_]?me|super[-_]?secret|secret[-_]?key|password|example/i.test(token) &&
      'is one of an example: make one of your own, such as by openssl rand -hex 32');
  if (fault) throw new ConfigError(`WATCHFIRE_ADMIN_TOKEN ${fault}`);
}
