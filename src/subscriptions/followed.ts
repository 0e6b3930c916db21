/** The Subscriptions that the notifier follows, as they stood at its place in the version log. */
import { Problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { type CriteriaIndex, criteriaIndex } from '../search/criteria-index.ts';
import { everyKept } from '../store/every-kept.ts';
import { type Change, isDeleted, type Store, type Version } from '../store/store.ts';
import { type Criteria, parseCriteria } from './criteria.ts';
import { drop, type KeptLive, type KeptOwner, kinds, nobody, put } from './kept.ts';

export interface Followed {
  readonly id: string;
  readonly versionId: number;
  readonly status: string;
  readonly owner: KeptOwner;
  readonly subscription: Resource;
  /** Undefined where this server no longer understands them. */
  readonly criteria: Criteria | undefined;
}

export interface FollowedSet {
  get(id: string): Followed | undefined;
  all(): Iterable<Followed>;
  /** Whether any watches this type; false saves reading the resource. */
  watches(type: string): boolean;
  index(): CriteriaIndex;
  /** Takes in one version of a Subscription out of the log; the changes belong into the commit that moves the cursor. */
  learn(version: Version): Promise<readonly Change[]>;
}

/** Those as of the notifier's last commit. `off` ones are not followed, `error` ones are: their events go on being counted. */
export async function loadFollowed(
  store: Pick<Store, 'get' | 'list' | 'vread'>,
  base: string | undefined,
): Promise<FollowedSet> {
  const followed = new Map<string, Followed>();
  let built: { readonly index: CriteriaIndex; readonly types: ReadonlySet<string> } | undefined;

  async function follow(version: Version): Promise<void> {
    const { id } = version.key;
    const subscription = JSON.parse(version.text) as Resource;
    const [owner] = await store.get(kinds.owner, [id]);
    const previous = followed.get(id);
    const isSame = previous?.subscription.criteria === subscription.criteria;
    const criteria = isSame ? previous!.criteria : understood(subscription.criteria, base);
    followed.set(id, {
      id,
      versionId: version.versionId,
      status: subscription.status,
      owner: (owner?.value as KeptOwner | undefined) ?? nobody,
      subscription,
      criteria,
    });
    if (!isSame) built = undefined;
  }

  function build() {
    if (built) return built;
    const list = [...followed.values()].flatMap(({ id, criteria }) => (criteria ? [{ id, ...criteria }] : []));
    built = { index: criteriaIndex(list), types: new Set(list.map(({ type }) => type)) };
    return built;
  }

  for (const { key, value } of await everyKept(kinds.live, store)) {
    const version = await store.vread({ type: 'Subscription', id: key }, (value as KeptLive).versionId);
    if (version) await follow(version);
  }

  return {
    get: (id) => followed.get(id),
    all: () => followed.values(),
    watches: (type) => build().types.has(type),
    index: () => build().index,
    async learn(version) {
      const { id } = version.key;
      // A log may hand over a version twice, though never one for the first time after a later one.
      if ((followed.get(id)?.versionId ?? 0) >= version.versionId) return [];
      if (isDeleted(version) || JSON.parse(version.text).status === 'off') {
        if (followed.delete(id)) built = undefined;
        return [drop(kinds.live, id)];
      }
      await follow(version);
      return [put(kinds.live, id, { versionId: version.versionId } satisfies KeptLive)];
    },
  };
}

function understood(criteria: unknown, base: string | undefined): Criteria | undefined {
  try {
    return parseCriteria(String(criteria), base);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
