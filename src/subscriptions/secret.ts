/** Changes the secret that a Subscription's notifications are signed with. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
import { problem } from '../fhir/outcome.ts';
import { isSecret, newSecret } from '../outbound/signing.ts';
import type { Runtime } from '../runtime.ts';
import { type Change, isAbsent, type Store } from '../store/store.ts';
import { type FormerSecret, type KeptSecret, kinds } from './kept.ts';

/** How long a former secret goes on signing beside the new one, ms. */
const secretOverlap = 24 * 3_600_000;
/** More of them would make the signature header longer than receivers take. */
const mostFormer = 10;

/** Sets the given secret, or a fresh one; throws not-found, or 422 value where the text is no secret. */
export async function setSecret(parts: {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly id: string;
  readonly secret?: string;
  /** Committed with it, such as the audit row. */
  readonly also?: readonly Change[];
}): Promise<{ readonly secret: string }> {
  const { store, runtime, id, also = [] } = parts;
  const [subscription] = await store.read([{ type: 'Subscription', id }]);
  if (isAbsent(subscription)) throw problem('not-found', `Subscription/${id} was not found`);
  const secret = parts.secret ?? newSecret(runtime.random);
  if (!isSecret(secret)) {
    throw problem('value', 'a secret is whsec_ and the base64 of 24 to 64 bytes', { status: 422 });
  }
  const [kept] = await store.get(kinds.secret, [id]);
  const value: KeptSecret = {
    current: secret,
    former: formerOf(kept?.value as KeptSecret | undefined, secret, runtime.now()),
  };
  await store.commit([{ op: 'put', kind: kinds.secret, key: id, value, expect: kept?.revision ?? 'absent' }, ...also]);
  return { secret };
}

/** What goes on signing beside a new secret; one that comes back is no former one. */
function formerOf(kept: KeptSecret | undefined, secret: string, now: number): readonly FormerSecret[] {
  if (kept === undefined) return [];
  const { current, former = [] } = kept;
  return [{ secret: current, until: now + secretOverlap }, ...former]
    .filter((one) => one.secret !== secret && one.until > now)
    .slice(0, mostFormer);
}

/** The secrets that sign now, the newest first. */
export const liveSecrets = ({ current, former = [] }: KeptSecret, now: number): readonly string[] => [
  current,
  ...former.filter(({ until }) => until > now).map(({ secret }) => secret),
];
