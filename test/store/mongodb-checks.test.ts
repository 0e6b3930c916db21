/** What a MongoDB URI may say, and which servers are refused: by their answers, and by real ones. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { connectTo } from '../../src/store/mongodb/connect.ts';
import { releaseObjection } from '../../src/store/mongodb/releases.ts';
import { checkServer, standaloneObjection, writeConcernObjection } from '../../src/store/mongodb/server-checks.ts';
import { databaseOf, placeOf, uriObjection } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type ReplicaSet, startReplicaSet, startStandalone } from '../support/mongod.ts';

describe('A MongoDB URI', () => {
  const good = [
    'mongodb://db',
    'mongodb://db/',
    'mongodb://a:1,b:2,c:3/?replicaSet=rs0',
    'mongodb://user@db/records',
    'mongodb://us%2Fer:p%40ss%3A@a,[::1]:27017/records?authSource=admin&w=majority&journal=true&tls=true',
    'mongodb://db/?readPreference=primary&compressors=snappy,zstd&retryWrites=true',
    'mongodb://user:pass@db/?directConnection=false&readConcernLevel=majority&maxPoolSize=50&authMechanism=SCRAM-SHA-256',
    'mongodb+srv://user:pass@cluster0.abc.example.net/records',
  ];

  it.each(good)('is taken: %s', (uri) => {
    expect(uriObjection(uri)).toBeUndefined();
    // The driver's own complaints quote the whole URI with its password: what we take, it must take.
    expect(() => new MongoClient(uri)).not.toThrow();
  });

  it.each([
    ['mongodb://', /must be mongodb:\/\/user:password@host:port/],
    ['mongodb://user:secret@/records', /must be mongodb:\/\//],
    ['mongodb://user:se@cret@db', /%xx for signs in user and password/],
    ['mongodb://user:se/cret@db', /%xx for signs in user and password/],
    ['mongodb://user:secr%zzet@db', /percent sign as %25/],
    ['mongodb://user:secret@db:port', /host:port/],
    ['mongodb://user:secret@a,,b', /host:port/],
    ['mongodb+srv://user:secret@a.example.net:27017', /one name of three parts/],
    ['mongodb+srv://user:secret@db', /one name of three parts/],
    ['mongodb://user:secret@db/a.secret', /database of letters/],
    ['mongodb://user:secret@db/?w=1', /w=majority/],
    ['mongodb://user:secret@db/?W=2', /w=majority/],
    ['mongodb://user:secret@db/?journal=false', /journal=true/],
    ['mongodb://user:secret@db/?j=false', /j=true/],
    ['mongodb://user:secret@db/?readPreference=secondaryPreferred', /readPreference=primary/],
    ['mongodb://user:secret@db/?retryWrites=false', /retryWrites=true/],
    ['mongodb://user:secret@db/?compressors=snappy,zlib', /without zlib/],
    ['mongodb://user:secret@db/?directConnection=true', /no directConnection, and name every member/],
    ['mongodb://user:secret@db/?loadBalanced=true', /no loadBalanced/],
    ['mongodb://user:secret@db/?readConcernLevel=local', /readConcernLevel=majority/],
    ['mongodb://user:secret@db/?retryReads=false', /retryReads=true/],
    ['mongodb://user:secret@db/?wtimeoutMS=100', /no wtimeoutMS/],
    ['mongodb://user:secret@db/?timeoutMS=100', /no timeoutMS/],
    ['mongodb://user:secret@db/?passwort=secret', /must not have the option passwort$/],
    ['mongodb://user:secret@db/?constructor=secret', /must not have the option constructor$/],
    ['mongodb://user?secret@db', /must not have options that are none of MongoDB$/],
    ['mongodb://user:secret@db/?maxPoolSize=secret', /must give maxPoolSize a number$/],
    ['mongodb://user:secret@db/?tls=secret', /must give tls true or false$/],
  ])('is refused without showing it: %s', (uri, why) => {
    expect(uriObjection(uri)).toMatch(why);
    expect(uriObjection(uri)).not.toMatch(/secr/);
  });

  it('names the database in its path, or ours', () => {
    expect(databaseOf('mongodb://user:secret@db/records?replicaSet=rs0')).toBe('records');
    expect(databaseOf('mongodb://user:secret@db?replicaSet=rs0')).toBe('watchfire');
    expect(databaseOf('mongodb://user:secret@db/')).toBe('watchfire');
  });

  it('does not show in what the driver says of a server that does not answer', async () => {
    const client = new MongoClient('mongodb://user:secret@127.0.0.1:1/?serverSelectionTimeoutMS=50');
    const error = await checkServer(client, { acceptRelease: undefined }).catch((failure) => failure);
    expect(error).toBeInstanceOf(Error);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('secret');
    await client.close();
  });

  it('of hosts where nobody answers is told by its hosts and how long they were asked', async () => {
    const uri = 'mongodb://user:secret@127.0.0.1:1,127.0.0.1:2/records?replicaSet=rs0';
    const error = await connectTo(uri, { serverSelectionTimeoutMS: 900 }).catch((failure) => failure);
    expect(error.message).toMatch(
      /^MongoDB at 127.0.0.1:1,127.0.0.1:2\/records cannot be reached: no answer from any of these hosts within [1-9]\d* s \(.*ECONNREFUSED/,
    );
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('secret');
  });

  it('is told in logs by hosts and database', () => {
    expect(placeOf('mongodb://user:secret@a:1,b:2/records?authSource=secret')).toBe('a:1,b:2/records');
  });
});

describe('A release of MongoDB', () => {
  it.each(['6.0.29', '7.0.48', '8.0.37', '8.3.16', '9.0.7', '8.0.40-12', '10.0.0'])('%s is served on', (release) => {
    expect(releaseObjection(release, undefined)).toBeUndefined();
  });

  it.each([
    ['6.0.26', 'CVE-2025-14847', '6.0.29'],
    ['6.0.28', 'CVE-2026-11933', '6.0.29'],
    ['7.0.27', 'CVE-2025-14847', '7.0.48'],
    ['7.0.47', 'CVE-2026-120811', '7.0.48'],
    ['7.0.7', 'transactions on a sharded cluster can miss writes', '7.0.48'],
    ['7.3.4', 'CVE-2025-14847', '8.0.37'],
    ['8.0.11', 'CVE-2025-10060', '8.0.37'],
    ['8.0.16', 'CVE-2025-14847', '8.0.37'],
    ['8.2.2', 'CVE-2025-14847', '8.3.16'],
    ['9.0.6-rc0', 'CVE-2026-120811', '9.0.7'],
  ])('%s is refused for %s, and told to become %s', (release, fault, better) => {
    expect(releaseObjection(release, undefined)).toContain(fault);
    expect(releaseObjection(release, undefined)).toContain(`repaired in ${better};`);
  });

  it('that has the repair of a fault is not refused for it', () => {
    expect(releaseObjection('7.0.28', undefined)).not.toContain('CVE-2025-14847');
    expect(releaseObjection('8.0.12', undefined)).not.toContain('CVE-2025-10060');
  });

  it('is accepted with its faults by its exact name only', () => {
    expect(releaseObjection('6.0.5', '6.0.5')).toBeUndefined();
    expect(releaseObjection('6.0.5', '6.0.6')).toContain('WATCHFIRE_MONGODB_ACCEPT_RELEASE=6.0.5');
    expect(releaseObjection('6.0.5-4', '6.0.5')).toContain('WATCHFIRE_MONGODB_ACCEPT_RELEASE=6.0.5-4');
  });

  it('older than 6.0 is refused, accepted or not', () => {
    expect(releaseObjection('5.0.34', '5.0.34')).toBe('MongoDB 5.0.34 is not supported; upgrade it to 6.0 or later');
    expect(releaseObjection('4.4.31', undefined)).toMatch(/not supported/);
  });

  it('that says nothing that can be judged is refused', () => {
    expect(releaseObjection('', '')).toMatch(/cannot be judged/);
  });
});

describe('The default write concern', () => {
  const three = { setName: 'rs0', hosts: ['a:1', 'b:1', 'c:1'] };
  const defaults = (w: unknown) => ({ defaultWriteConcern: { w, wtimeout: 0 } });

  it.each([
    ['majority', three],
    [2, three],
    [1, { setName: 'rs0', hosts: ['a:1'] }],
    ['majority', { msg: 'isdbgrid' }],
  ])('%j is enough for %j', (w, hello) => {
    expect(writeConcernObjection(defaults(w), hello)).toBeUndefined();
  });

  it.each([
    [1, three],
    [0, three],
    ['dc1', three],
    [2, { setName: 'rs0', hosts: ['a:1', 'b:1'], passives: ['c:1', 'd:1'] }],
    [3, { msg: 'isdbgrid' }],
  ])('%j is less than a majority for %j', (w, hello) => {
    expect(writeConcernObjection(defaults(w), hello)).toMatch(/less than a majority; run db.adminCommand/);
  });

  it('of a set with an arbiter says what to replace', () => {
    const hello = { setName: 'rs0', hosts: ['a:1', 'b:1'], arbiters: ['c:1'] };
    expect(writeConcernObjection(defaults(1), hello)).toMatch(/replace the arbiter by a member with data$/);
    expect(writeConcernObjection({}, hello)).toMatch(/is not known/);
  });
});

describe('A server without a set', () => {
  it('is refused, a router or a member is not', () => {
    expect(standaloneObjection({ isWritablePrimary: true })).toMatch(/standalone.*--replSet.*rs\.initiate\(\)/);
    expect(standaloneObjection({ isreplicaset: true })).toMatch(/run rs\.initiate\(\)/);
    expect(standaloneObjection({ msg: 'isdbgrid' })).toBeUndefined();
    expect(standaloneObjection({ setName: 'rs0' })).toBeUndefined();
  });
});

describeOnMongod('A real server', () => {
  let set: ReplicaSet;
  let client: MongoClient;
  let release: string;
  beforeAll(async () => {
    set = await startReplicaSet();
    client = new MongoClient(set.uri);
    release = (await client.db('admin').command({ buildInfo: 1 }))['version'];
  }, 60_000);
  afterAll(async () => {
    await client?.close();
    await set?.stop();
  });

  it('of three members is taken when its release is accepted', async () => {
    await expect(checkServer(client, { acceptRelease: release })).resolves.toBeUndefined();
  });

  it('is judged by its release', async () => {
    const objection = releaseObjection(release, undefined);
    const check = checkServer(client, { acceptRelease: undefined });
    if (objection === undefined) await expect(check).resolves.toBeUndefined();
    else await expect(check).rejects.toThrow(objection);
  });

  it('refuses a login that it does not know, and is not taken for another replica set', async () => {
    const to = (uri: string) => connectTo(uri, { serverSelectionTimeoutMS: 4_000 });
    await expect(to(set.uri.replace('//', '//user:secret@'))).rejects.toThrow(
      /^MongoDB at [0-9.:,]+\/\w+ refused the login: the user, the password or authSource in WATCHFIRE_STORE is not right$/,
    );
    await expect(to(set.uri.replace('replicaSet=watchfire', 'replicaSet=rs0'))).rejects.toThrow(
      / is another replica set .*: its members call it watchfire; say replicaSet=watchfire$/,
    );
  });

  it('is refused when its default is less than a majority', async () => {
    await client.db('admin').command({ setDefaultRWConcern: 1, defaultWriteConcern: { w: 1 } });
    await expect(checkServer(client, { acceptRelease: release })).rejects.toThrow(
      'w: 1, which is less than a majority',
    );
  });
});

describeOnMongod('A real standalone', () => {
  it('is refused', async () => {
    const { uri, stop } = await startStandalone();
    await expect(connectTo(`${uri}?replicaSet=rs0`, { serverSelectionTimeoutMS: 4_000 })).rejects.toThrow(
      'belongs to no replica set; start it with --replSet',
    );
    const client = new MongoClient(uri);
    try {
      await expect(checkServer(client, { acceptRelease: undefined })).rejects.toThrow('is a standalone');
    } finally {
      await client.close();
      await stop();
    }
  }, 60_000);
});
