/** How much is stored, from what MongoDB counts anyway. */
import type { Db } from 'mongodb';
import type { StoreSizes } from '../engine.ts';
import type { Collections } from './schema.ts';

/** Ms for which an answer is good enough. */
const FRESH = 5_000;

export function createSizes(db: Db, { resource, version, audit }: Collections, now: () => number) {
  let asked: Promise<StoreSizes> | undefined;
  let at = 0;
  const ask = async (): Promise<StoreSizes> => {
    const [resources, former, auditRows, stats] = await Promise.all([
      resource.estimatedDocumentCount(),
      version.estimatedDocumentCount(),
      audit.estimatedDocumentCount(),
      db.command({ dbStats: 1 }),
    ]);
    const bytes = Number(stats['storageSize']) + Number(stats['indexSize']);
    return { resources, versions: resources + former, auditRows, bytes };
  };
  return (): Promise<StoreSizes> => {
    if (asked && now() - at < FRESH) return asked;
    at = now();
    const answer = ask();
    asked = answer;
    // A failure is nothing to remember.
    answer.catch(() => {
      if (asked === answer) asked = undefined;
    });
    return answer;
  };
}
