/** Which resources of a type a rule is about: those that it surely is, and those that it may be. https://hl7.org/fhir/R4/consent.html */
import type { Interval } from '../../search/instants.ts';
import { formsOf } from '../../search/parameter.ts';
import { parametersOf } from '../../search/parameters.ts';
import type { Criterion } from '../../search/query.ts';
import type { Right } from '../scopes/criterion.ts';
import type { About, Code } from './provision.ts';
import { and, not, or, type Region } from './region.ts';

export interface Extent {
  readonly sure: Region;
  readonly possible: Region;
}

const whole: Extent = { sure: true, possible: true };
const unclear: Extent = { sure: false, possible: true };
const nothing: Extent = { sure: false, possible: false };
const exactly = (region: Region): Extent => ({ sure: region, possible: region });

export function extentOf(about: About, type: string, right: Right): Extent {
  const { actions, classes, codes, labels, dataPeriod, data } = about;
  const parts = [
    actions ? anyOf(actions.map((one) => withAction(one, right))) : whole,
    classes ? anyOf(classes.map((one) => (one === '' ? unclear : one === type ? whole : nothing))) : whole,
    codes ? anyOf(codes.map((one) => withCode(one, type))) : whole,
    labels ? anyOf(labels.map((one) => withLabel(one, type))) : whole,
    dataPeriod ? inPeriod(dataPeriod, type) : whole,
    data ? anyOf(data.map((one) => ofData(one, type))) : whole,
  ];
  return { sure: and(...parts.map(({ sure }) => sure)), possible: and(...parts.map(({ possible }) => possible)) };
}

/** False for what surely says nothing of the type: a short way past all the rest. */
export const mayBeAbout = ({ classes, data }: About, type: string): boolean =>
  (classes === undefined || classes.includes(type) || classes.includes('')) &&
  (data === undefined ||
    data.some(
      ({ meaning, reference }) => meaning !== 'instance' || reference === '' || reference.startsWith(`${type}/`),
    ));

const anyOf = (extents: readonly Extent[]): Extent => ({
  sure: or(...extents.map(({ sure }) => sure)),
  possible: or(...extents.map(({ possible }) => possible)),
});

/** Who may not see something must not change it either: what is answered would show it. */
const actionsOf: Readonly<Record<Right, { readonly sure: readonly string[]; readonly possible: readonly string[] }>> = {
  r: { sure: ['access', 'use'], possible: ['access', 'use', 'disclose'] },
  s: { sure: ['access', 'use'], possible: ['access', 'use', 'disclose'] },
  c: { sure: ['collect'], possible: ['collect'] },
  u: { sure: ['collect', 'correct'], possible: ['collect', 'correct', 'access', 'use', 'disclose'] },
  d: { sure: ['collect', 'correct'], possible: ['collect', 'correct', 'access', 'use', 'disclose'] },
};
const known = ['access', 'use', 'disclose', 'collect', 'correct'];

const withAction = (action: string, right: Right): Extent =>
  known.includes(action)
    ? { sure: actionsOf[right].sure.includes(action), possible: actionsOf[right].possible.includes(action) }
    : unclear;

/** Parameters by which a resource says what it is about: the first is its own code, the others may name it. */
const coded = ['code', 'vaccine-code', 'type', 'combo-code', 'category', 'reason-code', 'class', 'event'];
const furthermore = ['combo-value-concept', 'conclusion', 'evidence', 'target-disease', 'section', 'activity-code'];
/** Say nothing of what somebody has. */
const withoutCodes: ReadonlySet<string> = new Set([
  'Patient',
  'RelatedPerson',
  'Person',
  'CareTeam',
  'Device',
  'Coverage',
]);

const namesOf = (type: string, codes: readonly string[]): readonly string[] =>
  codes.flatMap((code) => {
    const parameter = parametersOf(type).get(code);
    return parameter?.type === 'token' && !parameter.plain ? formsOf(parameter).map(({ name }) => name) : [];
  });

