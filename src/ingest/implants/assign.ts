/** Since when an implant and its leads are a patient's, and until when: what is told of it, put where nobody has said it yet. https://hl7.org/fhir/R4/deviceusestatement.html */
import { assignmentsOf } from '../../assignments/kept.ts';
import { type Assignment, spanOf, withAssignment } from '../../assignments/periods.ts';
import { parseExact } from '../../fhir/json.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { type Change, isDeleted, type Store } from '../../store/store.ts';
import { after, asNew, put } from '../intake/entries.ts';
import { leadIdOf } from './device.ts';
import type { KeptImplant } from './kept.ts';
import { isDateTime } from './patient.ts';
import type { Implant, Told } from './told.ts';
import { explantedOf, implantedOf, use, useIdOf } from './use.ts';

export interface AssignParts {
  readonly store: Pick<Store, 'read' | 'get'>;
  readonly canonical: string;
  readonly now: number;
}

interface At {
  /** Id by which the implant is kept. */
  readonly own: string;
  /** `Device/1`, `Patient/1` */
  readonly device: string;
  readonly patient: string;
  readonly instants: readonly number[];
  readonly periods: readonly Assignment[];
}

interface Assigned extends Pick<KeptImplant, 'use' | 'uses' | 'since' | 'until'> {
  readonly entries: readonly Entry[];
  readonly periods: readonly Assignment[];
}

/** When it was taken out: as told, else when we were first told that it is out. */
const outSince = (implant: Implant, now: number): string | undefined =>
  explantedOf(implant) ?? (implant.status === 'inactive' ? new Date(now).toISOString() : undefined);

const assignment = (patient: string, id: string, start: string | undefined, end: string | undefined): Assignment => {
  const until = end === undefined ? undefined : spanOf(end);
  return {
    patient,
    use: id,
    from: start === undefined ? undefined : spanOf(start)?.from,
    // As assignments/periods.ts takes it: an end with a time is that moment.
    to: end !== undefined && /T/.test(end) ? until?.from : until?.to,
  };
};

/** The DeviceUseStatement of the patient that is told; the one before ends where this one begins. */
export async function assign(told: Told, kept: KeptImplant | undefined, at: At, parts: AssignParts): Promise<Assigned> {
  const { device, patient, periods, own } = at;
  const { implant } = told;
  if (!kept && periods.length === 0) {
    const id = useIdOf(own, patient, 0);
    const [start, end] = [implantedOf(implant), outSince(implant, parts.now)];
    const made = use({ id, patient, device, start, end }, parts.canonical);
    const entries = [put(made, asNew)];
    return { entries, periods: [assignment(patient, id, start, end)], use: id, uses: 1, since: start, until: end };
  }
  if (kept && kept.patient !== patient) return reassigned(told, kept, at, parts);
  // Whose it is has been said, by us or by somebody else: since when is filled in.
  const id = kept?.use ?? (periods.filter((one) => one.patient === patient).at(-1) ?? periods.at(-1)!).use;
  const uses = kept?.uses ?? periods.length;
  const same = { entries: [], periods, use: id, uses, since: kept?.since, until: kept?.until };
  const [newest] = await parts.store.read([{ type: 'DeviceUseStatement', id }]);
  if (!newest || isDeleted(newest)) return same;
  const was = parseExact(newest.text);
  if (was.subject?.reference !== patient || was.timingDateTime || was.timingTiming) return same;
  if (was.status === 'entered-in-error') return same;
  const isOurs = kept !== undefined && id === useIdOf(own, patient, kept.uses - 1);
  const { start, end } = was.timingPeriod ?? {};
  // Who tells less than others did takes nothing back; of an implant that went from one to another the beginning is known already.
  const mayBegin = uses === 1 && (start === undefined || isOurs || start === kept?.since);
  const since = mayBegin ? (implantedOf(implant) ?? start) : start;
  const until = untilOf(implant, end, isOurs, kept, parts.now);
  if (since === start && until === end) return same;
  const { profile = [] } = was.meta ?? {};
  const made = use({ id, patient, device, start: since, end: until }, parts.canonical);
  const { timingPeriod: _timing, ...rest } = was;
  const meta = { ...was.meta, profile: [...new Set([...profile, ...(made['meta'] as any).profile])] };
  return {
    // What somebody else said of it besides stays.
    entries: [
      put({ ...rest, ...made, meta, status: until === end ? was.status : made.status }, after(newest.versionId)),
    ],
    periods: withAssignment(periods, assignment(patient, id, since, until)),
    use: id,
    uses,
    since: since === start ? kept?.since : since,
    until: until === end ? kept?.until : until,
  };
}

