import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendFile } from '../../../../src/commands/hl7v2.ts';
import { problem } from '../../../../src/fhir/outcome.ts';
import { connectMllp } from '../../../../src/ingest/hl7v2/wire/client.ts';
import { systemRuntime } from '../../../../src/runtime.ts';
import { outcomeUnknown } from '../../../../src/store/refusals.ts';
import { until } from '../../../support/until.ts';
import { codes, END, openWireRoom, oru, twoResources, VT, type WireRoom } from './wire-room.ts';

const framed = (message: string) => `${VT}${message}${END}`;
const fields = (answer: string, name: string) =>
  answer
    .split('\r')
    .find((line) => line.startsWith(name))!
    .split('|');

describe('A message by MLLP', () => {
  let room: WireRoom;
  beforeAll(async () => {
    room = await openWireRoom();
  });
  afterAll(() => room.stop());

  it('is stored with what follows from it before AA is said', async () => {
    const [answer] = await room.exchange(framed(oru('M1')));

    expect(answer).toMatch(
      /^MSH\|\^~\\&\|WATCHFIRE\|CLINIC\|LAB\|CITY\|\d{14}\+0000\|\|ACK\^R01\^ACK\|\w{20}\|P\|2\.5\.1\rMSA\|AA\|M1\r$/,
    );
    const [kept] = await room.kept('hl7v2-message');
    expect(kept.value).toMatchObject({ verdict: 'AA', answer });
    const [raw] = await room.store.read([{ type: 'DocumentReference', id: kept.value.raw.split('/')[1] }]);
    const { content, subject } = JSON.parse(raw!.text);
    const [binary] = await room.store.read([{ type: 'Binary', id: content[0].attachment.url.split('/')[1] }]);
    expect(String(Buffer.from(JSON.parse(binary!.text).data, 'base64'))).toBe(oru('M1'));
    expect(subject.reference).toMatch(/^Patient\//);
    expect(await room.versions('Provenance')).toBe(1);
    const [row, own] = await room.store.audit({ count: 5 });
    expect([row, own].map((one) => one!.who)).toEqual(['System/hl7v2', 'System/hl7v2']);
    expect([row!.reason, own!.reason]).toContain('from LAB CITY');
  });

  it('gets the same answer when it comes again, and is stored once', async () => {
    const before = await room.versions('Observation');
    const [first] = await room.exchange(framed(oru('M2')));
    const [second] = await room.exchange(framed(`${oru('M2')}\r\n`));
    const [third] = await room.exchange(framed(oru('M2').replaceAll('\r', '\n')));

    expect([second, third]).toEqual([first, first]);
    expect(await room.versions('Observation')).toBe(before + 1);
  });

  it('is stored once however many connections bring it at the same time', async () => {
    const before = await room.versions('Observation');
    const answers = await Promise.all(Array.from({ length: 20 }, () => room.exchange(framed(oru('M3')))));

    expect(new Set(answers.flat()).size).toBe(1);
    expect(codes(answers.flat())[0]).toBe('AA');
    expect(await room.versions('Observation')).toBe(before + 1);
  });

  it('is stored once by two servers that get it at the same time', async () => {
    const before = await room.versions('DocumentReference');
    const other = await room.another();
    const sender = { address: '', requestId: '', who: 'System/hl7v2' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? other : room.hl7v2).receiveAll(Buffer.from(oru('M3b')), sender)),
    );
    expect(new Set(answers.map(({ answer }) => answer)).size).toBe(1);
    expect(answers[0]!.verdict).toBe('AA');
    expect(await room.versions('DocumentReference')).toBe(before + 1);
  });

  it('is one correction where two servers get two under the same MSH-10 at the same time', async () => {
    const other = await room.another();
    const sender = { address: '', requestId: '', who: 'System/hl7v2' };
    // They have nothing in common but the MSH-10.
    await room.exchange(framed(oru('M3c', '1', { patient: 'P2' })));
    for (let i = 0; i < 5; i++) {
      const answers = await Promise.all([
        room.hl7v2.receiveAll(Buffer.from(oru(`M3c${i}`, '1')), sender),
        other.receiveAll(Buffer.from(oru(`M3c${i}`, '2', { patient: 'P2' })), sender),
      ]);
      expect(answers.filter(({ answer }) => answer!.includes('taken for a correction')).length).toBe(1);
    }
  });

  it('with the MSH-10 of another is taken for a correction, and that is said', async () => {
    await room.exchange(framed(oru('M4', '1')));
    const [answer] = await room.exchange(framed(oru('M4', '2')));
    const [again] = await room.exchange(framed(oru('M4', '2')));

    expect(answer).toMatch(/\rMSA\|AA\|M4\rERR\|\|\|0\^Message accepted\^HL70357\|W\|\|\|\|MSH-10 was used before/);
    expect(again).toBe(answer);
  });

  it('of another sender may have the same MSH-10', async () => {
    const before = await room.versions('Observation');
    await room.exchange(framed(oru('M5', '1', { patient: 'P5' })));
    const [other] = await room.exchange(framed(oru('M5', '1', { application: 'LAB2', patient: 'P6' })));

    expect(other).toMatch(/\rMSA\|AA\|M5\r$/);
    expect(await room.versions('Observation')).toBe(before + 2);
  });

  it('that names no patient is kept, quarantined and answered AE', async () => {
    const message = oru('M6').replace(/PID.*\r/, '');
    const [answer] = await room.exchange(framed(message));

    expect(answer).toMatch(/\rMSA\|AE\|M6\|PID-3 names no patient\rERR\|\|\|204\^Unknown key identifier\^HL70357\|E/);
    const held = (await room.kept('quarantine')).find(({ value }) => value.code === 'no-patient');
    expect(held.value).toMatchObject({ feed: 'hl7v2', state: 'open' });

    await expect(room.hl7v2.again(held.key, Buffer.from(message))).rejects.toThrow('names no patient');
    await room.hl7v2.again(held.key, Buffer.from(oru('M6', '1', { patient: 'P6b' })));

    expect((await room.kept('quarantine')).find(({ key }) => key === held.key).value.state).toBe('taken-in');
    await expect(room.hl7v2.again(held.key, Buffer.from(oru('M6')))).rejects.toThrow('decided already');
    expect(codes(await room.exchange(framed(oru('M6', '1', { patient: 'P6b' }))))).toEqual(['AA']);
  });

  it('that its sender repairs under the same MSH-10 is taken in, and waits no more', async () => {
    await room.exchange(framed(oru('M8').replace(/PID.*\r/, '')));
    const [answer] = await room.exchange(framed(oru('M8', '1', { patient: 'P8' })));
    expect(answer).toMatch(/\rMSA\|AA\|M8\r$/);
    const [kept] = (await room.kept('hl7v2-message')).filter(({ value }) => value.answer === answer);
    expect(kept.value.quarantine).toBeUndefined();
    expect((await room.kept('quarantine')).map(({ value }) => value.state)).toEqual(['taken-in', 'taken-in']);
  });

  it.each([
    ['is no message', 'hello', ''],
    ['has no MSH-10', oru(''), ''],
    ['names one delimiter twice', 'MSH|^^^^|A|B|||1||ORU^R01|M7|P|2.5\rPID|1', ''],
  ])('that %s is kept and answered AE', async (_what, message, id) => {
    const before = (await room.kept('quarantine')).length;
    const [answer] = await room.exchange(framed(message));

    expect(fields(answer!, 'MSA').slice(1, 3)).toEqual(['AE', id]);
    expect((await room.kept('quarantine')).length).toBe(before + 1);
    expect(await room.exchange(framed(message))).toEqual([answer]);
    expect((await room.kept('quarantine')).length).toBe(before + 1);
  });

  it.each([
    ['', ['AA']],
    ['AL|NE', ['CA']],
    ['NE|AL', ['AA']],
    ['AL|AL', ['AA']],
    ['ER|NE', []],
    ['SU|NE', ['CA']],
    ['NE|ER', []],
    ['NE|SU', ['AA']],
    ['NE|NE', []],
  ])('that wishes %j in MSH-15 and 16 is answered so', async (wish, expected) => {
    // What follows is answered in any case, so that nobody waits for silence.
    const sent = [
      framed(oru(`W${wish.replace('|', '')}`, '1', { wish })),
      framed(oru(`after ${wish.replace('|', '')}`)),
    ];
    const answers = await room.exchange(sent.join(''), expected.length + 1);
    expect(codes(answers)).toEqual([...expected, 'AA']);
  });

  it.each(['XX', 'XX|YY', 'xx|', 'XX|AL'])(
    'with a word in MSH-15 or 16 that is none (%s) is answered',
    async (wish) => {
      const [answer] = await room.exchange(framed(oru(`W${wish.replace('|', '')}`, '1', { wish })));
      expect(codes([answer!])).toEqual(['AA']);
    },
  );

  it('that is too much is kept and answered AE by its own MSH-10', async () => {
    const [answer] = await room.exchange(framed(`${oru('BOMB')}${'A00|\r'.repeat(6_000)}`));
    expect(fields(answer!, 'MSA').slice(1)).toEqual(['AE', 'BOMB', 'a message may have 5000 segments']);
    const rows = await room.kept('quarantine');
    expect(rows.map(({ value }) => value.reason)).toContain('a message may have 5000 segments');
  });

  it('that is refused is answered as it wishes, too', async () => {
    const bad = (wish: string) => framed(oru(`R${wish.replace('|', '')}`, '1', { wish }).replace(/PID.*\r/, ''));
    expect(codes(await room.exchange(bad('AL|NE')))).toEqual(['CE']);
    expect(codes(await room.exchange(bad('NE|ER')))).toEqual(['AE']);
  });

  it.each([
    ['2.3.1', 'ACK^R01', false],
    ['2.4', 'ACK^R01^ACK', false],
    ['2.5', 'ACK^R01^ACK', true],
    ['2.8.2', 'ACK^R01^ACK', true],
  ])('of version %s is answered in it', async (version, type, hasErr) => {
    const [answer] = await room.exchange(framed(oru(`V${version}`, '1', { version }).replace(/PID.*\r/, '')));
    expect(fields(answer!, 'MSH')[8]).toBe(type);
    expect(fields(answer!, 'MSH')[11]).toBe(version);
    expect(/\rERR\|/.test(answer!)).toBe(hasErr);
  });

  it('is answered with its own delimiters, in UTF-8 where it has more than ASCII', async () => {
    const message = 'MSH$%*!+$LÄB%1$CITY$$$20251117$$ORU%R01$Ü1$P$2.5$$$$$$UNICODE UTF-8\rPID$1$$P9';
    const [answer] = await room.exchange(framed(message));
    expect(answer).toMatch(/^MSH\$%\*!\+\$WATCHFIRE\$\$LÄB%1\$CITY\$/);
    expect(answer).toMatch(/\$UNICODE UTF-8\rMSA\$AA\$Ü1\r$/);
  });

  it('comes out of a file by `watchfire hl7v2 send`, one after another', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchfire-send-'));
    const file = join(folder, 'messages.hl7');
    writeFileSync(file, `${oru('U1')}${oru('U2').replace(/PID.*\r/, '')}`.replaceAll('\r', '\n'));
    const lines: string[] = [];
    expect(await sendFile(file, { to: `127.0.0.1:${room.port}` }, (line) => lines.push(line))).toBe(false);
    expect(lines).toEqual(['U1  AA', 'U2  AE  PID-3 names no patient']);
    rmSync(folder, { recursive: true });
  });

  it('may come in pieces of any size', async () => {
    const bytes = Buffer.from(framed(oru('S1')));
    const pieces = [0, 1, 2, 40, 41, 200, bytes.length - 1].map((at, i, all) => bytes.subarray(at, all[i + 1]));
    expect(codes(await room.exchange(pieces))).toEqual(['AA']);
  });
});

