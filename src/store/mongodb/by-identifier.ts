/** Searches for one identifier, as conditionals, devices and most look-ups ask them: those that wait together are one question. Whatever is not as simple as that is left to search.ts. */
import { type Document, Long } from 'mongodb';
import type { SearchQuery } from '../../search/query.ts';
import type { Page } from '../store.ts';
import { isIdentifier } from './guards.ts';
import { keyHash } from './hash.ts';
import type { Parts } from './parts.ts';
import { fieldsOf, versionOf } from './reading.ts';
import { partsOf } from './task.ts';
import { together } from './together.ts';

/** Resources that one question brings; where there are more, each search goes its own way. */
const MOST = 200;
/** Ms after which a search goes its own way. */
const LONGEST = 1_000;

/** The one page of the query; undefined where the way of all searches has to be gone. */
export type IdentifierSearch = (query: SearchQuery) => Promise<Page | undefined>;

export function createIdentifierSearch({ client, collections, hashing, runtime }: Parts): IdentifierSearch {
  const found = together<readonly Document[]>(async (ids) => {
    const hashes = ids.map((id) => Long.fromString(id));
    const session = client.startSession({ snapshot: true });
    try {
      const documents = await collections.resource
        .find<Document>(
          { ix: { $in: hashes } },
          {
            session,
            promoteLongs: false,
            // Which of them it has, of all that it is found by.
            projection: {
              ...fieldsOf({ bodies: true, ties: false }),
              ix: { $filter: { input: '$ix', cond: { $in: ['$$this', hashes] } } },
            },
            limit: MOST + 1,
            batchSize: MOST + 2,
            maxTimeMS: LONGEST,
          },
        )
        .toArray();
      if (documents.length > MOST) throw new Error('too many have one of the identifiers');
      const byId = new Map<string, Document[]>(ids.map((id) => [id, []]));
      for (const document of documents) for (const hash of document['ix']) byId.get(hash.toString())!.push(document);
      return byId;
    } finally {
      await session.endSession();
    }
  });

  return async (query) => {
    const hash = identifierOf(query, hashing);
    if (!hash) return undefined;
    const isOver = new AbortController();
    const late = runtime.sleep(LONGEST, isOver.signal).then(() => undefined);
    const id = hash.toString();
    const ofAll = await Promise.race([found([id]), late]).catch(() => undefined);
    isOver.abort('answered');
    const { type, count } = query;
    const documents = ofAll?.get(id)?.filter((document) => String(document['_id']).startsWith(`${type}/`));
    if (!documents || documents.length > count) return undefined;
    documents.sort((one, other) => Number(one['p']) - Number(other['p']));
    return { matches: documents.map(versionOf), included: [] };
  };
}

/** The hash of the one identifier that is asked for, and nothing else. */
function identifierOf({ where, sort, also, count, total, includes }: SearchQuery, hashing: Parts['hashing']) {
  if (sort.length > 0 || also?.length || count <= 0 || total !== 'none' || includes.length > 0) return undefined;
  const [part, ...more] = partsOf(where);
  if (part?.is !== 'key' || more.length > 0 || !part.second || !isIdentifier(part.name)) return undefined;
  return keyHash(hashing, part.name, part.first, part.second);
}
