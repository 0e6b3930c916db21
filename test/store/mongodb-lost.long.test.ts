/** What is answered when the connection to MongoDB is lost in the middle of a commit. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../src/store/engine.ts';
import { collectionsOf } from '../../src/store/mongodb/schema.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import type { Change } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { auditRow, key, save } from './drafts.ts';
import { mongodbStores } from './mongodb-stores.ts';

describeOnMongod('A commit on MongoDB', () => {
  const stores = mongodbStores();
  describe('whose connection is lost', () => {
    /** Forwards every message until it is told otherwise. */
    const proxies: Proxy[] = [];
    afterAll(() => {
      for (const proxy of proxies) proxy.close();
    });
    const openThrough = async (): Promise<{ store: Engine; proxy: Proxy; database: string }> => {
      const direct = stores.fresh();
      const [, host, port] = /@?([\d.]+):(\d+)/.exec(direct)!;
      const proxy = await startProxy(host!, Number(port));
      proxies.push(proxy);
      const database = databaseOf(direct);
      const store = await stores.open(`mongodb://127.0.0.1:${proxy.port}/${database}`, { isDirect: true });
      return { store, proxy, database };
    };
    const list = (): Change[] => [save('Patient/1'), { op: 'append', log: 'audit', row: auditRow() }];
    const isStoredOnce = async (store: Engine) => {
      expect((await store.history(key('Patient/1'), { count: 10 })).total).toBe(1);
      expect(await store.audit({ count: 10 })).toHaveLength(1);
    };

    it.each([
      ['once after the commit was done', 'after', 1],
      ['after every commit, so that the store itself is asked', 'after', 6],
      ['once before the commit came through', 'before', 1],
      ['before every commit, so that it is made anew', 'before', 6],
    ] as const)(
      '%s: is answered truly, and stored once',
      async (_, moment, times) => {
        const { store, proxy } = await openThrough();
        await store.commit([save('Patient/0')]);
        proxy.cut(moment, times);
        const [written] = await store.commit(list());

        expect(written).toMatchObject({ versionId: 1, created: true });
        expect(proxy.cuts()).toBe(times);
        await isStoredOnce(store);
      },
      90_000,
    );

    it('and does not come back: who waits is told that the outcome is unknown, and later all is well again', async () => {
      const { store, proxy } = await openThrough();
      await store.commit([save('Patient/0')]);
      expect(store.fault()).toBeUndefined();
      proxy.cut('after', 1, () => proxy.refuse(true));
      const began = performance.now();
      const answer = await store.commit(list()).catch((error) => error);
      // It is asked for 13 s; the driver alone would wait for half a minute.
      expect(performance.now() - began).toBeLessThan(25_000);
      expect(answer).toMatchObject({ code: 'transient', status: 503, headers: { 'Retry-After': '5' } });
      expect(answer.message).toMatch(/outcome of this write is unknown/);
      expect(store.fault()).toMatch(/No member of the MongoDB cluster/);
      const none = await store.commit([save('Patient/2')]).catch((error) => error);
      expect(none).toMatchObject({ code: 'transient', message: expect.stringMatching(/nothing of it is stored/) });

      proxy.refuse(false);
      expect(await store.commit([save('Patient/1')])).toMatchObject([{ versionId: 2 }]);
      expect(store.fault()).toBeUndefined();
    }, 150_000);

    it('an audit row that is sent twice stands there once', async () => {
      const { store, proxy, database } = await openThrough();
      await store.commit([{ op: 'append', log: 'audit', row: auditRow() }]);
      proxy.cut('after', 2, undefined, 'insert');
      await store.commit([{ op: 'append', log: 'audit', row: auditRow({ at: 2 }) }]);
      expect(proxy.cuts()).toBe(2);
      expect(await collectionsOf(stores.admin.db(database)).audit.countDocuments({ at: 2 })).toBe(1);
    }, 90_000);
  });
});

interface Proxy {
  readonly port: number;
  /** The next connections that send the command are cut: before it comes through, or when its reply has come. */
  cut(moment: 'before' | 'after', times: number, then?: () => void, command?: string): void;
  cuts(): number;
  /** Nobody gets through, nor stays. */
  refuse(all: boolean): void;
  close(): void;
}

async function startProxy(host: string, port: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let plan: { moment: 'before' | 'after'; left: number; then: (() => void) | undefined; command: string } | undefined;
  let cuts = 0;
  let isRefusing = false;
  const takesPart = (message: Buffer) => plan !== undefined && plan.left > 0 && commandOf(message) === plan.command;
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const upstream = connect(port, host);
    let isDoomed = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
    };
    sockets.add(client);
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    const cut = () => {
      cuts++;
      end();
      plan?.then?.();
    };
    let rest = Buffer.alloc(0);
    client.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
        const message = rest.subarray(0, rest.readInt32LE(0));
        rest = rest.subarray(message.length);
        if (takesPart(message)) {
          plan!.left--;
          if (plan!.moment === 'before') return cut();
          isDoomed = true;
        }
        upstream.write(message);
      }
    });
    upstream.on('data', (data) => (isDoomed ? cut() : client.write(data)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut(moment, times, then, command = 'commitTransaction') {
      cuts = 0;
      plan = { moment, left: times, then, command };
    },
    cuts: () => cuts,
    refuse(all) {
      isRefusing = all;
      if (all) for (const socket of sockets) socket.destroy();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** The first name in the document of an OP_MSG. https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
function commandOf(message: Buffer): string | undefined {
  if (message.readInt32LE(12) !== 2013) return undefined;
  const begin = 16 + 4 + 1 + 4 + 1;
  return message.toString('utf8', begin, message.indexOf(0, begin));
}