describe('What is no frame (I47)', () => {
  let room: WireRoom;
  beforeAll(async () => {
    room = await openWireRoom();
  });
  afterAll(() => room.stop());
  const measured = (name: string) => room.hl7v2.measures.find((one) => one.name === name)!.read();

  it.each<[string, string, readonly string[]]>([
    ['without VT', `${oru('A0')}${END}${framed(oru('A1'))}`, ['AA A1']],
    ['garbage between two', `${framed(oru('B1'))}garbage${framed(oru('B2'))}`, ['AA B1', 'AA B2']],
    ['two VT', `${VT}${framed(oru('C1'))}`, ['AA C1']],
    ['without FS', `${VT}${oru('D1')}${framed(oru('D2'))}`, ['AR D1', 'AA D2']],
    ['without the last CR', `${VT}${oru('E1')}\x1c`, ['AA E1']],
    ['FS within', `${VT}${oru('G1', 'a\x1cb')}${END}${framed(oru('G2'))}`, ['AR G1', 'AA G2']],
    ['LF for CR', framed(oru('H1').replaceAll('\r', '\n')), ['AA H1']],
    [
      '20 MiB and more',
      `${VT}${oru('I1')}${'x'.repeat(21 * 1024 * 1024)}${END}${framed(oru('I2'))}`,
      ['AR I1', 'AA I2'],
    ],
  ])('is dropped to the next VT: %s', async (_what, sent, expected) => {
    const answers = await room.exchange(sent, expected.length);
    expect(answers.map((answer) => fields(answer, 'MSA').slice(1, 3).join(' '))).toEqual(expected);
  });

  it('closes the connection after three faults in a row, and is counted', async () => {
    const answers = await room.exchange(`${VT}${oru('J1')}`.repeat(6), 9);
    expect(codes(answers)).toEqual(['AR', 'AR', 'AR']);
    const faults = Object.fromEntries(measured('mllp_framing_faults').map((one) => [one.labels['fault'], one.value]));
    expect(faults).toMatchObject({ 'no start': 2, 'too long': 1 });
    expect(measured('mllp_dropped_bytes')[0]!.value).toBeGreaterThan(1_000);
    // The server hears of the end a moment later than we do.
    await until(() => measured('mllp_waiting_bytes')[0]!.value === 0);
    expect(measured('mllp_connections')[0]!.value).toBe(0);
  });
});

