/** The Flag and the DetectedIssue of an alarm, in FHIR's words. They name the vital, never the value. https://hl7.org/fhir/R4/flag.html */
import { keyOf, type Resource } from '../fhir/references.ts';
import type { Verdict } from './interpret.ts';

const FLAG_PRIORITY = 'http://hl7.org/fhir/StructureDefinition/flag-priority';
const FLAG_DETAIL = 'http://hl7.org/fhir/StructureDefinition/flag-detail';

/** Abnormal is medium priority, critical is high. http://hl7.org/fhir/StructureDefinition/flag-priority */
export const priority = (severity: 'abnormal' | 'critical') => ({
  url: FLAG_PRIORITY,
  valueCodeableConcept: {
    coding: [
      severity === 'critical'
        ? { system: 'http://hl7.org/fhir/flag-priority-code', code: 'PH', display: 'High priority' }
        : { system: 'http://hl7.org/fhir/flag-priority-code', code: 'PM', display: 'Medium priority' },
    ],
  },
});

/** What raised a Flag. http://hl7.org/fhir/StructureDefinition/flag-detail */
export const seenIn = (observation: string) => ({ url: FLAG_DETAIL, valueReference: { reference: observation } });

/** Why a value was held against no limits. */
export type NotJudged = 'no-table' | 'no-unit';

const reasons: Readonly<Record<NotJudged, string>> = {
  'no-table': 'no table of limits for a patient of this age, so no alert can be raised',
  'no-unit': 'not evaluated: unit unknown, so no alert can be raised',
};

interface Seen {
  readonly id: string;
  /** `Patient/1` */
  readonly patient: string;
  readonly device: string | undefined;
  /** `Observation/1` */
  readonly observation: string;
  readonly verdict: Verdict;
  readonly severity: 'abnormal' | 'critical' | NotJudged;
  readonly now: number;
  readonly canonical: string;
}

// Only a Device may be an author; a DeviceMetric may not.
const authorOf = (device: string | undefined) =>
  device !== undefined && keyOf(device)?.type === 'Device' ? { author: { reference: device } } : {};

// Blood pressure is one vital with two names.
const nameOf = ({ vital, name }: Verdict): string => (vital === 'blood-pressure' ? 'Blood pressure' : name);

/** The alert-type coding of a vital. */
const alertType = (canonical: string, verdict: Verdict) => ({
  coding: [
    {
      system: `${canonical}/CodeSystem/alert-type`,
      code: `vital-${verdict.vital}`,
      display: `${nameOf(verdict)} outside its limits`,
    },
  ],
  text: nameOf(verdict),
});

export const flag = ({ id, patient, device, observation, verdict, severity, now, canonical }: Seen): Resource => ({
  resourceType: 'Flag',
  id,
  extension: [priority(severity === 'critical' ? 'critical' : 'abnormal'), seenIn(observation)],
  identifier: [{ system: `${canonical}/sid/alert`, value: id }],
  status: 'active',
  category: [
    {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/flag-category', code: 'clinical', display: 'Clinical' },
      ],
    },
  ],
  code: alertType(canonical, verdict),
  subject: { reference: patient },
  period: { start: new Date(now).toISOString() },
  ...authorOf(device),
});

/** What was seen, for people. */
export const detailOf = (verdict: Verdict, severity: Seen['severity']): string =>
  severity === 'no-table' || severity === 'no-unit'
    ? `${nameOf(verdict)}: ${reasons[severity]}`
    : `${verdict.name} is ${severity === 'critical' ? 'critically ' : 'too '}${verdict.direction}`;

const severities = { abnormal: 'moderate', critical: 'high', 'no-table': 'low', 'no-unit': 'low' } as const;

/** `alert` is the id of the Flag it stands beside, where there is one. */
export const detectedIssue = (seen: Seen & { readonly alert: string | undefined }): Resource => ({
  resourceType: 'DetectedIssue',
  id: seen.id,
  ...(seen.alert === undefined ? {} : { identifier: [{ system: `${seen.canonical}/sid/alert`, value: seen.alert }] }),
  status: 'final',
  code: {
    coding: [
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OBSA', display: 'Observation Alert' },
    ],
    text: nameOf(seen.verdict),
  },
  severity: severities[seen.severity],
  patient: { reference: seen.patient },
  identifiedDateTime: new Date(seen.now).toISOString(),
  ...authorOf(seen.device),
  implicated: [{ reference: seen.observation }],
  evidence: [{ detail: [{ reference: seen.observation }] }],
  detail: detailOf(seen.verdict, seen.severity),
});
