/** The first contact with a MongoDB: what an operator is told when it does not come about, without a word of the URI but its hosts. https://www.mongodb.com/docs/manual/reference/connection-string/ */
import { MongoClient, type MongoClientOptions, MongoError } from 'mongodb';
import { placeOf, replicaSetOf } from '../mongodb-uri.ts';

const AUTHENTICATION_FAILED = 18;

/** Resolves when a member that takes writes is known and lets us in. Rejects with a sentence for people. */
export async function connectTo(uri: string, settings: MongoClientOptions): Promise<MongoClient> {
  const client = clientFor(uri, settings);
  /** As the members call their set; '' for one without a set. */
  const sets = new Set<string>();
  client.on('serverHeartbeatSucceeded', ({ reply }) => void sets.add(String(reply['setName'] ?? '')));
  const begun = performance.now();
  try {
    return await client.connect();
  } catch (error) {
    await client.close();
    const seconds = Math.round((performance.now() - begun) / 1_000);
    throw new Error(`MongoDB at ${placeOf(uri)} ${whyNot(error as Error, sets, replicaSetOf(uri), seconds)}`);
  } finally {
    client.removeAllListeners('serverHeartbeatSucceeded');
  }
}

/** The driver's own complaints quote what they complain of. */
function clientFor(uri: string, settings: MongoClientOptions): MongoClient {
  try {
    return new MongoClient(uri, settings);
  } catch {
    throw new Error(`The URI of the store for ${placeOf(uri)} has options that do not go together`);
  }
}

function whyNot(error: Error, sets: ReadonlySet<string>, asked: string | undefined, seconds: number): string {
  if (error instanceof MongoError && error.code === AUTHENTICATION_FAILED)
    return 'refused the login: the user, the password or authSource in WATCHFIRE_STORE is not right';
  const others = [...sets].filter((name) => name !== '' && name !== asked);
  if (asked !== undefined && others.length > 0)
    return `is another replica set than WATCHFIRE_STORE says: its members call it ${others.join(' and ')}; say replicaSet=${others[0]}`;
  if (asked !== undefined && sets.size === 1 && sets.has(''))
    return 'belongs to no replica set; start it with --replSet and run rs.initiate()';
  if (sets.size > 0) return `has no member that takes writes, for ${seconds} s now`;
  return `cannot be reached: no answer from any of these hosts within ${seconds} s (${error.message})`;
}
