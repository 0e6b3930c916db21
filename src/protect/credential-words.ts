/** A credential as it is handed in, by a request or from an earlier system: the same words, checked in one place. docs/credentials.md */
import { type Credentials, environments } from '../outbound/maker.ts';
import { isEnvironment } from './maker-settings.ts';

export interface WordFault {
  readonly code: 'required' | 'value';
  /** Member to blame. */
  readonly path: string;
  /** Quotes nothing. */
  readonly sentence: string;
}

const secrets = ['client_secret', 'api_key', 'private_key', 'certificate'] as const;
const LONGEST = 16_384;

const fault = (code: WordFault['code'], path: string, sentence: string) => ({ fault: { code, path, sentence } });

/** Text without control characters; PEM has line ends. */
const isText = (value: unknown, name: string): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= LONGEST &&
  (name === 'private_key' || name === 'certificate' ? true : /^[^\p{Cc}]+$/u.test(value));

/** Members that are null are as good as left out. */
export function credentialsIn(
  words: Readonly<Record<string, unknown>>,
):
  | { readonly credentials: Credentials; readonly fault?: undefined }
  | { readonly credentials?: undefined; readonly fault: WordFault } {
  const given = Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined && value !== null));
  const { client_id, environment } = given;
  if (client_id === undefined) return fault('required', 'client_id', 'client_id is required');
  if (environment === undefined)
    return fault('required', 'environment', `environment is required: ${environments.join(' or ')}`);
  if (!isEnvironment(environment))
    return fault('value', 'environment', `environment must be ${environments.join(' or ')}`);
  const known: readonly string[] = ['client_id', 'environment', ...secrets];
  const stranger = Object.keys(given).find((name) => !known.includes(name));
  if (stranger !== undefined)
    return fault('value', stranger.slice(0, 64), `a credential has ${known.join(', ')} and nothing else`);
  const bad = ['client_id', ...secrets].find((name) => given[name] !== undefined && !isText(given[name], name));
  if (bad !== undefined) return fault('value', bad, `${bad} must be text of 1 to ${LONGEST} characters`);
  if (!secrets.some((name) => given[name] !== undefined))
    return fault('required', 'client_secret', 'a credential needs client_secret, api_key or private_key');
  return { credentials: given as unknown as Credentials };
}
