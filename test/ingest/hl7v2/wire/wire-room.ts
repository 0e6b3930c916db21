/** The wire half of HL7 v2 over a real store and gate, with a map of two resources: what is tested here is how messages come in, not what they mean. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTrail } from '../../../../src/audit/trail.ts';
import { readConfig } from '../../../../src/config.ts';
import type { Mapped, MapSetting } from '../../../../src/ingest/hl7v2/maps/map.ts';
import type { Hl7Message } from '../../../../src/ingest/hl7v2/wire/message.ts';
import { type Hl7v2, openHl7v2 } from '../../../../src/ingest/hl7v2/wire/room.ts';
import { put, stableId } from '../../../../src/ingest/intake/entries.ts';
import { createTakeIn, type TakeIn } from '../../../../src/ingest/intake/take-in.ts';
import { createDispatch } from '../../../../src/interactions/dispatch.ts';
import { transaction } from '../../../../src/interactions/transaction.ts';
import { createWritePath } from '../../../../src/interactions/write.ts';
import { createLog } from '../../../../src/log.ts';
import { type Runtime, systemRuntime } from '../../../../src/runtime.ts';
import type { Engine } from '../../../../src/store/engine.ts';
import { everyKept } from '../../../../src/store/every-kept.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/sqlite-store.ts';

export const VT = '\x0b';
export const END = '\x1c\r';

/** An ORU of one value; `more` is further text of OBX-5. */
export const oru = (
  controlId: string,
  value = '1',
  { application = 'LAB', patient = 'P1', version = '2.5.1', wish = '' } = {},
) =>
  [
    `MSH|^~\\&|${application}|CITY|WATCHFIRE|CLINIC|20251117101500-0500||ORU^R01^ORU_R01|${controlId}|P|${version}|||${wish}`,
    `PID|1||${patient}^^^CLINIC^MR||DOE^JOHN`,
    'OBR|1||F1|2345-7^Glucose^LN|||20251117101000-0500',
    `OBX|1|ST|2345-7^Glucose^LN||${value}||||||F`,
    '',
  ].join('\r');

const none = { also: [], unmapped: [], fields: { populated: 0, mapped: 0 }, warnings: [], assumptions: [] };

/** A Patient by PID-3, an Observation by patient and OBR-3, so that a correction changes it. */
export async function twoResources(message: Hl7Message, { store }: MapSetting): Promise<Mapped> {
  const mr = message.first('PID')?.get(3);
  if (mr === undefined) {
    return { ...none, entries: [], quarantine: { code: 'no-patient', reason: 'PID-3 names no patient' } };
  }
  const patient = { resourceType: 'Patient', id: stableId(0, 'patient', mr), active: true };
  const observation = {
    resourceType: 'Observation',
    id: stableId(0, 'observation', mr, message.controlId),
    status: 'final',
    code: { text: 'x' },
    subject: { reference: `Patient/${patient.id}` },
    valueString: message.first('OBX')?.get(5)?.slice(0, 1_000),
  };
  const [there] = await store.read([{ type: 'Patient', id: patient.id }]);
  const entries = [...(there ? [] : [put(patient, { ifNoneMatch: '*' })]), put(observation, {})];
  return { ...none, entries, patient: `Patient/${patient.id}` };
}

export interface WireRoom {
  readonly port: number;
  readonly store: Engine;
  readonly hl7v2: Hl7v2;
  /** Another server on the same store. */
  another(): Promise<Hl7v2>;
  /** Bytes as they are; resolves with all that came back once `frames` frames did, or the connection ended. */
  exchange(sent: string | Buffer | readonly (string | Buffer)[], frames?: number): Promise<readonly string[]>;
  connect(): Promise<Socket>;
  /** How many versions the store has of the type. */
  versions(type: string): Promise<number>;
  kept(kind: string): Promise<readonly any[]>;
  stop(): Promise<void>;
}

interface Options {
  readonly map?: typeof twoResources;
  /** Around the commit. */
  readonly takeIn?: (real: TakeIn) => TakeIn;
  readonly settings?: Readonly<Record<string, string>>;
  /** Where the store is and stays; a new one that goes with the room where left out. */
  readonly folder?: string;
  readonly runtime?: Runtime;
}

export async function openWireRoom({
  map = twoResources,
  takeIn = (real) => real,
  settings = {},
  folder: given,
  runtime = systemRuntime,
}: Options = {}): Promise<WireRoom> {
  const folder = given ?? mkdtempSync(join(tmpdir(), 'watchfire-hl7v2-'));
  const store = await openSqliteStore({ file: join(folder, 'store.db'), runtime });
  const canonical = 'https://example.org/fhir';
  const base = 'http://test/fhir';
  const writes = createWritePath({
    now: runtime.now,
    canonical,
    references: 'open',
    relative: (text: string) => text,
    prepare: {},
    derive: {},
  });
  const trail = createTrail(store, runtime, 'strict');
  const interactions = [transaction(writes, runtime, () => true)];
  const dispatch = createDispatch({ store, trail, runtime, base, interactions, declared: () => true });
  const stopping = new AbortController();
  const open = () =>
    openHl7v2({
      store,
      takeIn: takeIn(createTakeIn({ dispatch, base })),
      runtime,
      config: { ...readConfig({ WATCHFIRE_MLLP_PORT: '0', ...settings }), host: '127.0.0.1' },
      base,
      log: createLog({ level: 'silent', runtime }),
      signal: stopping.signal,
      isBrief: false,
      map,
    });
  const hl7v2 = await open().catch(async (error) => {
    await store.close();
    throw error;
  });
  const port = hl7v2.port!;
  const connected = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port }, () => resolve(socket));
      socket.once('error', reject);
    });
  return {
    port,
    store,
    hl7v2,
    another: open,
    connect: connected,
    async exchange(sent, frames = 1) {
      const socket = await connected();
      socket.on('error', () => undefined);
      let heard = '';
      const framesIn = () => heard.split(END).slice(0, -1);
      const done = new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        socket.on('data', (chunk) => {
          heard += chunk.toString('utf8');
          if (framesIn().length >= frames) resolve();
        });
      });
      for (const part of [sent].flat()) {
        socket.write(part as string);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await done;
      socket.destroy();
      return framesIn().map((text) => text.slice(1));
    },
    async versions(type) {
      let count = 0;
      const end = await store.end();
      for await (const { version, token } of store.changes(undefined, new AbortController().signal)) {
        if (version.key.type === type) count++;
        if (token === end) break;
      }
      return count;
    },
    kept: (kind) => everyKept(kind, store),
    async stop() {
      stopping.abort();
      await hl7v2.stopped;
      await store.close();
      if (given === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** MSA-1 of each answer. */
export const codes = (answers: readonly string[]): readonly string[] =>
  answers.map((answer) => /\rMSA\|(\w\w)/.exec(answer)?.[1] ?? '');
