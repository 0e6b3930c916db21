/** Outside OpenID providers as an operator writes them down in the file of WATCHFIRE_OPENID_PROVIDERS. docs/outside-sign-in.md */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { people } from '../roles.ts';

/** Where the fhirUser of a user comes from: a claim that is a reference, or an identifier that one resource has. */
export type PersonFrom =
  | { readonly claim: string }
  | { readonly claim: string; readonly type: string; readonly system: string };

export interface ProviderSettings {
  /** Of the address that people come back to: `/oauth/outside/<name>/callback`. */
  readonly name: string;
  /** What the button says. */
  readonly title: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly secret?: string;
  readonly key?: { readonly key: KeyObject; readonly alg: string; readonly kid?: string };
  /** How a secret is shown. https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication */
  readonly secretIn: 'client_secret_basic' | 'client_secret_post';
  readonly scopes: readonly string[];
  readonly algorithms: readonly string[];
  /** Whether claims of the userinfo endpoint count besides those of the ID token. */
  readonly userinfo: boolean;
  /** The claim that is the login. */
  readonly login: string;
  readonly fhirUser: PersonFrom;
  /** Left out: the roles are kept here, and those who are made have none. */
  readonly roles?: { readonly claim: string; readonly values: Readonly<Record<string, readonly string[]>> };
  /** Whether who is not known is made a user. */
  readonly creates: boolean;
  /** Whether a user who is here under that login already is taken for the same person: then this provider may sign in as any user. */
  readonly links: boolean;
  /** Values of `amr` or `acr` that stand for a second factor, so that none is asked for here. */
  readonly secondFactor: readonly string[];
}

const signatures = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

type Members = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every error names file and member, never a value: a secret may stand in the wrong place. */
export function readProviders(file: string): readonly ProviderSettings[] {
  const wrong = (what: string) => new Error(`the file of WATCHFIRE_OPENID_PROVIDERS: ${what}`);
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw wrong((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : 'cannot be read as JSON');
  }
  if (!isObject(document) || !Array.isArray(document.providers)) throw wrong('must have a list `providers`');
  const read = document.providers.map((provider, at) =>
    readProvider(provider, dirname(resolve(file)), (what) => wrong(`providers[${at}] ${what}`)),
  );
  for (const member of ['name', 'issuer'] as const)
    if (new Set(read.map((provider) => provider[member])).size < read.length)
      throw wrong(`no two providers may have the same ${member}`);
  return read;
}

const known = [
  'name',
  'title',
  'issuer',
  'client_id',
  'client_secret_file',
  'private_key_file',
  'private_key_alg',
  'private_key_id',
  'token_endpoint_auth_method',
  'scopes',
  'id_token_algorithms',
  'userinfo',
  'login',
  'fhirUser',
  'roles',
  'creates',
  'links',
  'secondFactor',
];

function readProvider(given: unknown, folder: string, wrong: (what: string) => Error): ProviderSettings {
  if (!isObject(given)) throw wrong('must be an object');
  const members = given;
  const strange = Object.keys(given).find((member) => !known.includes(member));
  if (strange !== undefined) throw wrong(`has a member that is not known; there are ${known.join(', ')}`);

  const text = (member: string, fallback?: string): string => {
    const value = given[member] ?? fallback;
    if (typeof value !== 'string' || value === '') throw wrong(`must have ${member}, a text`);
    return value;
  };
  const texts = (member: string, fallback: readonly string[], allowed?: readonly string[]): readonly string[] => {
    const value = given[member] ?? fallback;
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
      throw wrong(`must have in ${member} a list of texts`);
    if (allowed && value.some((item) => !allowed.includes(item)))
      throw wrong(`must have in ${member} some of ${allowed.join(', ')}`);
    return value;
  };
  const yes = (member: string): boolean => {
    const value = given[member] ?? false;
    if (typeof value !== 'boolean') throw wrong(`must have in ${member} true or false`);
    return value;
  };
  const contentOf = (member: string): string => {
    try {
      return readFileSync(resolve(folder, text(member)), 'utf8').trim();
    } catch {
      throw wrong(`names in ${member} a file that cannot be read`);
    }
  };

  const name = text('name');
  if (!/^[a-z0-9-]{1,40}$/.test(name)) throw wrong('must have a name of small letters, digits and -');
  const issuer = text('issuer');
  if (!/^https?:\/\/[^?#\s]+$/.test(issuer) || !URL.canParse(issuer)) throw wrong('must have an issuer that is a URL');
  const scopes = texts('scopes', ['openid', 'profile']);
  if (!scopes.includes('openid')) throw wrong('must ask for the scope openid');
  const hasSecret = given.client_secret_file !== undefined;
  if (hasSecret === (given.private_key_file !== undefined))
    throw wrong('must have one of client_secret_file and private_key_file');
  const secretIn = text('token_endpoint_auth_method', 'client_secret_basic');
  if (secretIn !== 'client_secret_basic' && secretIn !== 'client_secret_post')
    throw wrong('must have as token_endpoint_auth_method client_secret_basic or client_secret_post, or a private key');

  return {
    name,
    title: text('title', name),
    issuer,
    clientId: text('client_id'),
    ...(hasSecret ? { secret: contentOf('client_secret_file') } : { key: readKey() }),
    secretIn,
    scopes,
    algorithms: texts('id_token_algorithms', ['RS256'], signatures),
    userinfo: yes('userinfo'),
    login: text('login', 'preferred_username'),
    fhirUser: readPerson(given.fhirUser, wrong),
    ...(given.roles !== undefined && { roles: readRoles(given.roles, wrong) }),
    creates: yes('creates'),
    links: yes('links'),
    secondFactor: texts('secondFactor', []),
  };

  function readKey(): NonNullable<ProviderSettings['key']> {
    const alg = text('private_key_alg', 'RS384');
    if (!signatures.includes(alg)) throw wrong(`must have as private_key_alg one of ${signatures.join(', ')}`);
    const kid = members.private_key_id === undefined ? undefined : text('private_key_id');
    try {
      return { key: createPrivateKey(contentOf('private_key_file')), alg, ...(kid !== undefined && { kid }) };
    } catch {
      throw wrong('names in private_key_file what is no private key in PEM');
    }
  }
}

function readPerson(given: unknown, wrong: (what: string) => Error): PersonFrom {
  const asked = given ?? { claim: 'fhirUser' };
  const { claim, type, system } = isObject(asked) ? asked : ({} as Members);
  if (typeof claim !== 'string' || claim === '') throw wrong('must have in fhirUser a claim');
  if (type === undefined && system === undefined) return { claim };
  if (typeof type !== 'string' || !people.includes(type) || typeof system !== 'string' || system === '')
    throw wrong(`must have in fhirUser with a system a type of ${people.join(', ')}, and the other way round`);
  return { claim, type, system };
}

function readRoles(given: unknown, wrong: (what: string) => Error): NonNullable<ProviderSettings['roles']> {
  const { claim, values } = isObject(given) ? given : ({} as Members);
  if (typeof claim !== 'string' || claim === '' || !isObject(values))
    throw wrong('must have in roles a claim and values');
  const lists = Object.entries(values);
  if (lists.some(([, roles]) => !Array.isArray(roles) || roles.some((role) => typeof role !== 'string')))
    throw wrong('must have in roles.values a list of roles for each value');
  return { claim, values: Object.assign(Object.create(null), values) };
}
