/** Grants of users to apps: what of them is alive, listed, and taken back with every token that came of them. https://www.rfc-editor.org/rfc/rfc7009 */
import { appended } from '../../audit/trail.ts';
import { everyKept } from '../../store/every-kept.ts';
import type { AuditRow, Change, Store } from '../../store/store.ts';
import { type Bound, isStillOpen } from '../users/sessions.ts';
import { contextOf } from './context.ts';
import { keyOfId, kinds } from './kinds.ts';

/** What a user sees of a grant. */
export interface UserGrant {
  /** Opens nothing. */
  readonly key: string;
  readonly client: string;
  /** Words separated by blanks. */
  readonly scopes: string;
  readonly patient?: string;
  /** Milliseconds since 1970. */
  readonly granted: number;
  readonly expires: number;
  /** What it ends with, where it ends before that. */
  readonly bound?: Bound;
}

/** Takes a grant back with all that came of it, in one commit; `rows` say why. */
export async function revokeGrant(store: Store, grantKey: string, rows: readonly AuditRow[]): Promise<void> {
  await store.commit([...(await revocation(store, grantKey)), ...rows.map(appended)]);
}

/** Takes back whatever a user has granted to an app, in one commit; false where that is nothing. */
export async function revokeApp(
  store: Store,
  login: string,
  client: string,
  rows: readonly AuditRow[],
): Promise<boolean> {
  const granted = (await allOf(store, login)).filter((grant) => grant.client === client);
  if (granted.length === 0) return false;
  const changes = await Promise.all(granted.map(({ key }) => revocation(store, key)));
  await store.commit([...changes.flat(), ...rows.map(appended)]);
  return true;
}

async function revocation(store: Pick<Store, 'get' | 'list'>, grantKey: string): Promise<readonly Change[]> {
  const [[grant], tokens] = await Promise.all([
    store.get(kinds.model('Grant'), [grantKey]),
    everyKept(kinds.ofGrant, store, `${grantKey}/`),
  ]);
  const user = grant && contextOf(grant.value)?.user;
  const changes: Change[] = [{ op: 'drop', kind: kinds.model('Grant'), key: grantKey }];
  if (user !== undefined) changes.push({ op: 'drop', kind: kinds.ofUser, key: `${user}/${grantKey}` });
  for (const { key } of tokens) {
    const [, model, token] = key.split('/');
    changes.push({ op: 'drop', kind: kinds.ofGrant, key }, { op: 'drop', kind: kinds.model(model!), key: token! });
  }
  return changes;
}

const allOf = async (store: Pick<Store, 'list'>, login: string): Promise<readonly UserGrant[]> =>
  (await everyKept(kinds.ofUser, store, `${login}/`)).map(({ value }) => value as UserGrant);

/** What a user has granted, that has not been taken back and has not ended, the oldest key first. */
export async function grantsOf(store: Pick<Store, 'list' | 'get'>, login: string): Promise<readonly UserGrant[]> {
  const all = await allOf(store, login);
  const isOpen = await Promise.all(all.map(({ bound }) => bound === undefined || isStillOpen(store, bound)));
  return all.filter((_grant, at) => isOpen[at]);
}

export const grantKeyOf = (grantId: string): string => keyOfId(grantId);
