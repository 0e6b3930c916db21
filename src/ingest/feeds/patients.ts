/** Which of a maker's patients have to be asked for, and asking for one. docs/feeds.md */
import { hash } from 'node:crypto';
import { writeExact } from '../../fhir/json.ts';
import { asProblem } from '../../fhir/outcome.ts';
import { check, type Held } from '../../store/lease.ts';
import type { PatientTold } from '../implants/told.ts';
import { quarantineId, quarantineNew } from '../intake/quarantine.ts';
import { type Asking, type Came, isMakers, pagesOf } from './asking.ts';
import { pollDevice } from './device.ts';
import type { Counts } from './feeds.ts';
import type { DeviceRow, PatientRow } from './row.ts';
import type { CameIn } from './settle.ts';
import { feedKinds, type KeptPatient, keyIn, none, plus } from './state.ts';
import type { Totals } from './totals.ts';
import { type Aside, isAside } from './values.ts';

const HOUR = 3_600_000;

/** What a maker's patients were found to be like, while its lease is held. */
export interface Memory {
  readonly patients: Map<string, KeptPatient>;
  /** What the maker's list said of them. */
  readonly told: Map<string, PatientTold>;
  readonly totals: Totals;
}

export interface Listed {
  readonly due: readonly { readonly patient: PatientRow; readonly isDeep: boolean }[];
  readonly count: number;
  /** Why the list is not whole, where it can be read no further: those that it did name are asked all the same. */
  readonly error?: string;
}

/** All patients of the maker; those of whom there is news, or who have not been asked for a long time. Throws what the maker does. */
export async function listPatients(asking: Asking, memory: Memory, held: Held): Promise<Listed> {
  const { document, reader, runtime } = asking;
  const due: Listed['due'][number][] = [];
  let count = 0;
  const take = async (came: Came): Promise<void> => {
    const aside: Unread[] = [];
    for (const row of came.page.rows) {
      const patient = reader.patient(row);
      if (isAside(patient)) {
        aside.push({ row, why: patient });
        continue;
      }
      count++;
      memory.told.set(patient.id, patient.told);
      const kept = memory.patients.get(patient.id);
      const isDeep = kept === undefined || runtime.now() >= recheckAt(asking, patient.id, kept);
      if (isDeep || patient.changed === undefined || patient.changed !== kept.changed) due.push({ patient, isDeep });
    }
    if (aside.length > 0) memory.totals.own(await setAside(asking, aside, held));
  };
  try {
    for await (const came of pagesOf(asking, document.endpoints.patients, {})) {
      await take(came);
      if (held.signal.aborted) break;
    }
  } catch (error) {
    const { code, message } = asProblem(error);
    if (!isMakers(error) || (code !== 'too-costly' && code !== 'structure')) throw error;
    return { due, count, error: message };
  }
  return { due, count };
}

/** Spread over the last quarter of the time, so that not all are looked back on at once. */
function recheckAt({ document }: Asking, id: string, { asked }: KeptPatient): number {
  const spread = hash('sha256', id, 'buffer').readUInt16BE(0) / 65_536;
  return asked + document.recheck.everyHours * HOUR * (0.75 + 0.25 * spread);
}

interface Unread {
  readonly row: unknown;
  readonly why: Aside;
  readonly patient?: string;
}

/** Rows of lists that cannot be read, each once. */
async function setAside(
  { document, store, runtime }: Asking,
  rows: readonly Unread[],
  held: Held,
): Promise<Partial<Counts>> {
  const fresh = await quarantineNew(
    store,
    rows.map(({ row, why, patient }) => [
      quarantineId(document.name, writeExact(row)),
      { feed: document.name, at: runtime.now(), ...why, row, patient, state: 'open' },
    ]),
  );
  if (fresh.length > 0) await store.commit([...fresh, check(held.fence)]);
  const [received, quarantined] = [rows.length, fresh.length];
  return { received, quarantined, duplicate: received - quarantined, validationFailures: quarantined };
}

export interface PatientPolled {
  readonly counts: Counts;
  readonly errors: readonly string[];
}

/** Resolves also where the maker failed. `isForced`: whatever it says about news. */
export async function pollPatient(
  asking: Asking,
  memory: Memory,
  { patient, isDeep, isForced = false }: { patient: PatientRow; isDeep: boolean; isForced?: boolean },
  held: Held,
): Promise<PatientPolled> {
  const { document, store, runtime } = asking;
  const { totals, patients } = memory;
  const kept = patients.get(patient.id);
  const errors: string[] = [];
  let counts = none;
  let devices: readonly ListedDevice[];
  try {
    const listed = await devicesOf(asking, patient, held);
    devices = listed.devices;
    totals.own(listed.counts);
    counts = plus(counts, listed.counts);
  } catch (error) {
    if (!isMakers(error)) throw error;
    // Asked of all makers, and not this one's.
    if (isForced && asProblem(error).code === 'not-found') return { counts, errors };
    totals.own({ failure: 1 });
    return { counts: plus(counts, { failure: 1 }), errors: [asProblem(error).message] };
  }
  if (devices.length === 0 && !isForced) await asking.welcome(document.name, patient.told, held);
  const ofPatient = new Map(devices.map(({ row }) => [row.id, { implant: row.implant, patient: patient.told }]));
  for (const { row, page } of devices) {
    if (held.signal.aborted) break;
    const isNews = row.changed === undefined || kept?.devices[row.id] !== row.changed;
    if (!isNews && !isDeep && !isForced) continue;
    const other = (device: string) => ofPatient.get(device);
    const { count: counted } = totals;
    const polled = await pollDevice(asking, { patient, row, page, isDeep: isDeep || isForced, held, counted, other });
    totals.ended(polled);
    counts = plus(counts, polled.counts);
    if (polled.error !== undefined) errors.push(polled.error);
  }
  // What was not read to the end is asked again by the next poll.
  if (errors.length === 0 && !held.signal.aborted) {
    const next: KeptPatient = {
      changed: patient.changed ?? kept?.changed,
      asked: isDeep || isForced || kept === undefined ? runtime.now() : kept.asked,
      devices: Object.fromEntries(devices.map(({ row }) => [row.id, row.changed ?? ''])),
    };
    const key = keyIn(document.name, patient.id);
    await store.commit([{ op: 'put', kind: feedKinds.patient, key, value: next }, check(held.fence)]);
    patients.set(patient.id, next);
  }
  return { counts, errors };
}

interface ListedDevice {
  readonly row: DeviceRow;
  readonly page: CameIn;
}

async function devicesOf(
  asking: Asking,
  { id }: PatientRow,
  held: Held,
): Promise<{ devices: ListedDevice[]; counts: Partial<Counts> }> {
  const { document, reader } = asking;
  const devices: ListedDevice[] = [];
  const aside: Unread[] = [];
  for await (const { page, cameIn } of pagesOf(asking, document.endpoints.devices, { patientId: id })) {
    for (const one of page.rows) {
      const row = reader.device(one);
      if (isAside(row)) aside.push({ row: one, why: row, patient: id });
      else devices.push({ row, page: cameIn });
    }
  }
  // A monitor after the implant that it names: that is known by then.
  const names = ({ row }: ListedDevice) => Number(row.implant.parent !== undefined);
  devices.sort((one, other) => names(one) - names(other));
  return { devices, counts: aside.length === 0 ? {} : await setAside(asking, aside, held) };
}
