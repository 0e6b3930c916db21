/** Who says so, and out of what it was made. https://hl7.org/fhir/R4/provenance.html */
import type { Entry } from '../../interactions/interaction.ts';
import { asNew, filled, put, stableId } from './entries.ts';

const ROLE = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
const OPERATION = 'http://terminology.hl7.org/CodeSystem/v3-DataOperation';

export interface Origins {
  /** `Observation/1`, one or more. */
  readonly targets: readonly string[];
  /** `DocumentReference/1` of what came. */
  readonly raw: string;
  /** When it happened, as sent: FHIR dateTimes, the first and the last of them; one where they are the same. */
  readonly occurred?: string | readonly [first: string, last: string];
  /** When it came in, in milliseconds. */
  readonly recorded: number;
  /** `Device/1` that measured. */
  readonly author?: string;
  readonly feed: string;
  readonly activity: 'CREATE' | 'UPDATE';
  /** What was taken for granted on the way, in sentences. */
  readonly assumptions?: readonly string[];
}

export function provenanceEntry(of: Origins): Entry {
  const { targets, raw, occurred, recorded, author, feed, activity, assumptions = [] } = of;
  const agent = (code: string, who: object) => ({ type: { coding: [{ system: ROLE, code }] }, who });
  const provenance = filled({
    resourceType: 'Provenance',
    id: stableId(recorded, 'provenance', feed, raw, activity, ...targets),
    target: targets.map((reference) => ({ reference })),
    ...(typeof occurred === 'string'
      ? { occurredDateTime: occurred }
      : { occurredPeriod: occurred && { start: occurred[0], end: occurred[1] } }),
    recorded: new Date(recorded).toISOString(),
    activity: { coding: [{ system: OPERATION, code: activity }] },
    agent: [
      ...(author === undefined ? [] : [agent('author', { reference: author })]),
      agent('assembler', { display: `Feed ${feed}` }),
    ],
    entity: [
      { role: 'source', what: { reference: raw } },
      ...assumptions.map((display) => ({ role: 'derivation', what: { display } })),
    ],
  });
  return put(provenance, asNew);
}
