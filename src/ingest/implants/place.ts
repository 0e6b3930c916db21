/** Which Device and which Patient are told of, and what of them, their leads and their assignment has to be written. https://hl7.org/fhir/R4/deviceusestatement.html */
import { assignmentsOf } from '../../assignments/kept.ts';
import { type Assignment, patientAt, spanOf } from '../../assignments/periods.ts';
import { parseExact } from '../../fhir/json.ts';
import { keyOf, type Resource, type ResourceKey } from '../../fhir/references.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { type Change, isDeleted, type Store, type Version } from '../../store/store.ts';
import { after, asNew, put } from '../intake/entries.ts';
import type { QuarantineCode } from '../intake/quarantine.ts';
import { assign, leadUses } from './assign.ts';
import { generator, leadDevice, monitorDevice } from './device.ts';
import { contradicts, findDevice, findPatient, findSpokenFor, survivorsOf } from './find.ts';
import { ciedOf, implantIdOf } from './identity.ts';
import type { KeptImplant } from './kept.ts';
import { namesOf, newPatient } from './patient.ts';
import type { Told } from './told.ts';
import { procedures } from './use.ts';

type Made = Resource & { readonly id: string };

export interface Placed {
  /** `Device/1`, `Patient/1` */
  readonly device: string;
  readonly patient: string;
  readonly entries: readonly Entry[];
  /** What must hold still until the commit. */
  readonly also: readonly Change[];
  readonly kept: Pick<KeptImplant, 'version' | 'use' | 'uses' | 'since' | 'until' | 'names'>;
  /** Whose it was at an instant. */
  patientAt(instant: number): string | undefined;
}

/** Why nobody can say whose or what it is. */
export interface Unplaced {
  readonly code: QuarantineCode;
  readonly reason: string;
}

export interface PlaceParts {
  readonly store: Pick<Store, 'read' | 'get' | 'search'>;
  readonly canonical: string;
  readonly now: number;
}

const unplaced = (code: QuarantineCode, reason: string): Unplaced => ({ code, reason });

/** A device that has only ever been one patient's was that patient's before anybody said so, too. */
function ownerAt(periods: readonly Assignment[]): Placed['patientAt'] {
  const [first, ...more] = new Set(periods.map(({ patient }) => patient));
  return (instant) => patientAt(periods, instant) ?? (more.length === 0 ? first : undefined);
}

/** The same, of patients as they are now: some were merged into others since. */
const ownerNow = (periods: readonly Assignment[], survivor: (patient: string) => string): Placed['patientAt'] => {
  const at = ownerAt(periods);
  return (instant) => {
    const patient = at(instant);
    return patient && survivor(patient);
  };
};
const patientsOf = (periods: readonly Assignment[], ...more: readonly string[]): readonly string[] => [
  ...new Set([...periods.map(({ patient }) => patient), ...more]),
];

/** Nothing has changed in what is told of implant and patient: whose it was when is all that is looked up. Undefined where that patient was merged. */
export async function placeAgain(kept: KeptImplant, { store }: PlaceParts): Promise<Placed | undefined> {
  const { device, patient } = kept;
  const { periods, still } = await assignmentsOf(keyOf(device)!.id, store);
  const survivor = await survivorsOf(patientsOf(periods, patient), store);
  if (survivor(patient) !== patient) return undefined;
  return { device, patient, entries: [], also: [still], kept, patientAt: ownerNow(periods, survivor) };
}

interface Whose {
  readonly reference: string;
  readonly entries: readonly Entry[];
  readonly also: readonly Change[];
  readonly names: Readonly<Record<string, string>>;
}

async function patientFor(
  told: Told,
  kept: KeptImplant | undefined,
  held: Resource | undefined,
  { store }: PlaceParts,
): Promise<Whose | Unplaced> {
  const names = namesOf(told.patient);
  const found = await findPatient(told.patient, store);
  const already: string | undefined = kept?.patient ?? held?.['patient']?.reference;
  if (!found) {
    if (already === undefined)
      return unplaced('no-patient', 'It names no patient, and nobody is known to have the device');
    return { reference: already, entries: [], also: [], names: kept?.names ?? {} };
  }
  const [one, ...others] = found.resources;
  if (others.length > 0) return unplaced('conflict', 'Its identifiers belong to several patients');
  const reference = one ? `Patient/${one.id}` : newPatient(told.patient).reference;
  const called = kept?.names ?? {};
  const owner = already === undefined || reference === already ? undefined : keyOf(already);
  if (owner && Object.keys(names).every((system) => !(system in called))) {
    // Somebody else has said whose it is, and calls patients otherwise: a device is in one body.
    const [version] = await store.read([owner]);
    if (version && !isDeleted(version) && contradicts(told.patient, JSON.parse(version.text)))
      return unplaced('conflict', 'It names another patient than others do who tell of this device');
    return { reference: already!, entries: [], also: [], names: { ...called, ...names } };
  }
  if (one && contradicts(told.patient, one))
    return unplaced('conflict', 'The patient with this identifier was born on another day, or has another name');
  return {
    reference,
    entries: one ? [] : [newPatient(told.patient).entry],
    also: [found.still],
    names: kept?.patient === reference ? { ...kept.names, ...names } : names,
  };
}

