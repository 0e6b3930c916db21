/** Reads of private state. */
import type { Collection, Filter } from 'mongodb';
import type { Kept, Store } from '../store.ts';
import { maxTimeMS } from './reads.ts';
import { type KeptDocument, keptId } from './schema.ts';
import { together } from './together.ts';

/** `now` is the store's clock: MongoDB itself removes what has expired up to a minute later. */
export function createKept(kept: Collection<KeptDocument>, now: () => number): Pick<Store, 'get' | 'list'> {
  const living = (): Filter<KeptDocument> => ({
    $or: [{ expires: { $exists: false } }, { expires: { $gt: new Date(now()) } }],
  });
  const found = together(async (ids) => {
    const asked = { _id: { $in: [...ids] }, ...living() };
    const documents = await kept.find(asked, { batchSize: ids.length + 1, maxTimeMS }).toArray();
    return new Map(documents.map((document) => [document._id, document]));
  });
  return {
    async get(kind, keys) {
      if (keys.length === 0) return [];
      const ids = keys.map((key) => keptId(kind, key));
      const byId = await found([...new Set(ids)]);
      return ids.map((id) => {
        const document = byId.get(id);
        return document && keptOf(document);
      });
    },
    async list(kind, from, limit) {
      if (limit <= 0) return [];
      // The sign after the line feed is the first that no key of the kind begins with.
      const window = { _id: { $gte: keptId(kind, from), $lt: `${kind}\u000b` }, ...living() };
      return (await kept.find(window, { sort: { _id: 1 }, limit, maxTimeMS }).toArray()).map(keptOf);
    },
  };
}

function keptOf({ _id, value, revision }: KeptDocument): Kept {
  const feed = _id.indexOf('\n');
  return { kind: _id.slice(0, feed), key: _id.slice(feed + 1), value: JSON.parse(value), revision };
}
