/** Browsers that want to be pushed to: kept by user, each under a key of its own. https://www.w3.org/TR/push-api/#pushsubscription-interface */
import { ECDH, hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { problem } from '../../fhir/outcome.ts';
import type { PushTarget } from '../../outbound/web-push.ts';
import { expectedSession } from '../../smart/users/sessions.ts';
import { lookUp } from '../../smart/users/user.ts';
import { everyKept } from '../../store/every-kept.ts';
import type { Change, Look } from '../../store/store.ts';
import type { ChannelKind, Contact } from './channel.ts';

/** `<who>|<hash of the endpoint>`: {@link KeptPush}. */
export const pushKind = 'push-subscription';

/** Who asks to be pushed to, at a page of ours: as long as all that was given out to the login in that epoch stands. */
export interface Subscriber {
  readonly who: string;
  readonly login: string;
  /** Of the user when the session began. */
  readonly epoch: number;
  /** Its id. */
  readonly session: string;
}

interface KeptPush extends PushTarget, Omit<Subscriber, 'who'> {}

/** Of one user; the oldest goes where there would be more. */
const MOST = 10;

export const pushKeyFor = (who: string, endpoint: string): string =>
  `${who}|${hash('sha256', endpoint, 'hex').slice(0, 32)}`;

/** Those whose login may still be pushed to: it is there, not disabled, and nothing has ended what was given out to it since. */
async function stillStanding<T extends { readonly value: KeptPush }>(
  all: readonly T[],
  look: Pick<Look, 'get'>,
): Promise<readonly T[]> {
  const logins = [...new Set(all.map(({ value }) => value.login))].filter((login) => typeof login === 'string');
  const users = new Map(await Promise.all(logins.map(async (login) => [login, await lookUp(look, login)] as const)));
  return all.filter(({ value: { login, epoch } }) => {
    const user = users.get(login)?.user;
    return user !== undefined && user.disabled === undefined && user.epoch === epoch;
  });
}

const standingOf = async (who: string, look: Pick<Look, 'list' | 'get'>) =>
  stillStanding(await everyKept(pushKind, look, `${who}|`), look);

/** Of somebody's browsers the hashes of their endpoints: whoever knows one of them finds it, and learns of no other. */
export async function pushNamesOf(who: string, look: Pick<Look, 'list' | 'get'>): Promise<readonly string[]> {
  return (await standingOf(who, look)).map(({ key }) => key.slice(who.length + 1));
}

/** Where the browser of that key is, if it may still be pushed to. */
export async function pushTargetAt(key: string, look: Pick<Look, 'get'>): Promise<PushTarget | undefined> {
  const [kept] = await look.get(pushKind, [key]);
  return kept && (await stillStanding([kept], look))[0]?.value;
}

/** What a browser hands over, as JSON; throws what a client is told. */
export function pushTargetOf(body: any): PushTarget {
  const { endpoint, keys } = body ?? {};
  const bytes = (text: unknown) => (typeof text === 'string' ? Buffer.from(text, 'base64url').length : 0);
  if (typeof endpoint !== 'string' || endpoint.length > 2_048 || !URL.canParse(endpoint))
    throw problem('value', 'endpoint is a URL');
  if (bytes(keys?.p256dh) !== 65 || bytes(keys?.auth) !== 16 || !isPoint(keys.p256dh))
    throw problem('value', 'keys holds p256dh, a point of P-256 in 65 bytes, and auth of 16, as base64url');
  return { endpoint, p256dh: keys.p256dh, auth: keys.auth };
}

function isPoint(p256dh: string): boolean {
  try {
    return ECDH.convertKey(p256dh, 'prime256v1', 'base64url') !== undefined;
  } catch {
    return false;
  }
}

/**
 * Keeps it for who asks, and for nobody else any more: a browser tells of the alerts of one person. `isRefresh`: only where it is kept
 * already, else 404. 401 where the login or the session is over.
 */
export async function subscribing(
  { who, ...by }: Subscriber,
  target: PushTarget,
  look: Pick<Look, 'list' | 'get'>,
  isRefresh = false,
): Promise<readonly Change[]> {
  const value: KeptPush = { ...target, ...by };
  if ((await stillStanding([{ value }], look)).length === 0) throw problem('login', 'what you signed in with is over');
  const goesOn = await expectedSession(look, by.session);
  const key = pushKeyFor(who, target.endpoint);
  const [before] = await look.get(pushKind, [key]);
  if (isRefresh && (!before || (await stillStanding([before], look)).length === 0))
    throw problem('not-found', 'this browser is not subscribed for you');
  if (before && isDeepStrictEqual(before.value, value)) return [];
  const others = (await everyKept(pushKind, look)).filter((one) => one.key !== key);
  const own = others.filter((one) => one.key.startsWith(`${who}|`));
  const living = await stillStanding(own, look);
  const oldest = living.toSorted((a, b) => a.revision - b.revision).slice(0, Math.max(0, living.length - MOST + 1));
  const gone = [
    ...oldest,
    ...own.filter((one) => !living.includes(one)),
    ...others.filter((one) => !own.includes(one) && one.key.endsWith(key.slice(who.length))),
  ];
  return [
    goesOn,
    { op: 'put', kind: pushKind, key, value, expect: before?.revision ?? 'absent' },
    ...gone.map((one): Change => ({ op: 'drop', kind: pushKind, key: one.key })),
  ];
}

/** What was asked for in a session that is over ends with it, or goes on in the next one where that is of the same login. */
export async function endingPushOf(
  session: string,
  next: { readonly login: string; readonly id: string } | undefined,
  look: Pick<Look, 'list'>,
): Promise<readonly Change[]> {
  return (await everyKept(pushKind, look))
    .filter(({ value }) => value.session === session)
    .map(({ key, value, revision: expect }) =>
      next?.login === value.login
        ? { op: 'put', kind: pushKind, key, value: { ...value, session: next!.id }, expect }
        : { op: 'drop', kind: pushKind, key, expect },
    );
}

/** Where somebody's browsers are. */
export async function pushContacts(
  who: string,
  look: Pick<Look, 'list' | 'get'>,
  kinds: ReadonlySet<ChannelKind>,
): Promise<readonly Contact[]> {
  if (!kinds.has('web-push')) return [];
  return (await standingOf(who, look)).map(({ key }) => ({ kind: 'web-push', value: key }));
}
