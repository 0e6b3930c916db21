/** A replica set of three whose members are known, to drivers and to one another, by proxies before them: what is lost between them is scripted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Document, MongoClient } from 'mongodb';
import { type Member, startReplicaSet } from '../../support/mongod.ts';
import { commandOf, isHeartbeatOf } from './message.ts';
import { type Fate, startWire, type Wire } from './proxy.ts';

export interface Fault {
  /** Of a driver. */
  readonly command: string;
  readonly fate: Exclude<Fate, 'passes'>;
  /** So many of them in a row. Default 1. */
  readonly times?: number;
  /** Called at the last one. */
  readonly meanwhile?: () => void;
}

export interface WiredMember {
  readonly member: Member;
  readonly wire: Wire;
  /** As all know it. */
  readonly host: string;
  /** A command to this member itself, past its proxy. */
  command(asked: Document): Promise<Document>;
}

export interface WiredSet {
  /** By the proxies; a database of its own each time. */
  freshUri(): string;
  readonly members: readonly WiredMember[];
  /** The member that takes writes and was elected last; waits for one. */
  primary(): Promise<WiredMember>;
  secondaries(): Promise<readonly WiredMember[]>;
  /** From now on. */
  inflict(fault: Fault): void;
  /** How many messages were lost or not answered since then. */
  cuts(): number;
  /** No member reaches this one, nor does it reach another; drivers do. */
  isolate(member: WiredMember): void;
  /** Everything passes again, and nobody stands still; resolves when there is a primary that all know. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

/** Elections after 2 s without a primary. */
const settings = { electionTimeoutMillis: 2_000, heartbeatIntervalMillis: 500 };

export async function startWiredSet(): Promise<WiredSet> {
  const set = await startReplicaSet({ electionTimeoutMillis: 2_000 });
  let fault: Fault | undefined;
  let cuts = 0;
  /** Messages whose fate was decided: another of the same command may come before the first is cut. */
  let doomed = 0;
  let isolated: string | undefined;

  const judge = (message: Buffer, party: 'drivers' | 'members'): Fate => {
    if (party === 'members') return isolated && isHeartbeatOf(message, isolated) ? 'lost' : 'passes';
    if (!fault || doomed >= (fault.times ?? 1) || commandOf(message) !== fault.command) return 'passes';
    doomed++;
    return fault.fate;
  };
  const onCut = () => {
    if (!fault || isolated) return;
    cuts++;
    if (cuts === (fault.times ?? 1)) fault.meanwhile?.();
  };
  const clients: MongoClient[] = [];
  const members = await Promise.all(
    set.members.map(async (member): Promise<WiredMember> => {
      const wire = await startWire(member.port, judge, onCut);
      const client = new MongoClient(`mongodb://127.0.0.1:${member.port}/?directConnection=true`);
      clients.push(client);
      const command = (asked: Document) => client.db('admin').command(asked);
      return { member, wire, host: `127.0.0.1:${wire.port}`, command };
    }),
  );
  const greetings = () => Promise.all(members.map(({ command }) => command({ hello: 1 }).catch(() => undefined)));
  const primary = async (): Promise<WiredMember> => {
    for (;;) {
      const found = (await greetings())
        .map((hello, at) => ({ hello, at }))
        .filter(({ hello }) => hello?.['isWritablePrimary'])
        .sort((one, other) => (one.hello!['electionId'] < other.hello!['electionId'] ? 1 : -1));
      if (found[0]) return members[found[0].at]!;
      await sleep(50);
    }
  };
  const heal = async () => {
    fault = undefined;
    isolated = undefined;
    for (const { member, wire } of members) {
      for (const party of ['drivers', 'members'] as const) wire.set(party, 'open');
      await member.kill('SIGCONT');
    }
    const agree = async () => {
      const { host } = await primary();
      return (await greetings()).every((hello) => hello?.['primary'] === host);
    };
    while (!(await agree())) await sleep(50);
  };

  const first = members[set.members.indexOf(await set.primary())]!;
  const { config } = await first.command({ replSetGetConfig: 1 });
  const hosts = config.members.map((one: Document) => ({
    ...one,
    host: members[set.members.findIndex(({ port }) => one['host'] === `127.0.0.1:${port}`)]!.host,
  }));
  const wired = {
    ...config,
    version: config.version + 1,
    members: hosts,
    settings: { ...config.settings, ...settings },
  };
  await first.command({ replSetReconfig: wired });
  await heal();

  const seeds = members.map(({ host }) => host).join(',');
  let asked = 0;
  return {
    freshUri: () => `mongodb://${seeds}/wired_${++asked}?replicaSet=${config._id}`,
    members,
    primary,
    async secondaries() {
      const leader = await primary();
      return members.filter((member) => member !== leader);
    },
    inflict(next) {
      fault = next;
      cuts = 0;
      doomed = 0;
    },
    cuts: () => cuts,
    isolate(member) {
      isolated = member.host;
      member.wire.set('members', 'closed');
    },
    heal,
    async stop() {
      await Promise.all(clients.map((client) => client.close()));
      for (const { wire } of members) wire.close();
      await set.stop();
    },
  };
}
