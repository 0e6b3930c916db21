/** Whether the home monitor of an implant reaches its maker. https://hl7.org/fhir/uv/cardx-cied */
import type { Resource } from '../../fhir/references.ts';
import { filled, stableId } from '../intake/entries.ts';
import { digest } from './occasion.ts';
import { isDateTime } from './patient.ts';
import type { Connectivity, Told } from './told.ts';

const words = {
  connected: 'Connected',
  disconnected: 'Disconnected',
  'not-applicable': 'Not applicable',
  'setup-not-completed': 'Setup not completed',
  suspended: 'Suspended',
  inactive: 'Inactive',
  unenrolled: 'Unenrolled',
  transferred: 'Transferred',
} as const;

/** What is said of it. When the maker last heard of the implant counts by the day, so that a poll every minute writes nothing. */
export const contactOf = ({ connectivity, implant }: Told): string | undefined =>
  connectivity === undefined
    ? undefined
    : digest({ ...connectivity, last: (connectivity.last ?? implant.lastContact)?.slice(0, 10) });

interface Place {
  readonly canonical: string;
  readonly implant: string;
  readonly device: string;
  readonly patient: string;
  readonly issued: number;
}

export function connectivityObservation(told: Told, at: Place): Resource & { readonly id: string } {
  const { status, modifier, next } = told.connectivity as Connectivity;
  const last = told.connectivity!.last ?? told.implant.lastContact;
  const { canonical } = at;
  const system = `${canonical}/CodeSystem/cied-connectivity`;
  const component = (code: string, display: string, value: object) => ({
    code: { coding: [{ system, code, display }] },
    ...value,
  });
  const coded = (code: keyof typeof words) => ({
    valueCodeableConcept: { coding: [{ system, code, display: words[code] }] },
  });
  const now = new Date(at.issued).toISOString();
  return filled({
    resourceType: 'Observation',
    id: stableId(at.issued, at.implant, 'connectivity', contactOf(told)!),
    meta: { profile: [`${canonical}/StructureDefinition/cied-connectivity`] },
    status: 'final',
    code: { coding: [{ system, code: 'connectivity', display: 'Connectivity of a cardiac implant' }] },
    subject: { reference: at.patient },
    effectiveDateTime: now,
    issued: now,
    device: { reference: at.device },
    component: [
      component('connectivity-status', 'Status', coded(status)),
      ...(modifier === undefined ? [] : [component('connectivity-modifier', 'Modifier', coded(modifier))]),
      ...(isDateTime(last) ? [component('last-connectivity', 'Last connection', { valueDateTime: last })] : []),
      ...(isDateTime(next) ? [component('next-connectivity', 'Next connection', { valueDateTime: next })] : []),
    ],
  });
}
