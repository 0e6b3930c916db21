/** Takes the content of one file in as the device door would: readings, alarms, the audit row and the file's line in the ledger in one commit. docs/file-drop.md */
import { appended } from '../../audit/trail.ts';
import { parseExact, readJson } from '../../fhir/json.ts';
import { Problem, problem } from '../../fhir/outcome.ts';
import type { ResourceKey } from '../../fhir/references.ts';
import type { Origin } from '../../interactions/inside.ts';
import type { Caller, Dispatch } from '../../interactions/interaction.ts';
import { freshId } from '../../runtime.ts';
import { noAccess } from '../../smart/access.ts';
import { check } from '../../store/lease.ts';
import type { AuditRow, Change, Lease, Store } from '../../store/store.ts';
import { createIngest } from '../apply.ts';
import { isGiven, type Parsed } from '../mapping.ts';
import type { IngestRoom } from '../room.ts';
import { createVitals } from '../vitals.ts';
import { createDeviceNamed } from './device-named.ts';
import type { LedgerLine, Refused } from './ledger.ts';
import { claimsAnother, shown } from './names.ts';
import { withoutMark } from './whole.ts';

/** The permission of the inbox let the file in; what it may write is asked of the device that it names. */
const caller: Caller = { who: 'System/iot-files', access: noAccess };

export interface Content {
  readonly name: Buffer;
  readonly bytes: Buffer;
  /** SHA-256 of the bytes, hexadecimal: the request id of the file's own row in the trail. */
  readonly digest: string;
  readonly line: LedgerLine;
  readonly payload: Payload;
}

export interface Payload {
  readonly deviceId: string;
  readonly isBatch: boolean;
  readonly value: any;
}

export interface TakenIn {
  readonly readings: number;
  /** Observations that were not there before. */
  readonly vitals: number;
  /** Flags that were opened or raised. */
  readonly alerts: number;
  readonly duplicates: number;
  /** Readings of a batch that were refused while the others are stored. */
  readonly refused: readonly Refused[];
}

export interface TakeInFiles {
  /** Throws a Problem below 500 for what is no payload of a device, or not of the one that the name claims. */
  payloadOf(name: Buffer, bytes: Buffer): Payload;
  /**
   * Files of one device with one reading each go into one commit. A Problem stands for a file of which nothing is stored; what is
   * thrown is no file's fault.
   */
  takeInSingles(files: readonly Content[], fence: Lease | undefined): Promise<readonly (TakenIn | Problem)[]>;
  /** A file of many readings. */
  takeInBatch(file: Content, fence: Lease | undefined): Promise<TakenIn | Problem>;
  /** Says in the trail that a file was not taken in; codes, never values. */
  recordRefusal(digest: string, reason: string): Promise<void>;
}

/** Which readings of a batch were refused, and why. */
export const refusalOf = (refused: readonly Refused[]): Problem =>
  new Problem(
    refused.map(({ index, error }) => ({
      severity: 'error',
      code: 'processing',
      diagnostics: error,
      expression: `readings[${index}]`,
    })),
    422,
  );

/** What files on their way bring along, and what became of them. */
interface OnTheirWay {
  /** All their readings. */
  readonly readings: number;
  /** Their lines in the ledger and their rows in the trail. */
  readonly entries: readonly Change[];
  readonly fence: Lease | undefined;
  vitals: number;
  isEntered: boolean;
}

/** What a file is to blame for; the rest is thrown on. */
export function itsFault(error: unknown): Problem {
  if (error instanceof Problem && error.status < 500 && error.status !== 409) return error;
  throw error;
}

export interface TakeInRoom extends IngestRoom {
  readonly store: Store;
  /** Absolute URL of the FHIR base. */
  readonly base: string;
}

const fencedBy = (fence: Lease | undefined): readonly Change[] => (fence ? [check(fence)] : []);

