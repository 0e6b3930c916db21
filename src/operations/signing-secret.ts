/** The secret that a Subscription's notifications are signed with, and those before it. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
import { problem } from '../fhir/outcome.ts';
import { isSecret, newSecret } from '../outbound/signing.ts';
import type { Runtime } from '../runtime.ts';
import type { Change, Store } from '../store/store.ts';

/** Kept by the Subscription's id: {@link KeptSecret}. */
export const SECRET_KIND = 'subscription-secret';

export interface KeptSecret {
  readonly current: string;
  /** Those before it, the newest first; each signs beside it until its moment, ms. None were there before the first change. */
  readonly former?: readonly FormerSecret[];
}
export interface FormerSecret {
  readonly secret: string;
  readonly until: number;
}

/** How long a former secret goes on signing beside the new one, ms. */
const secretOverlap = 24 * 3_600_000;
/** More of them would make the signature header longer than receivers take. */
const mostFormer = 10;

export interface AskedSecret {
  readonly store: Pick<Store, 'get'>;
  readonly runtime: Pick<Runtime, 'now' | 'random'>;
  /** Of the Subscription. */
  readonly id: string;
  /** A fresh one where left out. */
  readonly secret?: string;
}

/** The change that sets it; throws 422 value where the text is no secret. */
export async function secretChange({
  store,
  runtime,
  id,
  secret = newSecret(runtime.random),
}: AskedSecret): Promise<{ readonly secret: string; readonly change: Change }> {
  if (!isSecret(secret)) {
    throw problem('value', 'a secret is whsec_ and the base64 of 24 to 64 bytes', { status: 422 });
  }
  const [kept] = await store.get(SECRET_KIND, [id]);
  const value: KeptSecret = {
    current: secret,
    former: formerOf(kept?.value as KeptSecret | undefined, secret, runtime.now()),
  };
  return { secret, change: { op: 'put', kind: SECRET_KIND, key: id, value, expect: kept?.revision ?? 'absent' } };
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
