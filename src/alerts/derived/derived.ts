/** What this server derives from readings and stores as an Observation of its own, marked as that. https://hl7.org/fhir/R4/observation-definitions.html#Observation.derivedFrom, docs/alerts.md#derived */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Resource } from '../../fhir/references.ts';
import { uuidv7 } from '../../runtime.ts';

const { concept } = JSON.parse(
  readFileSync(new URL('../../../profiles/CodeSystem-derived.json', import.meta.url), 'utf8'),
);
const displays: ReadonlyMap<string, string> = new Map(concept.map(({ code, display }: any) => [code, display]));

const profileIn = (canonical: string): string => `${canonical}/StructureDefinition/derived-observation`;

export const isDerived = ({ meta }: Resource, canonical: string): boolean =>
  meta?.profile?.includes(profileIn(canonical)) === true;

/** A version of an Observation that something is derived from. */
export interface Source {
  /** `Observation/1` */
  readonly reference: string;
  readonly versionId: number;
}

export interface Derived {
  /** A code of CodeSystem/derived. */
  readonly code: string;
  /** Further codings of the same. */
  readonly codings?: readonly { readonly system: string; readonly code: string; readonly display: string }[];
  /** `Patient/1` */
  readonly patient: string;
  readonly device?: string;
  /** Milliseconds: of the newest reading that it is derived from. */
  readonly at: number;
  readonly value: number;
  /** UCUM. */
  readonly unit: string;
  readonly from: readonly Source[];
  /** How, and whose rule it is. */
  readonly note: string;
  readonly category?: string;
  /** Parts of it in the same unit, by their codes. */
  readonly parts?: readonly (readonly [code: string, value: number])[];
  readonly extension?: readonly object[];
}

const NOT_VALIDATED = 'Not validated for clinical use.';

const quantity = (value: number, unit: string) => ({
  valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
});

/** The same id for the same versions of the same readings: deriving it again is no second one. */
export function derivedId({
  code,
  patient,
  device,
  at,
  from,
}: Pick<Derived, 'code' | 'patient' | 'device' | 'at' | 'from'>) {
  const sources = new Set(from.map(({ reference, versionId }) => `${reference}/${versionId}`));
  return uuidv7(at, hash('sha256', [code, patient, device, ...[...sources].sort()].join('|'), 'buffer'));
}

export function derivedObservation(derived: Derived, canonical: string): Resource & { readonly id: string } {
  const { code, codings = [], patient, device, at, value, unit, from, note, category, parts = [] } = derived;
  const coded = (of: string, more: Derived['codings'] = []) => ({
    coding: [...more, { system: `${canonical}/CodeSystem/derived`, code: of, display: displays.get(of) }],
    text: displays.get(of),
  });
  return {
    resourceType: 'Observation',
    id: derivedId(derived),
    meta: { profile: [profileIn(canonical)] },
    ...(derived.extension && { extension: derived.extension }),
    status: 'final',
    ...(category !== undefined && {
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: category }] },
      ],
    }),
    code: coded(code, codings),
    subject: { reference: patient },
    effectiveDateTime: new Date(at).toISOString(),
    ...quantity(value, unit),
    note: [{ text: `${note} Derived by the server. ${NOT_VALIDATED}` }],
    ...(device !== undefined && { device: { reference: device } }),
    derivedFrom: [...new Set(from.map(({ reference }) => reference))].map((reference) => ({ reference })),
    ...(parts.length > 0 && {
      component: parts.map(([of, score]) => ({ code: coded(of), ...quantity(score, unit) })),
    }),
  };
}