describe('A message that cannot be stored now', () => {
  it('is answered AR, and AA when it is sent again', async () => {
    let isDown = true;
    const room = await openWireRoom({
      takeIn:
        (real) =>
        (...of) => {
          if (isDown) throw problem('transient', 'the store is busy', { headers: { 'Retry-After': '1' } });
          return real(...of);
        },
    });
    expect(codes(await room.exchange(framed(oru('T1'))))).toEqual(['AR']);
    expect(await room.kept('hl7v2-message')).toEqual([]);
    isDown = false;
    expect(codes(await room.exchange(framed(oru('T1'))))).toEqual(['AA']);
    await room.stop();
  });

  it('is not answered AR where it is stored all the same, or nobody knows', async () => {
    const passes = { now: false };
    const room = await openWireRoom({
      takeIn:
        (real) =>
        async (...of) => {
          const done = await real(...of);
          if (!passes.now) throw outcomeUnknown();
          return done;
        },
    });
    expect(codes(await room.exchange(framed(oru('L1'))))).toEqual(['AA']);
    await room.stop();
    const lost = await openWireRoom({
      takeIn:
        (real) =>
        (...of) => {
          if (!passes.now) throw outcomeUnknown();
          return real(...of);
        },
    });
    expect(await lost.exchange(framed(oru('L2')))).toEqual([]);
    passes.now = true;
    expect(codes(await lost.exchange(framed(oru('L2'))))).toEqual(['AA']);
    await lost.stop();
  });

  it('is answered by what the commit said where that took longer than anybody waits', async () => {
    let isSlow: 'store' | 'map' | undefined = 'store';
    // What is slow takes until the patience is over.
    const over: (() => void)[] = [];
    const runtime = {
      ...systemRuntime,
      sleep: (ms: number, signal?: AbortSignal) =>
        ms === 30_000 && isSlow
          ? new Promise<void>((resolve) => over.push(resolve))
          : systemRuntime.sleep(ms, signal as AbortSignal),
    };
    const wait = () => new Promise((resolve) => setTimeout(resolve, 20));
    const room = await openWireRoom({
      runtime,
      map: async (message, setting) => {
        if (isSlow === 'map') {
          over.pop()!();
          await wait();
        }
        return twoResources(message, setting);
      },
      takeIn:
        (real) =>
        async (...of) => {
          if (isSlow === 'store') {
            over.pop()!();
            await wait();
          }
          return real(...of);
        },
    });
    expect(codes(await room.exchange(framed(oru('S1'))))).toEqual(['AA']);
    isSlow = 'map';
    expect(codes(await room.exchange(framed(oru('S2'))))).toEqual(['AR']);
    await wait();
    expect(await room.kept('hl7v2-message')).toHaveLength(1);
    isSlow = undefined;
    expect(codes(await room.exchange(framed(oru('S2'))))).toEqual(['AA']);
    await room.stop();
  });

  it('is kept and answered AE where its map breaks, or the house refuses what it made', async () => {
    const room = await openWireRoom({
      map: async (message, setting) => {
        if (message.controlId === 'X1') throw new TypeError('secret value');
        const mapped = await twoResources(message, setting);
        const [entry] = mapped.entries;
        const refused = { text: '{"resourceType":"Patient","id":"x","gender":"none"}' };
        const body = { ...refused, resource: JSON.parse(refused.text) };
        return { ...mapped, entries: [{ ...entry!, url: 'Patient/x', fullUrl: 'Patient/x', body, conditions: {} }] };
      },
    });
    const [broken] = await room.exchange(framed(oru('X1')));
    const [refused] = await room.exchange(framed(oru('X2')));
    expect(codes([broken!, refused!])).toEqual(['AE', 'AE']);
    expect(broken).not.toMatch('secret');
    const held = await room.kept('quarantine');
    expect(held.map(({ value }) => value.code).sort()).toEqual(['refused', 'unreadable']);
    expect(await room.versions('DocumentReference')).toBe(2);
    await room.stop();
  });
});

