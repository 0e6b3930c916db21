/** Ends the transactions of servers that died in the middle of one: MongoDB would keep what they wrote locked for a minute. https://www.mongodb.com/docs/manual/reference/command/killSessions/ */
import type { ClientSession } from 'mongodb';
import type { Parts } from './parts.ts';

/** Ms between two looks. */
const LOOK_EVERY = 5_000;
/** Ms of silence, by the database's clock, after which a server's transactions are ended. One that lives only tries again. */
const SILENCE = 15_000;

/** Until the signal. Says under which sessions this server's own transactions run, and looks after those of others. */
export async function endAbandoned(parts: Parts, own: readonly ClientSession[], signal: AbortSignal): Promise<void> {
  const { client, runtime } = parts;
  const { server } = parts.collections;
  const sessions = own.map(({ id }) => id!.id);
  const ended = new Set<string>();
  const database = client.db(server.dbName);
  while (!signal.aborted) {
    try {
      const _id = parts.server;
      await server.updateOne({ _id }, { $set: { sessions } });
      const silent = { $lt: ['$seen', { $subtract: ['$$NOW', SILENCE] }] };
      const others = await server.find({ _id: { $gte: 0, $ne: _id }, $expr: silent }).toArray();
      for (const { boot, sessions: theirs = [] } of others) {
        if (ended.has(boot) || theirs.length === 0) continue;
        await database.command({ killSessions: theirs.map((id) => ({ id })) });
        ended.add(boot);
      }
    } catch {
      // Without a primary, or without the right to it, they end by themselves.
    }
    await runtime.sleep(LOOK_EVERY, signal);
  }
}
