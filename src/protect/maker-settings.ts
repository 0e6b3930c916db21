/** What the environment says about one maker: where it is asked, and as which side of an account. docs/configuration.md */
import { ConfigError } from '../config.ts';
import { hostAndPort } from '../outbound/endpoint.ts';
import { type Environment, environments } from '../outbound/maker.ts';
import type { Vault } from './vault.ts';

type Makers = Readonly<Record<string, string>>;

const settingOf = (maker: string, what: 'BASE_URL' | 'ENVIRONMENT'): string =>
  `${maker.toUpperCase().replaceAll('-', '_')}_${what}`;

/** `boston_scientific`, as our customer's documents write it, is the folder `boston-scientific`. */
export const makerName = (given: string): string => given.toLowerCase().replaceAll('_', '-');

export const isEnvironment = (given: unknown): given is Environment => environments.includes(given as Environment);

/** Without a trailing slash; undefined where none is set: then no call leaves. */
export function baseUrlOf(maker: string, makers: Makers): string | undefined {
  const setting = settingOf(maker, 'BASE_URL');
  const text = makers[setting];
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password)
    throw new ConfigError(`${setting} must be an http or https URL without a query or a user`);
  return text.replace(/\/+$/, '');
}

/** `host:port` of every maker that has a base URL: the operator named them, so they may be reached wherever they are. */
export const hostsOfMakers = (known: readonly string[], makers: Makers): readonly string[] =>
  known.flatMap((maker) => {
    const base = baseUrlOf(maker, makers);
    return base === undefined ? [] : [hostAndPort(new URL(base))];
  });

/** As set; undefined where it is not. */
export function environmentSet(maker: string, makers: Makers): Environment | undefined {
  const setting = settingOf(maker, 'ENVIRONMENT');
  const given = makers[setting]?.toLowerCase();
  if (given === undefined || isEnvironment(given)) return given;
  throw new ConfigError(`${setting} must be one of ${environments.join(', ')}`);
}

/** As set, else that of the newest stored credential; undefined without either. */
export const environmentOf = async (
  maker: string,
  makers: Makers,
  vault: Pick<Vault, 'environment'>,
): Promise<Environment | undefined> => environmentSet(maker, makers) ?? (await vault.environment(maker));
