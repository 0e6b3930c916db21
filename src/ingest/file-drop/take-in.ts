/** Takes the content of one file in as the device door would: readings, alarms, the audit row and the file's line in the ledger in one commit. docs/file-drop.md */
import { appended } from '../../audit/trail.ts';
import { parseExact, readJson } from '../../fhir/json.ts';
import { Problem, problem } from '../../fhir/outcome.ts';
import type { Caller, Dispatch } from '../../interactions/interaction.ts';
import { noAccess } from '../../smart/access.ts';
import { check } from '../../store/lease.ts';
import type { AuditRow, Change, Lease, Store } from '../../store/store.ts';
import { createIngest, type IngestRoom } from '../apply.ts';
import { isGiven } from '../mapping.ts';
import { createVitals } from '../vitals.ts';
import { createDeviceNamed } from './device-named.ts';
import type { LedgerLine, Refused } from './ledger.ts';
import { claimsAnother, shown } from './names.ts';

/** The permission of the inbox let the file in; what it may write is asked of the device that it names. */
const caller: Caller = { who: 'System/iot-files', access: noAccess };

export interface Content {
  readonly name: Buffer;
  readonly bytes: Buffer;
  /** SHA-256 of the bytes, hexadecimal: the request id under which the trail tells of the file. */
  readonly digest: string;
  readonly line: LedgerLine;
}

export interface Payload {
  readonly deviceId: string;
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

export interface TakeIn {
  /** Throws a Problem below 500 for what is no payload of a device, or not of the one that the name claims. */
  payloadOf(name: Buffer, bytes: Buffer): Payload;
  /** Throws a Problem below 500 for a file of which nothing is stored; anything else that is thrown is no fault of the file. */
  takeIn(content: Content, payload: Payload, fence: Lease | undefined): Promise<TakenIn>;
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

/** What a file on its way brings along, and what became of it. */
interface OnItsWay {
  readonly readings: number;
  readonly entry: Change;
  readonly fence: Lease | undefined;
  vitals: number;
  isEntered: boolean;
}

export interface TakeInRoom extends IngestRoom {
  readonly store: Store;
  /** Absolute URL of the FHIR base. */
  readonly base: string;
}

export function createTakeIn(room: TakeInRoom): TakeIn {
  const { mapping, store, runtime, base } = room;
  const onTheirWay = new Map<string, OnItsWay>();

  /** The gate, with the line of the file in the commit that holds all its readings. */
  const dispatch: Dispatch = async (request, by, also = []) => {
    const file = onTheirWay.get(request.requestId);
    if (!file) return room.dispatch(request, by, also);
    const readings = also.filter((change) => change.op === 'put' && change.kind === 'reading').length;
    const isWhole = readings === file.readings;
    const fenced = file.fence ? [check(file.fence)] : [];
    const answer = await room.dispatch(request, by, [...also, ...(isWhole ? [file.entry] : []), ...fenced]);
    file.isEntered ||= isWhole;
    file.vitals += (answer.entries ?? []).filter(
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

  return {
    payloadOf(name, bytes) {
      const value: any = parseExact(readJson(bytes).text);
      const deviceId: unknown = value.device_id;
      if (!isGiven(deviceId)) throw problem('required', 'Missing required fields (device_id)');
      if (typeof deviceId !== 'string' || deviceId === '') throw problem('value', 'device_id must be a string');
      if (claimsAnother(name, deviceId))
        throw problem('business-rule', 'The name of the file says another device than its device_id', { status: 400 });
      return { deviceId, value };
    },

    async takeIn({ name, digest, line }, { deviceId, value }, fence) {
      const key = await deviceNamed(deviceId);
      const device = { caller, key, deviceId };
      const origin = { base, requestId: digest, address: '' };
      const isBatch = isGiven(value.readings);
      const readings = isBatch && Array.isArray(value.readings) ? value.readings.length : 1;
      const file: OnItsWay = { readings, entry: line.enter(shown(name), []), fence, vitals: 0, isEntered: false };
      onTheirWay.set(digest, file);
      try {
        const { body, unrecorded } = await (isBatch
          ? vitals.batch(value, device, origin)
          : vitals.reading(value, device, origin));
        const told: any = body;
        const refused: readonly Refused[] = told.errors ?? [];
        if (told.success === false && file.vitals === 0) throw refusalOf(refused);
        if (!file.isEntered) {
          const reason = unrecorded ?? 'repeat';
          const deed = { status: refused.length > 0 ? 422 : 200, target: `Device/${key.id}`, reason };
          await store.commit([line.enter(shown(name), refused), row(digest, deed), ...(fence ? [check(fence)] : [])]);
        }
        const duplicates = isBatch ? (told.duplicates ?? 0) : unrecorded === undefined ? 0 : 1;
        return { readings, vitals: file.vitals, alerts: told.alerts_triggered, duplicates, refused };
      } finally {
        onTheirWay.delete(digest);
      }
    },

    async recordRefusal(digest, reason) {
      await store.commit([row(digest, { status: 422, reason })]);
    },
  };
}