export function createTakeInFiles(room: TakeInRoom): TakeInFiles {
  const { mapping, store, runtime, base } = room;
  const onTheirWay = new Map<string, OnTheirWay>();

  /** The gate, with the lines of the files in the commit that holds all their readings. */
  const dispatch: Dispatch = async (request, by, also = []) => {
    const files = onTheirWay.get(request.requestId);
    if (!files) return room.dispatch(request, by, also);
    const readings = also.filter((change) => change.op === 'put' && change.kind === 'reading').length;
    const isWhole = readings === files.readings;
    const answer = await room.dispatch(request, by, [
      ...also,
      ...(isWhole ? files.entries : []),
      ...fencedBy(files.fence),
    ]);
    files.isEntered ||= isWhole;
    files.vitals += (answer.entries ?? []).filter(
      ({ status, version }) => status === 201 && version?.key.type === 'Observation',
    ).length;
    return answer;
  };
  const ingest = createIngest({ ...room, dispatch });
  const vitals = createVitals({ ingest, mapping, store, runtime });
  const deviceNamed = createDeviceNamed({ store, base, runtime });

  const row = (requestId: string, rest: Pick<AuditRow, 'status' | 'reason'> & Partial<AuditRow>): Change =>
    appended({
      at: runtime.now(),
      who: caller.who,
      key: '',
      interaction: 'iot-file',
      action: 'C',
      target: '',
      patients: '',
      requestId,
      address: '',
      query: '',
      ...rest,
    });

  const entryOf = (
    { name, digest, line }: Content,
    { id }: ResourceKey,
    refused: readonly Refused[],
    status: number,
  ) => [
    line.enter(shown(name), refused),
    row(digest, { status, target: `Device/${id}`, reason: refused.length > 0 ? `${refused.length} refused` : '' }),
  ];

  async function onTheWay<T>(
    files: Pick<OnTheirWay, 'readings' | 'entries' | 'fence'>,
    work: (origin: Origin) => Promise<T>,
  ): Promise<Pick<OnTheirWay, 'isEntered' | 'vitals'> & { readonly result: T }> {
    const requestId = freshId(runtime);
    const way: OnTheirWay = { ...files, vitals: 0, isEntered: false };
    onTheirWay.set(requestId, way);
    try {
      const result = await work({ base, requestId, address: '' });
      return { result, vitals: way.vitals, isEntered: way.isEntered };
    } finally {
      onTheirWay.delete(requestId);
    }
  }

  return {
    payloadOf(name, bytes) {
      const value: any = parseExact(readJson(withoutMark(bytes)).text);
      const deviceId: unknown = value.device_id;
      if (!isGiven(deviceId)) throw problem('required', 'Missing required fields (device_id)');
      if (typeof deviceId !== 'string' || deviceId === '') throw problem('value', 'device_id must be a string');
      if (claimsAnother(name, deviceId))
        throw problem('business-rule', 'The name of the file says another device than its device_id', { status: 400 });
      return { deviceId, isBatch: isGiven(value.readings), value };
    },

    async takeInSingles(files, fence) {
      const { deviceId } = files[0]!.payload;
      const key = await deviceNamed(deviceId).catch(itsFault);
      if (key instanceof Problem) return files.map(() => key);
      const now = runtime.now();
      const parsed = files.map(({ payload }) => {
        try {
          return mapping.parse(payload.value, now);
        } catch (error) {
          return itsFault(error);
        }
      });
      const good = parsed.flatMap((one, i) => (one instanceof Problem ? [] : [i]));
      if (good.length === 0) return parsed as readonly Problem[];
      const enter = (i: number) => entryOf(files[i]!, key, [], 201);
      const sent = await onTheWay({ readings: good.length, entries: good.flatMap(enter), fence }, (origin) =>
        ingest.many(
          good.map((i) => parsed[i] as Parsed),
          { caller, key, deviceId },
          origin,
        ),
      );
      const outcomes: (TakenIn | Problem)[] = parsed.map((one) => one as Problem);
      for (const [n, outcome] of sent.result.entries()) {
        if (outcome instanceof Problem) outcomes[good[n]!] = itsFault(outcome);
        else {
          const { created, alerts, isNew } = outcome;
          outcomes[good[n]!] = { readings: 1, vitals: created, alerts, duplicates: isNew ? 0 : 1, refused: [] };
        }
      }
      if (!sent.isEntered) {
        const stored = good.filter((i) => !(outcomes[i] instanceof Problem));
        if (stored.length > 0) await store.commit([...stored.flatMap(enter), ...fencedBy(fence)]);
      }
      return outcomes;
    },

    async takeInBatch(file, fence) {
      const { deviceId, value } = file.payload;
      const key = await deviceNamed(deviceId).catch(itsFault);
      if (key instanceof Problem) return key;
      const readings = Array.isArray(value.readings) ? value.readings.length : 0;
      const sent = await onTheWay({ readings, entries: entryOf(file, key, [], 201), fence }, (origin) =>
        vitals.batch(value, { caller, key, deviceId }, origin).catch(itsFault),
      );
      if (sent.result instanceof Problem) return sent.result;
      const told: any = sent.result.body;
      const refused: readonly Refused[] = told.errors ?? [];
      if (told.success === false) return refusalOf(refused);
      if (!sent.isEntered) {
        const status = refused.length > 0 ? 422 : 200;
        await store.commit([...entryOf(file, key, refused, status), ...fencedBy(fence)]);
      }
      const { alerts_triggered: alerts, duplicates = 0 } = told;
      return { readings, vitals: sent.vitals, alerts, duplicates, refused };
    },

    async recordRefusal(digest, reason) {
      await store.commit([row(digest, { status: 422, reason })]);
    },
  };
}
