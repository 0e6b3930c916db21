/** A Subscription as its deliveries need it, read anew for each of them: what was withdrawn a moment ago is not used. */
import type { Resource } from '../fhir/references.ts';
import { type KeptSecret, liveSecrets } from '../operations/signing-secret.ts';
import { isAbsent, type Store } from '../store/store.ts';
import type { Target } from './channels/channel.ts';
import { type KeptHeaders, type KeptOwner, kinds, nobody } from './kept.ts';

export interface OpenSubscription {
  readonly id: string;
  readonly versionId: number;
  readonly subscription: Resource;
  readonly owner: KeptOwner;
  readonly target: Target;
}

type Settled = Omit<OpenSubscription, 'target'> & { readonly headerLines: readonly string[] };

/** Opens one Subscription again and again; undefined while it is not active. Headers and owner change only with its version. */
export function targetReader(
  store: Pick<Store, 'read' | 'get'>,
  id: string,
): (now: number) => Promise<OpenSubscription | undefined> {
  let settled: Settled | undefined;
  return async (now) => {
    const [version] = await store.read([{ type: 'Subscription', id }]);
    if (version === undefined || isAbsent(version)) return undefined;
    if (settled?.versionId !== version.versionId) {
      const [[owner], [headers]] = await Promise.all([store.get(kinds.owner, [id]), store.get(kinds.headers, [id])]);
      settled = {
        id,
        versionId: version.versionId,
        subscription: JSON.parse(version.text),
        owner: (owner?.value as KeptOwner | undefined) ?? nobody,
        headerLines: (headers?.value as KeptHeaders | undefined)?.lines ?? [],
      };
    }
    if (settled.subscription.status !== 'active') return undefined;
    const [secret] = await store.get(kinds.secret, [id]);
    const { headerLines, ...open } = settled;
    const { endpoint, payload } = open.subscription.channel;
    return {
      ...open,
      target: {
        endpoint,
        hasPayload: payload !== undefined,
        headerLines,
        secrets: secret ? liveSecrets(secret.value as KeptSecret, now) : [],
      },
    };
  };
}

/** Whether its `end` has come. */
export const isEnded = ({ end }: Resource, now: number): boolean => typeof end === 'string' && Date.parse(end) <= now;
