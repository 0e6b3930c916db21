/** From the claims of an outside provider to a user of this house: the one that is linked, else one found by login, else a new one. */
import type { JWTPayload } from 'jose';
import { appended } from '../../../audit/trail.ts';
import { asProblem } from '../../../fhir/outcome.ts';
import { referenceTo } from '../../../fhir/references.ts';
import { only, resolve } from '../../../interactions/resolve.ts';
import { escaped } from '../../../search/escapes.ts';
import { isConflict, type Store } from '../../../store/store.ts';
import { administrator } from '../../access.ts';
import type { Directory } from '../directory.ts';
import { loginOfOutside, outsideKey } from '../outside-link.ts';
import { aboutUser, changeOnce, lookUp, type RowOf, readLogin, type User } from '../user.ts';
import { OutsideFault } from './metadata.ts';
import type { PersonFrom, ProviderSettings } from './settings.ts';

export interface PersonRoom {
  readonly store: Store;
  /** FHIR base of this server. */
  readonly base: string;
  readonly directory: Directory;
}

/** A claim by its name, or by a path with dots where no claim has that name. */
function claimOf(claims: JWTPayload, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let found: unknown = claims;
  for (const step of name.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

/** Roles by the values of a claim; those that the settings do not name give none. Undefined where roles are kept here. */
function rolesBy(claims: JWTPayload, { roles }: Pick<ProviderSettings, 'roles'>): readonly string[] | undefined {
  if (!roles) return undefined;
  const values = [claimOf(claims, roles.claim)].flat().filter((value) => typeof value === 'string');
  return [...new Set(values.flatMap((value) => roles.values[value] ?? []))];
}

async function personBy(claims: JWTPayload, from: PersonFrom, { store, base }: PersonRoom): Promise<string> {
  const value = textOf(claimOf(claims, from.claim));
  if (value === undefined) throw new OutsideFault('claim for fhirUser missing');
  if (!('system' in from)) return value.startsWith(`${base}/`) ? value.slice(base.length + 1) : value;
  const token = [from.system, value].map(escaped).join('|');
  try {
    const found = await resolve(from.type, [['identifier', token]], { store, caller: administrator, base });
    const person = only(from.type, found);
    if (person) return referenceTo(person.key);
  } catch (error) {
    if (asProblem(error).code !== 'multiple-matches') throw error;
    throw new OutsideFault('several persons have the identifier');
  }
  throw new OutsideFault('nobody has the identifier');
}

const isSameSet = (some: readonly string[], others: readonly string[]) =>
  some.length === others.length && some.every((one) => others.includes(one));

/** OutsideFault where nobody may come in by these claims. */
export async function userBy(
  claims: JWTPayload & { readonly sub: string },
  settings: ProviderSettings,
  room: PersonRoom,
  row: RowOf,
): Promise<User> {
  const { store, directory } = room;
  const name = { issuer: settings.issuer, subject: claims.sub };
  // What follows from a sign-in is the provider's deed, until we know who the person is.
  const byProvider: RowOf = (deed) => row({ ...deed, who: `OpenIDProvider/${settings.name}` });
  const roles = rolesBy(claims, settings);
  const linked = await loginOfOutside(store, name);
  const known = linked === undefined ? undefined : (await lookUp(store, linked))?.user;
  if (known) return known.disabled === undefined ? renewed(known) : known;

  const login = readLogin(textOf(claimOf(claims, settings.login)) ?? '');
  if (login === undefined) throw new OutsideFault('claim for login missing or no login');
  const namesake = (await lookUp(store, login))?.user;
  if (namesake) {
    if (!settings.links || namesake.outside) throw new OutsideFault('the login is somebody else’s here');
    return renewed(await link(namesake));
  }
  if (!settings.creates) throw new OutsideFault('nobody here is meant');
  const fhirUser = await personBy(claims, settings.fhirUser, room);
  return refusing(directory.create({ login, fhirUser, roles: roles ?? [] }, byProvider, name));

  async function renewed(user: User): Promise<User> {
    if (!roles || isSameSet(roles, user.roles)) return user;
    return refusing(directory.change(user.login, { roles }, byProvider));
  }

  async function link(user: User): Promise<User> {
    const linkedUser = await changeOnce(store, user.login, (now) => ({
      user: { ...now, outside: name },
      also: [
        outsideKey(name, now.login),
        appended(byProvider({ interaction: 'user-outside-link', status: 200, target: aboutUser(now).target })),
      ],
    })).catch((error: unknown) => {
      throw isConflict(error) ? new OutsideFault('linked to somebody else meanwhile') : error;
    });
    directory.forget();
    return linkedUser;
  }
}

/** What our own rules say against claims is the provider's fault, or that of the settings. */
async function refusing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { status, message } = asProblem(error);
    throw status < 500 ? new OutsideFault(message) : error;
  }
}
