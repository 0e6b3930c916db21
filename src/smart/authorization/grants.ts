/** Grants of users to apps: what of them is alive, listed, and taken back with every token that came of them. https://www.rfc-editor.org/rfc/rfc7009 */
import { appended } from '../../audit/trail.ts';
import type { AuditRow, Change, Kept, Store } from '../../store/store.ts';
import { type Bound, isStillOpen } from '../users/sessions.ts';
import { contextOf } from './context.ts';
import { keyOfId, kinds } from './kinds.ts';

/** What a user sees of a grant, and what takes it away. */
export interface UserGrant {
  /** For `revoke`; opens nothing. */
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

const LISTED = 200;

/** All kept values whose key begins so, in key order. */
async function keptBelow(store: Pick<Store, 'list'>, kind: string, prefix: string): Promise<readonly Kept[]> {
  const all: Kept[] = [];
  for (let from = prefix; ; ) {
    const page = await store.list(kind, from, LISTED);
    const own = page.filter(({ key }) => key.startsWith(prefix));
    all.push(...own);
    if (own.length < LISTED) return all;
    from = `${own[own.length - 1]!.key}\u0000`;
  }
}

/** Takes a grant back with all that came of it, in one commit; `rows` say why. */
export async function revokeGrant(store: Store, grantKey: string, rows: readonly AuditRow[]): Promise<void> {
  const [[grant], tokens] = await Promise.all([
    store.get(kinds.model('Grant'), [grantKey]),
    keptBelow(store, kinds.ofGrant, `${grantKey}/`),
  ]);
  const user = grant && contextOf(grant.value)?.user;
  const changes: Change[] = [{ op: 'drop', kind: kinds.model('Grant'), key: grantKey }];
  if (user !== undefined) changes.push({ op: 'drop', kind: kinds.ofUser, key: `${user}/${grantKey}` });
  for (const { key } of tokens) {
    const [, model, token] = key.split('/');
    changes.push({ op: 'drop', kind: kinds.ofGrant, key }, { op: 'drop', kind: kinds.model(model!), key: token! });
  }
  await store.commit([...changes, ...rows.map(appended)]);
}

/** What a user has granted, that has not been taken back and has not ended, the oldest key first. */
export async function grantsOf(store: Pick<Store, 'list' | 'get'>, login: string): Promise<readonly UserGrant[]> {
  const all = (await keptBelow(store, kinds.ofUser, `${login}/`)).map(({ value }) => value as UserGrant);
  const isOpen = await Promise.all(all.map(({ bound }) => bound === undefined || isStillOpen(store, bound)));
  return all.filter((_grant, at) => isOpen[at]);
}

/** Of a user alone: another's key is as unknown as one that never was. */
export async function isGrantOf(store: Pick<Store, 'get'>, login: string, key: string): Promise<boolean> {
  const [kept] = await store.get(kinds.ofUser, [`${login}/${key}`]);
  return kept !== undefined;
}

export const grantKeyOf = (grantId: string): string => keyOfId(grantId);
