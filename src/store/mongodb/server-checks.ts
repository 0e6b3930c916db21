/** Whether a MongoDB can keep the promises: a replica set or sharded cluster, majority by default, a release without known faults. */
import type { Document, MongoClient } from 'mongodb';
import { releaseObjection } from './releases.ts';

/** https://www.mongodb.com/docs/manual/reference/command/hello/ : a server without a set is alone, unless it is a router. */
export function standaloneObjection(hello: Document): string | undefined {
  if (hello['setName'] !== undefined || hello['msg'] === 'isdbgrid') return undefined;
  if (hello['isreplicaset']) return 'the MongoDB server waits for its replica set; run rs.initiate() on one member';
  return (
    'the MongoDB server is a standalone, which has neither transactions nor change streams; start it with --replSet ' +
    'and run rs.initiate(), best with three members'
  );
}

/**
 * Our own writes always say majority; the default counts for whoever else writes, and a default below it is the mark of a set
 * that cannot have a majority of members with data. https://www.mongodb.com/docs/manual/reference/command/getDefaultRWConcern/
 */
export function writeConcernObjection(defaults: Document, hello: Document): string | undefined {
  const w: unknown = defaults['defaultWriteConcern']?.['w'];
  if (w === 'majority' || (typeof w === 'number' && w >= majorityOf(hello))) return undefined;
  const arbiters = (hello['arbiters'] ?? []).length > 0 ? ', and replace the arbiter by a member with data' : '';
  return (
    `the default write concern of the MongoDB cluster is ${w === undefined ? 'not known' : `w: ${JSON.stringify(w)}`}, which is less ` +
    "than a majority; run db.adminCommand({ setDefaultRWConcern: 1, defaultWriteConcern: { w: 'majority' } })" +
    arbiters
  );
}

/** Members that vote, as far as `hello` tells: hidden ones stay hidden. A router names none, so that no number is enough. */
function majorityOf(hello: Document): number {
  const members = ['hosts', 'passives', 'arbiters'].reduce((sum, kind) => sum + (hello[kind] ?? []).length, 0);
  return members === 0 ? Number.POSITIVE_INFINITY : Math.floor(members / 2) + 1;
}

export interface Accepted {
  /** The exact release whose known faults the operator accepts. */
  readonly acceptRelease: string | undefined;
}

/** Resolves for a server that may be written to; otherwise rejects with a sentence that says what to do. */
export async function checkServer(client: MongoClient, { acceptRelease }: Accepted): Promise<void> {
  const admin = client.db('admin');
  const hello = await admin.command({ hello: 1 });
  refuse(standaloneObjection(hello));
  const { version } = await admin.command({ buildInfo: 1 });
  refuse(releaseObjection(String(version), acceptRelease));
  const defaults = await admin.command({ getDefaultRWConcern: 1 }).catch((error) => {
    if (error.code === UNAUTHORIZED) refuse(mayNotAsk);
    throw error;
  });
  refuse(writeConcernObjection(defaults, hello));
}

const UNAUTHORIZED = 13;
const mayNotAsk =
  'the MongoDB user of WATCHFIRE_STORE may not ask for the default write concern; grant it the role clusterMonitor on admin';

function refuse(objection: string | undefined): void {
  if (objection !== undefined) throw new Error(objection);
}
