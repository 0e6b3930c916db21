/** A proxy before one member of a replica set: drivers and other members reach it only this way, and only as far as a test lets them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { answeredBy, framing, idOf, isOfMember } from './message.ts';

/** Who talks to the member. */
export type Party = 'drivers' | 'members';
/** `silent`: nothing passes, and nobody is told; it comes through later. `closed`: connections are cut and refused. */
export type State = 'open' | 'silent' | 'closed';
/** What becomes of one message: `lost` cuts its connection before it arrives, `unanswered` when its answer comes. */
export type Fate = 'passes' | 'lost' | 'unanswered';

export interface Wire {
  readonly port: number;
  set(party: Party, state: State): void;
  close(): void;
}

/** `judge` is asked about each message to the member; `onCut` is told when its judgement was carried out. */
export async function startWire(
  member: number,
  judge: (message: Buffer, party: Party) => Fate,
  onCut: () => void,
): Promise<Wire> {
  const states: Record<Party, State> = { drivers: 'open', members: 'open' };
  const lines = new Set<{ party: Party | undefined; flush(): void; end(): void }>();

  const server = createServer((caller) => {
    const upstream = connect(member, '127.0.0.1');
    const doomed = new Set<number>();
    const held: (() => void)[] = [];
    const end = () => {
      caller.destroy();
      upstream.destroy();
      lines.delete(line);
    };
    const cut = () => {
      end();
      onCut();
    };
    const line = {
      party: undefined as Party | undefined,
      flush: () => {
        for (const send of held.splice(0)) send();
      },
      end,
    };
    lines.add(line);
    const pass = (to: Socket, message: Buffer) => {
      const state = states[line.party!];
      if (state === 'closed') end();
      else if (state === 'silent') held.push(() => to.write(message));
      else to.write(message);
    };
    for (const socket of [caller, upstream]) socket.setNoDelay().on('error', end).on('close', end);
    caller.on(
      'data',
      framing((message) => {
        line.party ??= isOfMember(message) ? 'members' : 'drivers';
        const fate = states[line.party] === 'open' ? judge(message, line.party) : 'passes';
        if (fate === 'lost') return cut();
        if (fate === 'unanswered') doomed.add(idOf(message));
        pass(upstream, message);
      }),
    );
    upstream.on(
      'data',
      framing((message) => (doomed.has(answeredBy(message)) ? cut() : pass(caller, message))),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    set(party, state) {
      states[party] = state;
      for (const line of [...lines]) {
        if (line.party !== party) continue;
        if (state === 'closed') line.end();
        if (state === 'open') line.flush();
      }
    },
    close() {
      for (const line of [...lines]) line.end();
      server.close();
    },
  };
}
