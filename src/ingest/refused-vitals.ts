/** A payload of a device that was refused is kept as it came, and each refused reading with its reason. See intake/quarantine.ts */
import { hash } from 'node:crypto';
import { writeExact } from '../fhir/json.ts';
import type { Problem } from '../fhir/outcome.ts';
import type { Origin } from '../interactions/inside.ts';
import type { Change } from '../store/store.ts';
import { isOvertaken } from './intake/overtaken.ts';
import { type QuarantineCode, quarantineChange, quarantineId } from './intake/quarantine.ts';
import { rawEntries } from './intake/raw.ts';
import type { TakeIn } from './intake/take-in.ts';
import type { RefusedReading } from './vitals.ts';

export interface RefusedPayload {
  readonly feed: string;
  readonly bytes: Uint8Array;
  /** `Device/1` */
  readonly device: string;
  /** When it came, in milliseconds. */
  readonly received: number;
  readonly name: string;
  /** Why the whole of it was refused, or which of its readings. */
  readonly why: Problem | readonly RefusedReading[];
}

const codeOf = ({ code, message }: Problem): QuarantineCode => {
  if (message === 'Device not assigned to patient') return 'no-patient';
  if (message === 'Device not found in system') return 'no-device';
  if (code === 'processing') return 'implausible';
  if (code === 'conflict') return 'conflict';
  return ['structure', 'value', 'required', 'invalid'].includes(code) ? 'unreadable' : 'refused';
};

/** Kept once, however often the device sends it again. */
export type KeepRefused = (refused: RefusedPayload, origin: Partial<Origin>) => Promise<void>;

export function createKeepRefused(takeIn: TakeIn, canonical: string): KeepRefused {
  return async ({ feed, bytes, device, received, name, why }, origin) => {
    const id = `${device}|${hash('sha256', bytes, 'hex')}`;
    const raw = rawEntries({ feed, id, contentType: 'application/json', bytes, received, name }, canonical, { device });
    const rows: readonly { readonly problem: Problem; readonly index?: number; readonly reading?: unknown }[] =
      Array.isArray(why) ? why : [{ problem: why as Problem }];
    const changes = rows.map(({ problem, index, reading }): Change => {
      const row = reading === undefined ? {} : { row: JSON.parse(writeExact(reading)) };
      const kept = { feed, at: received, code: codeOf(problem), reason: problem.message, raw: raw.reference, device };
      return quarantineChange(quarantineId(feed, id, index ?? -1), { ...kept, ...row, state: 'open' }, 'absent');
    });
    try {
      await takeIn(feed, raw.entries, changes, origin);
    } catch (error) {
      // It came before, and stands there already.
      if (!isOvertaken(error)) throw error;
    }
  };
}
