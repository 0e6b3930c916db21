/** The newest reading of each parameter of NEWS2, asked by code: a few rows each, however much else a monitor sends. docs/alerts.md#news2 */
import { type Resource, referenceTo } from '../../fhir/references.ts';
import { plan } from '../../search/plan.ts';
import { any, type Criterion, plainQuery } from '../../search/query.ts';
import type { Cursor, Store, Version } from '../../store/store.ts';
import { AHEAD, instantOf, isOfImplant, isSpoken, isTrusted } from '../spoken.ts';
import type { Thresholds } from '../thresholds.ts';
import { isDerived } from './derived.ts';
import { airOrOxygenCodes, type Code, codesIn, inputsIn } from './news2-inputs.ts';
import type { Inputs, Parameter } from './news2-table.ts';

/** The newest nearly always counts; poor signals and withdrawn ones are passed over, an hour of every second at most. */
const FEW = 4;
const PAGE = 250;
const MOST_PAGES = 20;
/** Codes of panels that a parameter of one patient is looked for under. */
const MOST_PANELS = 20;
const MOST_PATIENTS = 10_000;

export interface Newest {
  readonly value: unknown;
  readonly at: number;
  readonly version: Version;
}

export interface ReadingParts {
  readonly store: Pick<Store, 'search'>;
  readonly canonical: string;
  readonly vitals: Thresholds;
}

export interface Readings {
  /** What an Observation tells of the seven; undefined where it does not count. `arrived` by the clock of the server. */
  toldIn(observation: Resource, arrived: number): Partial<Inputs> | undefined;
  /** To be called with each that tells something: panels go by codes of their own. */
  learn(patient: string, observation: Resource, told: Partial<Inputs>): void;
  newestOf(patient: string, parameter: Parameter, since: number, until: number): Promise<Newest | undefined>;
}

const nameOf = ({ system, code }: Code): string => `${system}|${code}`;
const keyed = (name: string, codes: readonly Code[]): Criterion =>
  any(codes.map(({ system, code }) => ({ is: 'key', name: `Observation.${name}`, first: `${system}|`, second: code })));
const during = (since: number, until: number): Criterion => ({
  is: 'range',
  name: 'Observation.date',
  high: { atLeast: since },
  low: { atMost: until },
});
/** Lanes are of codes with a system. */
const codesOf = ({ code }: Resource & { code?: any }): readonly Code[] =>
  (code?.coding ?? []).filter((one: any) => typeof one.system === 'string' && typeof one.code === 'string');

/** Of two of the same moment the one that came in last. */
const isNewer = (one: Newest, other: Newest | undefined): boolean =>
  other === undefined ||
  one.at > other.at ||
  (one.at === other.at && one.version.lastUpdated > other.version.lastUpdated);

/** The newest first, of one patient. Planned, so that a patient's readings of one code are one range of the index. */
export const newestFirst = (
  store: Pick<Store, 'search'>,
  patient: string,
  where: readonly Criterion[],
  count: number,
  after?: Cursor,
) => {
  const of: readonly Criterion[] = [{ is: 'reference', name: 'Observation.subject', target: patient }, ...where];
  const sort = [{ by: 'range', name: 'Observation.date', descending: true }] as const;
  return store.search(plan({ ...plainQuery('Observation', { is: 'all', of }, count), sort }), after);
};

export function createReadings({ store, canonical, vitals }: ReadingParts): Readings {
  const own = codesIn(vitals);
  /** Codes of a patient's Observations that tell a parameter by a component or a value. */
  const panels = new Map<string, Map<Parameter, Map<string, Code>>>();

  function toldIn(observation: Resource, arrived: number): Partial<Inputs> | undefined {
    const isReading =
      isSpoken(observation) &&
      !isOfImplant(observation, canonical) &&
      !isDerived(observation, canonical) &&
      isTrusted(observation, canonical) &&
      instantOf(observation, arrived) <= arrived + AHEAD;
    return isReading ? inputsIn(observation, vitals) : undefined;
  }

  async function newestIn(
    patient: string,
    code: Code,
    parameter: Parameter,
    time: Criterion,
  ): Promise<Newest | undefined> {
    let after: Cursor | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const where = [keyed('code', [code]), time];
      const { matches, next } = await newestFirst(store, patient, where, page === 0 ? FEW : PAGE, after);
      for (const version of matches) {
        const observation = JSON.parse(version.text) as Resource;
        const value = toldIn(observation, version.lastUpdated)?.[parameter];
        if (value !== undefined) return { value, at: instantOf(observation, version.lastUpdated), version };
      }
      if (next === undefined) return undefined;
      after = next;
    }
    return undefined;
  }

  /** Asked once for each patient; what comes later is learned. */
  async function panelsOf(patient: string, parameter: Parameter, time: Criterion): Promise<readonly Code[]> {
    if (panels.size >= MOST_PATIENTS) panels.clear();
    const ofPatient = panels.get(patient) ?? new Map<Parameter, Map<string, Code>>();
    panels.set(patient, ofPatient);
    const known = ofPatient.get(parameter);
    if (known) return [...known.values()];
    const found = new Map<string, Code>();
    const codes = own.get(parameter)!;
    const values = parameter === 'oxygen' ? [...keysOf('value-concept'), ...keysOf('component-value-concept')] : [];
    const carries = any([keyed('component-code', codes), ...values]);
    for (let before = -1; before < found.size && found.size < MOST_PANELS; ) {
      before = found.size;
      const others: readonly Criterion[] =
        found.size === 0 ? [] : [{ is: 'not', of: keyed('code', [...found.values()]) }];
      const { matches } = await newestFirst(store, patient, [carries, time, ...others], 1);
      for (const { text } of matches) for (const code of codesOf(JSON.parse(text))) found.set(nameOf(code), code);
    }
    ofPatient.set(parameter, found);
    return [...found.values()];
  }

  return {
    toldIn,
    learn(patient, observation, told) {
      const ofPatient = panels.get(patient);
      if (!ofPatient) return;
      const codes = codesOf(observation);
      for (const parameter of Object.keys(told) as Parameter[]) {
        const known = ofPatient.get(parameter);
        if (!known || codes.some((one) => own.get(parameter)!.some((mine) => nameOf(mine) === nameOf(one)))) continue;
        if (known.size < MOST_PANELS) for (const code of codes) known.set(nameOf(code), code);
      }
    },
    async newestOf(patient, parameter, since, until) {
      const time = during(since, until);
      let newest: Newest | undefined;
      for (const code of [...own.get(parameter)!, ...(await panelsOf(patient, parameter, time))]) {
        const one = await newestIn(patient, code, parameter, time);
        if (one && isNewer(one, newest)) newest = one;
      }
      return newest;
    },
  };
}

const keysOf = (name: string): readonly Criterion[] => [keyed(name, airOrOxygenCodes)];

/** What a score is made of, by parameter. */
export const sourceOf = ({ version: { key, versionId } }: Newest) => ({ reference: referenceTo(key), versionId });