/** The end that a use has then: a date that is told goes before one that we noticed, and what was not out is in again. */
function untilOf(
  implant: Implant,
  end: string | undefined,
  isOurs: boolean,
  kept: KeptImplant | undefined,
  now: number,
): string | undefined {
  const isByUs = end === undefined || isOurs || end === kept?.until;
  if (!isByUs) return end;
  const out = explantedOf(implant);
  if (out !== undefined) return out;
  if (end !== undefined && end === kept?.until && implant.status === 'active') return undefined;
  return end ?? outSince(implant, now);
}

/** It went to somebody else: when, the implant date says, else the first thing that was told since the last that was the other's. */
async function reassigned(
  told: Told,
  kept: KeptImplant,
  at: At,
  { store, canonical, now }: AssignParts,
): Promise<Assigned> {
  const { device, patient, own } = at;
  const implanted = implantedOf(told.implant);
  const begun = implanted === undefined ? undefined : spanOf(implanted)?.from;
  const since = at.instants.filter((instant) => instant > kept.latest);
  const isByDate = begun !== undefined && begun > kept.latest;
  const from = isByDate ? begun : Math.min(now, ...since);
  const start = isByDate ? implanted! : new Date(from).toISOString();
  const ended = new Date(from).toISOString();
  const id = useIdOf(own, patient, kept.uses);
  const open = at.periods.filter(({ patient: whose, to }) => whose !== patient && (to === undefined || to > from));
  const newest = await store.read(open.map(({ use: key }) => ({ type: 'DeviceUseStatement', id: key })));
  const entries = newest.flatMap((version) => {
    if (!version || isDeleted(version)) return [];
    const was = parseExact(version.text);
    const period = { ...was.timingPeriod, end: ended };
    return [put({ ...was, status: 'completed', timingPeriod: period }, after(version.versionId))];
  });
  let periods = at.periods;
  for (const one of open) periods = withAssignment(periods, { ...one, to: from });
  periods = withAssignment(periods, { patient, use: id, from });
  const end = explantedOf(told.implant);
  const next = use({ id, patient, device, start, end }, canonical);
  return { entries: [...entries, put(next, asNew)], periods, use: id, uses: kept.uses + 1, since: start, until: end };
}

export interface LeadUses {
  readonly entries: readonly Entry[];
  readonly also: readonly Change[];
}

/** Of each lead whose date is told: its use begins then, where nobody has said since when it is in. A lead stays in where the implant is taken out. */
export async function leadUses(
  { leads = [] }: Implant,
  implant: string,
  patient: string,
  { store, canonical }: AssignParts,
): Promise<LeadUses> {
  const of = leads.map(async (lead, i): Promise<LeadUses> => {
    const start = isDateTime(lead.implanted) ? lead.implanted : undefined;
    if (start === undefined) return { entries: [], also: [] };
    const id = leadIdOf(implant, lead, i);
    const { periods, still } = await assignmentsOf(id, store);
    if (periods.length === 0) {
      const made = use({ id: useIdOf(id, patient, 0), patient, device: `Device/${id}`, start }, canonical);
      return { entries: [put(made, asNew)], also: [still] };
    }
    const [only, ...others] = periods;
    const [newest] = others.length > 0 ? [] : await store.read([{ type: 'DeviceUseStatement', id: only!.use }]);
    if (!newest || isDeleted(newest)) return { entries: [], also: [] };
    const was = parseExact(newest.text);
    const isSaid = was.timingPeriod?.start ?? was.timingDateTime ?? was.timingTiming;
    if (isSaid || was.subject?.reference !== patient) return { entries: [], also: [] };
    const next = { ...was, timingPeriod: { start, ...was.timingPeriod } };
    return { entries: [put(next, after(newest.versionId))], also: [] };
  });
  const all = await Promise.all(of);
  return { entries: all.flatMap(({ entries }) => entries), also: all.flatMap(({ also }) => also) };
}
