/** Ends the transactions of servers that died in the middle of one: MongoDB would keep what they wrote locked for a minute. https://www.mongodb.com/docs/manual/reference/command/killSessions/ */
import type { ClientSession } from 'mongodb';
import type { Parts } from './parts.ts';

/** Ms between two looks. */
const LOOK_EVERY = 5_000;
/** Ms of silence, by the database's clock, after which a server is taken for dead. One that lives only tries again. */
const SILENCE = 15_000;

/** Until the signal. Says under which sessions this server's own transactions run, and looks after those of others. */
export async function endAbandoned(parts: Parts, own: readonly ClientSession[], signal: AbortSignal): Promise<void> {
  const sessions = own.map(({ id }) => id!.id);
  const look = createLook(parts);
  while (!signal.aborted) {
    try {
      // Not into the document of whoever took the number meanwhile.
      await parts.collections.server.updateOne({ _id: parts.server, boot: parts.boot }, { $set: { sessions } });
      await look();
    } catch {
      // Without a primary, or without the right to it, they end by themselves.
    }
    await parts.runtime.sleep(LOOK_EVERY, signal);
  }
}

/** One look after the others. Who is silent at two looks in a row is dead: after an election nobody has been heard of for long, and all live. */
export function createLook({
  client,
  collections: { server },
  boot: mine,
}: Pick<Parts, 'client' | 'collections' | 'boot'>): () => Promise<void> {
  const database = client.db(server.dbName);
  const silent = { $lt: ['$seen', { $subtract: ['$$NOW', SILENCE] }] };
  /** The silent ones, and whether theirs are ended. Who is heard of again is forgotten, and may die another time. */
  let known: ReadonlyMap<string, boolean> = new Map();
  return async () => {
    const others = await server.find({ _id: { $gte: 0 }, boot: { $ne: mine }, $expr: silent }).toArray();
    const before = known;
    const next = new Map(others.map(({ boot }) => [boot, before.get(boot) ?? false]));
    known = next;
    for (const { boot, sessions = [] } of others) {
      if (!before.has(boot) || before.get(boot) || sessions.length === 0) continue;
      await database.command({ killSessions: sessions.map((id) => ({ id })) });
      next.set(boot, true);
    }
  };
}