describe('A message in the quarantine', () => {
  it('is taken in as it came once it can be, its bytes kept once', async () => {
    let hasMap = false;
    const room = await openWireRoom({
      map: async (message, setting) => {
        const mapped = await twoResources(message, setting);
        return hasMap ? mapped : { ...mapped, quarantine: { code: 'unmapped', reason: 'no map yet' } };
      },
    });
    expect(codes(await room.exchange(framed(oru('Y1'))))).toEqual(['AE']);
    hasMap = true;
    const [held] = await room.kept('quarantine');
    await room.hl7v2.again(held.key, Buffer.from(oru('Y1')));
    expect((await room.kept('quarantine'))[0].value.state).toBe('taken-in');
    expect([await room.versions('DocumentReference'), await room.versions('Observation')]).toEqual([1, 1]);
    expect(codes(await room.exchange(framed(oru('Y1'))))).toEqual(['AA']);
    await room.stop();
  });
});

describe('The listener', () => {
  it('stores and answers messages in the order in which they came, 30 in one piece', async () => {
    let calls = 0;
    const room = await openWireRoom({
      // The later ones would be faster.
      takeIn:
        (real) =>
        async (...of) => {
          await new Promise((resolve) => setTimeout(resolve, 12 - (calls++ % 4) * 4));
          return real(...of);
        },
    });
    const ids = Array.from({ length: 30 }, (_, i) => `F${i}`);
    const answers = await room.exchange(ids.map((id) => framed(oru(id))).join(''), 30);
    const idOf = (answer: string) => fields(answer, 'MSA')[2];
    expect(answers.map(idOf)).toEqual(ids);
    const kept = [...(await room.kept('hl7v2-message'))].sort((a, b) => a.revision - b.revision);
    expect(kept.map(({ value }) => idOf(value.answer))).toEqual(ids);
    await room.stop();
  });

  it('answers what it is at when the server stops, takes no more, and closes', async () => {
    let begun: () => void = () => undefined;
    const isAtIt = new Promise<void>((resolve) => (begun = resolve));
    const room = await openWireRoom({
      takeIn:
        (real) =>
        async (...of) => {
          begun();
          await new Promise((resolve) => setTimeout(resolve, 100));
          return real(...of);
        },
    });
    const answers = room.exchange(framed(oru('Z1')) + framed(oru('Z2')), 2);
    const idle = room.exchange([], 1);
    await isAtIt;
    await room.stop();
    expect(codes(await answers)).toEqual(['AA']);
    expect(await idle).toEqual([]);
    await expect(connectMllp({ host: '127.0.0.1', port: room.port })).rejects.toThrow();
  });
});
