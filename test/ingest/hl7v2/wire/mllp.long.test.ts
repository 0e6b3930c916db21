/** MLLP under fire: killed at every step, flooded by a hundred senders, fed 10,000 broken messages. Promises P12 and I47. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectMllp, type MllpClient } from '../../../../src/ingest/hl7v2/wire/client.ts';
import { payloadOf } from '../../../../src/ingest/intake/payload.ts';
import { freePort } from '../../../support/free-ports.ts';
import { codes, END, openWireRoom, oru, VT, type WireRoom } from './wire-room.ts';

const program = fileURLToPath(new URL('wire-process.ts', import.meta.url));

interface Child {
  readonly process: ChildProcess;
  readonly port: number;
}

function start(folder: string, port: number, mode: string): Promise<Child | undefined> {
  const child = spawn(process.execPath, ['--no-warnings', program, folder, String(port), mode], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return new Promise((resolve) => {
    child.once('exit', () => resolve(undefined));
    child.stdout!.on('data', (text) => {
      const listening = /listening (\d+)/.exec(String(text));
      if (listening) resolve({ process: child, port: Number(listening[1]) });
    });
  });
}

const framed = (message: string | Buffer) =>
  Buffer.concat([Buffer.from(VT), Buffer.from(message as string), Buffer.from(END)]);

describe('A server that is killed at every step of the way (P12)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-mllp-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has lost nothing that it acknowledged, and stored nothing twice', async () => {
    const SENDERS = 8;
    const EACH = 50;
    let kills = 0;
    const port = await freePort();
    let isOver = false;
    let child = await start(folder, port, 'crash');
    const keeping = (async () => {
      while (!isOver) {
        await new Promise((resolve) => {
          if (!child || child.process.exitCode !== null || child.process.signalCode !== null) resolve(undefined);
          else child.process.once('exit', resolve);
        });
        if (isOver) break;
        kills++;
        child = await start(folder, port, 'crash');
      }
    })();
    const acknowledged = new Set<string>();
    let repeats = 0;
    await Promise.all(
      Array.from({ length: SENDERS }, async (_, sender) => {
        let client: MllpClient | undefined;
        for (let i = 0; i < EACH; i++) {
          const id = `K${sender}-${i}`;
          for (let isAnswered = false; !isAnswered; ) {
            try {
              client ??= await connectMllp({ host: '127.0.0.1', port, patience: 5_000 });
              const [code] = codes([String(await client.send(oru(id, String(i), { patient: `P${sender}` })))]);
              if (code === 'AA') {
                acknowledged.add(id);
                isAnswered = true;
                // One in ten is sent once more, as engines do.
                if (i % 10 === 0)
                  expect(codes([String(await client.send(oru(id, String(i), { patient: `P${sender}` })))])).toEqual([
                    'AA',
                  ]);
              } else expect(code).toBe('AR');
            } catch (error) {
              if (acknowledged.has(id) && !/connection|answer|ECONN|EPIPE/.test(String(error))) throw error;
              isAnswered = acknowledged.has(id);
              client = undefined;
              repeats++;
              await new Promise((resolve) => setTimeout(resolve, 50));
            }
          }
        }
        client?.close();
      }),
    );
    isOver = true;
    child?.process.kill('SIGKILL');
    await keeping;
    process.stderr.write(`${acknowledged.size} acknowledged, ${kills} kills, ${repeats} sent again\n`);

    const room = await openWireRoom({ folder });
    expect(kills).toBeGreaterThan(10);
    expect(acknowledged.size).toBe(SENDERS * EACH);
    for (const type of ['Observation', 'DocumentReference', 'Binary', 'Provenance']) {
      expect([type, await room.versions(type)]).toEqual([type, SENDERS * EACH]);
    }
    expect(await room.versions('Patient')).toBe(SENDERS);
    expect((await room.kept('hl7v2-message')).length).toBe(SENDERS * EACH);
    await room.stop();
  });
});

describe('A hundred senders that do not wait', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-mllp-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const peak = (child: Child) =>
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.process.pid}/status`, 'utf8'))![1]) / 1_024;

  it('find a server whose memory does not grow with what they send', async () => {
    const child = (await start(folder, 0, 'sink'))!;
    const before = peak(child);
    const large = framed(oru('L', 'x'.repeat(19 * 1024 * 1024)));
    const small = Buffer.concat(Array.from({ length: 200 }, (_, i) => framed(oru(`S${i}`))));
    const answered = await Promise.all(
      Array.from({ length: 100 }, (_, sender) => {
        // Every fourth sends a message of 19 MiB, the others 200 small ones in one piece.
        const [sent, expected] = sender % 4 === 0 ? [large, 1] : [small, 200];
        return new Promise<boolean>((resolve) => {
          let count = 0;
          const socket = connect(child.port, '127.0.0.1', () => socket.write(sent));
          socket.on('error', () => resolve(false));
          socket.on('close', () => resolve(false));
          socket.on('data', (chunk) => {
            count += chunk.toString('latin1').split('\x1c').length - 1;
            if (count < expected) return;
            resolve(true);
            socket.destroy();
          });
        });
      }),
    );
    const grown = peak(child) - before;
    process.stderr.write(`memory at most ${Math.round(grown)} MiB above ${Math.round(before)} MiB\n`);
    child.process.kill('SIGKILL');
    expect(answered.filter(Boolean).length).toBe(100);
    expect(grown).toBeLessThan(700);
  });
});

describe('A report of 20 MB', () => {
  it('is stored as it came and acknowledged, by one sender among others', async () => {
    const room = await openWireRoom();
    const pdf = Buffer.alloc(14 * 1024 * 1024, 'watchfire').toString('base64');
    const message = `${oru('PDF')}OBX|2|ED|18750-0^Report^LN||LAB^Application^PDF^Base64^${pdf}||||||F\r`;
    const clients = await Promise.all([1, 2, 3].map(() => connectMllp({ host: '127.0.0.1', port: room.port })));
    const [large, ...others] = await Promise.all([
      clients[0]!.send(message),
      clients[1]!.send(oru('beside')),
      clients[2]!.send(oru('too')),
    ]);
    expect(codes([large!, ...others].map(String))).toEqual(['AA', 'AA', 'AA']);
    const kept = (await room.kept('hl7v2-message')).find(({ value }) => /\|PDF\r/.test(value.answer));
    const raw = { feed: 'hl7v2', at: 0, code: 'refused', reason: '', state: 'open', raw: kept.value.raw } as const;
    expect(String(await payloadOf(raw, room.store)) === message).toBe(true);
    for (const client of clients) client.close();
    await room.stop();
  });
});

describe('10,000 messages that something happened to (I47)', () => {
  let room: WireRoom;
  beforeAll(async () => {
    room = await openWireRoom();
  });
  afterAll(() => room.stop());

  const seed = Number(process.env['WATCHFIRE_TEST_SEED'] ?? Date.now() % 1_000_000);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  const odd = [
    ...'|^~&\\\r\n"\x0b\x1c\0',
    '\xff',
    '\xc3',
    '\\X',
    '\\.sp9\\',
    'MSH|',
    'PID|',
    '""',
    '\r\r',
    '|'.repeat(300),
  ];
  function spoiled(message: string): Buffer {
    let text = message;
    for (let times = 1 + random(4); times > 0; times--) {
      const at = random(text.length);
      const to = at + random(40);
      const change = random(5);
      if (change === 0) text = text.slice(0, at) + text.slice(to);
      else if (change === 1) text = text.slice(0, at) + odd[random(odd.length)] + text.slice(at);
      else if (change === 2) text = text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
      else if (change === 3) text = text.slice(0, to) + text.slice(at);
      else text = text.slice(0, at + 1);
    }
    return Buffer.from(text, 'latin1');
  }

  it('are each answered, or dropped as what is no frame', async () => {
    process.stderr.write(`WATCHFIRE_TEST_SEED=${seed}\n`);
    let answered = 0;
    let closed = 0;
    await Promise.all(
      Array.from({ length: 8 }, async (_, sender) => {
        for (let i = 0; i < 1_250; i += 2) {
          // Two, then one that is whole: its answer shows that the connection lives.
          const bad = Buffer.concat(
            [i, i + 1].map((n) => framed(spoiled(oru(`X${sender}-${n}`, `value ${n}`, { patient: `P${random(50)}` })))),
          );
          const good = `G${sender}-${i}`;
          const heard = await new Promise<string>((resolve) => {
            let text = '';
            const socket = connect(room.port, '127.0.0.1', () =>
              socket.write(Buffer.concat([bad, framed(oru(good, '1', { wish: 'NE|AL' }))])),
            );
            socket.on('data', (chunk) => {
              text += chunk.toString('latin1');
              if (text.includes(`|AA|${good}\r`)) {
                socket.destroy();
                resolve(text);
              }
            });
            socket.on('error', () => undefined);
            socket.on('close', () => resolve(text));
          });
          if (heard.includes(`|AA|${good}\r`)) answered += 2;
          // Several starts or ends in one message are several faults, and so is an empty one: it takes more than the two frames have.
          else {
            expect(bad.filter((byte) => byte === 0x0b || byte === 0x1c).length).toBeGreaterThan(4);
            closed += 2;
          }
        }
      }),
    );
    process.stderr.write(`${answered} answered, ${closed} closed\n`);
    expect(answered + closed).toBe(10_000);
    expect(closed).toBeLessThan(500);
    expect((await room.kept('quarantine')).length).toBeGreaterThan(500);
  });
});
