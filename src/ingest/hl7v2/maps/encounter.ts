/** PV1: a visit, found by its number or made; what each event of ADT does to it. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pv1-to-encounter.html */
import { referenceTo } from '../../../fhir/references.ts';
import { filled, stableId } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import type { Drafts } from './drafts.ts';
import type { Identifier } from './identified.ts';
import type { Making } from './making.ts';
import { fill } from './rows.ts';
import { inTable } from './tables.ts';

/** Events that move a patient: the place that was, is completed. */
const MOVES = new Set(['A02', 'A12']);
const CANCELS_DISCHARGE = 'A13';

/** The number of the visit; without one it cannot be told from another. */
export const visitNumber = (said: any): Identifier | undefined => said.identifier?.[0];

/** What PV1, PV2, ROL and PRT say of a visit. */
export function visitIn(making: Pick<Making, 'message' | 'around'>, pv1: Segment): any {
  const { message, around } = making;
  const said: any = {};
  fill(message, pv1, around, { into: said });
  // Of two classes that a visit cannot have, none is asked for: PV1-2 is demanded by the standard.
  if (said.class === undefined)
    said.class = { system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', code: 'UNK' };
  return said;
}

/** Adds PV2, ROL and PRT once it is known that there is a visit to add them to. */
export function addToVisit(
  said: any,
  rest: readonly Segment[],
  { message, around }: Pick<Making, 'message' | 'around'>,
  pv1: Segment,
): void {
  const pv2 = rest.find(({ name }) => name === 'PV2');
  if (pv2) fill(message, pv2, around, { into: said });
  const next = rest.slice(rest.indexOf(pv1) + 1);
  const end = next.findIndex(({ name }) => !['PV2', 'PRT', 'ROL'].includes(name));
  for (const segment of end < 0 ? next : next.slice(0, end)) {
    if (segment.name === 'PV2') continue;
    const { resource } = fill(message, segment, around, segment.name === 'PRT' ? { name: 'participation' } : {});
    if (resource.individual) said.participant = [...(said.participant ?? []), resource];
  }
}

function statusOf(event: string | undefined, said: any, before: string | undefined): string {
  if (event === 'A11' || event === 'A38') return 'cancelled';
  if (event !== CANCELS_DISCHARGE && said.period?.end !== undefined) return 'finished';
  const meant = event === undefined ? undefined : inTable('encounterStatus', event);
  if (meant) return meant;
  if (before !== undefined) return before;
  return said.period?.start !== undefined ? 'in-progress' : 'unknown';
}

const placeOf = (location: any): string => location.location?.identifier?.value ?? location.location?.display;
const rolesOf = ({ type = [] }: any): string => JSON.stringify(type.map((t: any) => t.coding?.[0]?.code));

/** A visit with what a message says laid over it. */
function withVisit(existing: any, said: any, event: string | undefined): any {
  const { resourceType: _type, status: _status, ...news } = said;
  const next = { ...existing, ...news };
  next.period = { ...existing.period, ...said.period };
  if (event === CANCELS_DISCHARGE) {
    delete next.period.end;
    if (next.hospitalization) {
      const { dischargeDisposition: _disposition, destination: _destination, ...rest } = next.hospitalization;
      next.hospitalization = rest;
    }
  }
  if (Object.keys(next.period).length === 0) delete next.period;
  if (existing.hospitalization && said.hospitalization)
    next.hospitalization = { ...existing.hospitalization, ...said.hospitalization };
  if (next.hospitalization && Object.keys(next.hospitalization).length === 0) delete next.hospitalization;
  if (said.location) {
    const told = new Set(said.location.map(placeOf));
    const others = (existing.location ?? [])
      .filter((l: any) => !told.has(placeOf(l)))
      .map((l: any) =>
        l.status === 'active' && (event === undefined || MOVES.has(event)) ? { ...l, status: 'completed' } : l,
      );
    next.location = [...others, ...said.location];
  }
  if (said.participant) {
    const told = new Set(said.participant.map(rolesOf));
    next.participant = [...(existing.participant ?? []).filter((p: any) => !told.has(rolesOf(p))), ...said.participant];
  }
  if (said.identifier) {
    const told = new Set(said.identifier.map((i: any) => `${i.system}|${i.value}`));
    const others = (existing.identifier ?? []).filter((i: any) => !told.has(`${i.system}|${i.value}`));
    next.identifier = [...others, ...said.identifier];
  }
  next.status = statusOf(event, next, existing.status);
  return next;
}

type Stay = Awaited<ReturnType<Drafts['findOf']>>;

/**
 * The Encounter of the message, where PV1 names one. `updates`: the message is an event of the visit (ADT) and no older than what was
 * told before; every other only finds one, or makes one that is missing. `stay`: what the patient has under the number.
 */
export async function encounterOf(
  making: Omit<Making, 'encounter' | 'focus'>,
  said: any,
  event: string | undefined,
  updates: boolean,
  stay: Stay | undefined,
): Promise<string | undefined> {
  const { drafts, subject, message, messageKey, around, patientKey } = making;
  const number = visitNumber(said);
  const isTold = event !== undefined && message.type === 'ADT';
  if (number === undefined && !isTold) return undefined;
  const encounter = filled({
    resourceType: 'Encounter',
    ...said,
    status: statusOf(isTold ? event : undefined, said, undefined),
    subject: { reference: subject },
  });
  // An admission that names no visit is one of its own.
  if (number === undefined) return drafts.add(encounter, [messageKey]);
  const merge = (existing: any) => (updates ? withVisit(existing, said, event) : existing);
  if (!stay) return drafts.named(encounter, number, merge);
  if (stay.found) {
    drafts.change(stay.found, merge(stay.found.resource));
    return referenceTo(stay.found.key);
  }
  if (!stay.isOfAnother) return drafts.named(encounter, number, merge);
  around.warn('the number of the visit is one of another patient: that visit stays, and this is one beside it');
  return drafts.add(encounter, besideParts(number, patientKey), merge);
}

const besideParts = ({ system, value }: Identifier, patientKey: string) => [system, value, 'of', patientKey];

/** A visit whose number another patient had before. */
export const isBeside = (stay: Stay, number: Identifier, patientKey: string): boolean =>
  stay.isOfAnother || stay.found?.key.id === stableId(0, 'hl7v2', 'Encounter', ...besideParts(number, patientKey));
