/** Browsers that want to be pushed to: kept by user, each under a key of its own. https://www.w3.org/TR/push-api/#pushsubscription-interface */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { problem } from '../../fhir/outcome.ts';
import type { PushTarget } from '../../outbound/web-push.ts';
import { everyKept } from '../../store/every-kept.ts';
import type { Change, Look } from '../../store/store.ts';
import type { ChannelKind, Contact } from './channel.ts';

/** `<who>|<hash of the endpoint>`: {@link PushTarget}. */
export const pushKind = 'push-subscription';

/** Of one user; the oldest goes where there would be more. */
const MOST = 10;

export const pushKeyFor = (who: string, endpoint: string): string =>
  `${who}|${hash('sha256', endpoint, 'hex').slice(0, 32)}`;

/** Of somebody's browsers the hashes of their endpoints: whoever knows one of them finds it, and learns of no other. */
export async function pushNamesOf(who: string, look: Pick<Look, 'list'>): Promise<readonly string[]> {
  return (await everyKept(pushKind, look, `${who}|`)).map(({ key }) => key.slice(who.length + 1));
}

/** What a browser hands over, as JSON; throws what a client is told. */
export function pushTargetOf(body: any): PushTarget {
  const { endpoint, keys } = body ?? {};
  const bytes = (text: unknown) => (typeof text === 'string' ? Buffer.from(text, 'base64url').length : 0);
  if (typeof endpoint !== 'string' || endpoint.length > 2_048 || !URL.canParse(endpoint))
    throw problem('value', 'endpoint is a URL');
  if (bytes(keys?.p256dh) !== 65 || bytes(keys?.auth) !== 16)
    throw problem('value', 'keys holds p256dh of 65 bytes and auth of 16, as base64url');
  return { endpoint, p256dh: keys.p256dh, auth: keys.auth };
}

/** Keeps it for who asks; what is kept of it, or not, is nobody else's. `mark`: of the session in which they ask. */
export async function subscribing(
  who: string,
  target: PushTarget & { readonly mark?: string },
  look: Pick<Look, 'list'>,
): Promise<readonly Change[]> {
  const key = pushKeyFor(who, target.endpoint);
  const all = await everyKept(pushKind, look, `${who}|`);
  if (all.some((one) => one.key === key && isDeepStrictEqual(one.value, target))) return [];
  const own = all.filter((one) => one.key !== key);
  const oldest = [...own].sort((a, b) => a.revision - b.revision).slice(0, Math.max(0, own.length - MOST + 1));
  return [
    { op: 'put', kind: pushKind, key, value: target },
    ...oldest.map((one): Change => ({ op: 'drop', kind: pushKind, key: one.key })),
  ];
}

/** Ends those of somebody, or those alone that were asked for in one session. */
export async function unsubscribing(
  who: string,
  look: Pick<Look, 'list'>,
  mark: string | undefined,
): Promise<readonly Change[]> {
  return (await everyKept(pushKind, look, `${who}|`))
    .filter(({ value }) => mark === undefined || value.mark === mark)
    .map(({ key }) => ({ op: 'drop', kind: pushKind, key }));
}

/** Where somebody's browsers are. */
export async function pushContacts(
  who: string,
  look: Pick<Look, 'list'>,
  kinds: ReadonlySet<ChannelKind>,
): Promise<readonly Contact[]> {
  if (!kinds.has('web-push')) return [];
  return (await everyKept(pushKind, look, `${who}|`)).map(({ key }) => ({ kind: 'web-push', value: key }));
}