function withCode([system, code]: Code, type: string): Extent {
  if (code === '') return unclear;
  if (withoutCodes.has(type)) return nothing;
  const own = namesOf(type, coded.slice(0, 3));
  // What it is about may stand where no parameter looks.
  if (own.length === 0) return unclear;
  const all = [...new Set([...own, ...namesOf(type, [...coded, ...furthermore])])];
  const has = (name: string) => keyOf(name, system, code);
  const unspoken = system === '' ? [] : all.map((name) => keyOf(name, '|', code));
  return { sure: or(...own.map(has)), possible: or(...all.map(has), ...unspoken) };
}

/** In the system; '' for any, '|' for none. */
const keyOf = (name: string, system: string, code: string): Criterion =>
  system === ''
    ? { is: 'key', name, first: code, second: '' }
    : { is: 'key', name, first: system === '|' ? '|' : `${system}|`, second: code };

/** https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html, from low to high. */
const confidentiality = ['U', 'L', 'M', 'N', 'R', 'V'];
const NORMAL = confidentiality.indexOf('N');

/**
 * A permit reaches up to the mark, a denial from the mark upwards: who denies what is restricted means what is very restricted
 * too, and not what is normal. What has no mark is normal.
 */
function withLabel([system, code]: Code, type: string): Extent {
  if (code === '') return unclear;
  const name = `${type}._security`;
  const rank = confidentiality.indexOf(code);
  const isMark = rank >= 0 && (system === '' || system.endsWith('v3-Confidentiality'));
  if (!isMark)
    return { sure: keyOf(name, system, code), possible: or(keyOf(name, system, code), keyOf(name, '|', code)) };
  const marked = (codes: readonly string[]): Region => or(...codes.map((one) => keyOf(name, '', one)));
  const lower = confidentiality.slice(0, rank);
  const higher = confidentiality.slice(rank + 1);
  const unmarked = not(marked(confidentiality));
  return {
    sure: and(not(marked(higher)), rank >= NORMAL ? true : marked([...lower, code])),
    possible: or(marked([code, ...higher]), rank <= NORMAL ? unmarked : false),
  };
}

/** When what a resource tells of was so; types that are not here do not say it. */
const dated: Readonly<Record<string, string>> = {
  AllergyIntolerance: 'date',
  Appointment: 'date',
  CarePlan: 'date',
  Communication: 'sent',
  Composition: 'date',
  Condition: 'recorded-date',
  DiagnosticReport: 'date',
  DocumentReference: 'date',
  Encounter: 'date',
  Flag: 'date',
  Goal: 'start-date',
  Immunization: 'date',
  List: 'date',
  MedicationAdministration: 'effective-time',
  MedicationRequest: 'authoredon',
  MedicationStatement: 'effective',
  Observation: 'date',
  Procedure: 'date',
  QuestionnaireResponse: 'authored',
  RiskAssessment: 'date',
  ServiceRequest: 'authored',
  Task: 'authored-on',
};

function inPeriod({ low, high }: Interval, type: string): Extent {
  const parameter = parametersOf(type).get(dated[type] ?? '');
  if (parameter?.type !== 'date') return unclear;
  const { name } = parameter;
  const touches: Criterion = { is: 'range', name, low: { atMost: high }, high: { atLeast: low } };
  const hasDate: Criterion = { is: 'range', name };
  return {
    sure: and(
      touches,
      not({ is: 'range', name, low: { below: low } }),
      not({ is: 'range', name, high: { above: high } }),
    ),
    possible: or(touches, not(hasDate)),
  };
}

function ofData(
  { meaning, reference }: { readonly meaning: string; readonly reference: string },
  type: string,
): Extent {
  if (reference === '') return unclear;
  const [at = '', id = ''] = reference.split('/');
  const region: Region = at === type && { is: 'id', ids: [id] };
  if (meaning === 'instance') return exactly(region);
  // What else belongs to it, nobody can tell from here.
  return { sure: meaning !== 'authoredby' && region, possible: true };
}