/** Looks at everything: the first time, and whenever something else is told of implant or patient. */
export async function place(
  told: Told,
  kept: KeptImplant | undefined,
  instants: readonly number[],
  parts: PlaceParts,
): Promise<Placed | Unplaced> {
  const { store, canonical } = parts;
  const { implant } = told;
  const own = implantIdOf(ciedOf(implant)!);
  const found = kept ? undefined : await findDevice(implant, canonical, store);
  if (found && found.resources.length > 1)
    return unplaced('conflict', 'Several devices have this model and serial number');
  const id = kept ? keyOf(kept.device)!.id : (found!.resources[0]?.id ?? own);
  const device = `Device/${id}`;
  const [newest] = await store.read([{ type: 'Device', id }]);
  if (newest && isDeleted(newest)) return unplaced('no-device', 'The device was deleted here');
  const held: Resource | undefined = newest && parseExact(newest.text);
  const whose = await patientFor(told, kept, held, parts);
  if ('code' in whose) return whose;
  const patient = whose.reference;
  const holder: string | undefined = held?.['patient']?.reference;

  const { periods, still } = await assignmentsOf(id, store);
  const assigned = await assign(told, kept, { device, patient, own, instants, periods }, parts);
  const leads = await leadUses(implant, id, patient, parts);
  // Whoever gave the device to another patient here meant it, as long as the maker says nothing new.
  const named = kept && kept.patient === patient && holder !== undefined ? holder : patient;
  const next = generator(implant, id, named, canonical, held ?? {});
  const isNews = !held || JSON.stringify(next) !== JSON.stringify(held);
  const pieces: readonly Made[] = [
    ...(implant.monitor ? [monitorDevice(implant.monitor, implant.manufacturer, patient, canonical)] : []),
    ...(implant.leads ?? []).map((lead, i) => leadDevice(lead, i, id, patient, canonical)),
    // Not where the date is of the patient who had it before.
    ...procedures(implant, id, device, patient, canonical).filter(
      ({ performedDateTime }: any) => ownerAt(assigned.periods)(spanOf(performedDateTime)!.from) === patient,
    ),
  ];
  const version = newest?.versionId ?? 0;
  return {
    device,
    patient,
    entries: [
      ...whose.entries,
      // Before the Device: it is assigned by these, and by nothing else then.
      ...assigned.entries,
      ...leads.entries,
      ...(await written(pieces.slice(0, implant.monitor ? 1 : 0), store)),
      ...(isNews ? [put(next, newest ? after(version) : asNew)] : []),
      ...(await written(pieces.slice(implant.monitor ? 1 : 0), store)),
      ...(await spokenFor(told, device, patient, parts)),
    ],
    also: [...whose.also, still, ...leads.also, ...(found ? [found.still] : [])],
    kept: {
      version: isNews ? version + 1 : version,
      use: assigned.use,
      uses: assigned.uses,
      since: assigned.since,
      until: assigned.until,
      names: whose.names,
    },
    patientAt: ownerNow(assigned.periods, await survivorsOf(patientsOf(assigned.periods), store)),
  };
}

/** Those that are not there, or say something else there; what was said besides stays. */
async function written(told: readonly Made[], store: PlaceParts['store']): Promise<readonly Entry[]> {
  if (told.length === 0) return [];
  const resources = [...new Map(told.map((one) => [one.id, one])).values()];
  const keys = resources.map(({ resourceType: type, id }): ResourceKey => ({ type, id }));
  const newest = await store.read(keys);
  return resources.flatMap((resource, i) => merged(resource, newest[i]) ?? []);
}

/** A home monitor that is told of by itself is the `parent` of the implant that it speaks for, where both are one patient's. */
async function spokenFor({ implant }: Told, monitor: string, patient: string, { store, canonical }: PlaceParts) {
  const found = await findSpokenFor(implant, canonical, store);
  const [newest] = found ? await store.read([{ type: 'Device', id: found.id }]) : [];
  if (!newest || isDeleted(newest)) return [];
  const was = parseExact(newest.text);
  const isSo = was.parent?.reference === monitor || `Device/${found!.id}` === monitor;
  if (isSo || was.patient?.reference !== patient) return [];
  return [put({ ...was, parent: { reference: monitor } }, after(newest.versionId))];
}

function merged(resource: Made, newest: Version | undefined): Entry | undefined {
  if (!newest) return put(resource, asNew);
  if (isDeleted(newest)) return undefined; // somebody meant that
  const was = parseExact(newest.text);
  const next = { ...was, ...resource, meta: { ...was.meta, ...resource['meta'] } };
  return JSON.stringify(next) === JSON.stringify(was) ? undefined : put(next, after(newest.versionId));
}
