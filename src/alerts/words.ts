/** What is said of a vital sign outside its limits. It names the vital, never the value. https://hl7.org/fhir/R4/detectedissue.html */
import { keyOf, type Resource } from '../fhir/references.ts';
import type { Verdict } from './interpret.ts';

/** Why a value was held against no limits. */
export type NotJudged = 'no-table' | 'no-unit';

const reasons: Readonly<Record<NotJudged, string>> = {
  'no-table': 'no table of limits for a patient of this age, so no alert can be raised',
  'no-unit': 'not evaluated: unit unknown, so no alert can be raised',
};

// Blood pressure is one vital with two names.
export const nameOf = ({ vital, name }: Verdict): string => (vital === 'blood-pressure' ? 'Blood pressure' : name);

/** What was seen, for people. */
export const detailOf = ({ name, direction }: Verdict, severity: 'abnormal' | 'critical'): string =>
  `${name} is ${severity === 'critical' ? 'critically ' : 'too '}${direction}`;

interface NotJudgedSeen {
  readonly id: string;
  /** `Patient/1` */
  readonly patient: string;
  readonly device: string | undefined;
  /** `Observation/1` */
  readonly observation: string;
  readonly verdict: Verdict;
  readonly reason: NotJudged;
  readonly now: number;
}

/** Says that nobody will be told of this vital, and why: no alert, so it stands alone. */
export function notJudgedIssue(seen: NotJudgedSeen): Resource {
  const { id, patient, device, observation, verdict, reason, now } = seen;
  return {
    resourceType: 'DetectedIssue',
    id,
    status: 'final',
    code: {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OBSA', display: 'Observation Alert' },
      ],
      text: nameOf(verdict),
    },
    severity: 'low',
    patient: { reference: patient },
    identifiedDateTime: new Date(now).toISOString(),
    ...(device !== undefined && keyOf(device)?.type === 'Device' ? { author: { reference: device } } : {}),
    implicated: [{ reference: observation }],
    evidence: [{ detail: [{ reference: observation }] }],
    detail: `${nameOf(verdict)}: ${reasons[reason]}`,
  };
}
