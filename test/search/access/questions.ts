/** Requests for the two houses: the oracle's questions in every shape, and those ways into what is stored that it does not take. */
import { type Dice, diceOf } from '../oracle/dice.ts';
import { NothingToDraw } from '../oracle/drawing.ts';
import { keyOf, type World } from '../oracle/evaluate.ts';
import { parameters, types } from '../oracle/parameters.ts';
import { kinds } from '../oracle/queries.ts';
import { queryText, question } from '../oracle/run.ts';
import { valueSets } from './houses.ts';
import { A, B } from './patient-a.ts';

/** One request, below the base. */
export interface Request {
  readonly kind: string;
  readonly path: string;
  /** Sent as a form where there is one. */
  readonly form?: string;
}

type Pairs = [name: string, value: string][];

const shortened = (roll: Dice): Pairs =>
  roll.of<Pairs>([
    [['_summary', 'count']],
    [['_summary', roll.of(['true', 'text', 'data'])]],
    [['_elements', roll.of(['status', 'name,subject', 'identifier'])]],
    [['_count', '0']],
    [['_total', roll.of(['none', 'estimate'])]],
  ]);

/** A question of the oracle, drawn from all that is stored or from what A may see, so that it names both. */
function fromOracle(roll: Dice, { everything, visible }: Worlds, kind: string): Request {
  for (let tries = 0; tries < 1_000; tries++) {
    const world = roll.chance(0.3) ? everything : visible;
    try {
      const { type, conditions, shape } = question(world, roll.below(2 ** 31), kind);
      const several = type.includes(',');
      const isShort = roll.chance(0.1);
      const pairs: Pairs = [
        ...conditions.map(([name, value]): Pairs[number] => [name, value]),
        ...(shape.sort ? [['_sort', shape.sort] as Pairs[number]] : []),
        ...(shape.includes ?? []).map(([name, value]): Pairs[number] => [name, value]),
        ...(isShort ? shortened(roll) : [['_total', 'accurate'] as Pairs[number]]),
        ...(isShort || !shape.count ? [] : [['_count', String(shape.count)] as Pairs[number]]),
        ...(several ? [['_type', type] as Pairs[number]] : []),
      ];
      // The patient of the compartment may be B or nobody's.
      const within = shape.within && roll.chance(0.3) ? roll.of([A, B, 'Patient/3', 'Patient/nobody']) : shape.within;
      const place = several ? '' : within === undefined ? `/${type}` : `/${within}/${type}`;
      if (shape.post) return { kind, path: `${place}/_search`, form: queryText(pairs) };
      return { kind, path: `${place}?${queryText(pairs)}` };
    } catch (error) {
      if (!(error instanceof NothingToDraw)) throw error;
    }
  }
  throw new NothingToDraw(kind);
}

export interface Worlds {
  readonly everything: World;
  readonly visible: World;
}

const some = (roll: Dice, { everything, visible }: Worlds): any =>
  roll.of((roll.chance(0.5) ? visible : everything).resources);
const referring = (type: string): string[] =>
  Object.keys(parameters[type]!).filter((code) => parameters[type]![code]!.kind === 'reference');
const anyOf = (roll: Dice, ...values: readonly string[]): string => encodeURIComponent(roll.of(values));

/** Kinds of their own. */
const ways: Readonly<Record<string, (roll: Dice, worlds: Worlds) => string>> = {
  read: (roll, worlds) => `/${keyOf(some(roll, worlds))}`,
  vread: (roll, worlds) => `/${keyOf(some(roll, worlds))}/_history/${roll.of([1, 1, 1, 2])}`,
  history: (roll, worlds) => `/${keyOf(some(roll, worlds))}/_history`,
  'token :in': (roll) =>
    `/Observation?${roll.of(['code:in', 'code:in', 'code:not-in', 'combo-code:in', 'code:below'])}=${anyOf(roll, ...valueSets.slice(0, 2), ...valueSets, 'ValueSet/seen', 'ValueSet/hidden', valueSets.slice(0, 2).join())}&_total=accurate`,
  '_filter in': (roll) =>
    `/Observation?_filter=${encodeURIComponent(`code in ${roll.of(valueSets)} and status ${roll.of(['eq', 'ne'])} final`)}`,
  '_filter chain': (roll, worlds) => {
    const patient = roll.of(
      (roll.chance(0.5) ? worlds.visible : worlds.everything).resources.filter(
        (one) => one.resourceType === 'Patient' && one.name?.[0]?.family,
      ),
    );
    return `/Observation?_filter=${encodeURIComponent(roll.of([`patient.family eq "${patient.name[0].family}" or encounter.status eq ${roll.of(['finished', 'planned'])}`, `not (patient.family eq "${patient.name[0].family}")`, `status eq final and not (encounter.status eq ${roll.of(['finished', 'planned'])})`]))}`;
  },
  $lastn: (roll) =>
    `/Observation/$lastn?patient=${roll.of([A, A, B, `${A},${B}`])}&code=${anyOf(roll, 'http://loinc.org|', 'HR', '8867-4,8480-6')}&max=${1 + roll.below(3)}`,
  'compartment of anything': (roll, worlds) => {
    const within = roll.of(
      worlds.everything.resources.filter((one) =>
        ['Patient', 'Encounter', 'Practitioner', 'Device'].includes(one.resourceType),
      ),
    );
    const patient = roll.of([A, B, keyOf(within), keyOf(within)]);
    return `/${patient}/${roll.of(['*', 'Observation', 'Condition', 'Encounter', 'MedicationRequest', 'Group', 'Provenance'])}?_count=${roll.of([5, 50, 500])}&_total=accurate`;
  },
  'reference to anything': (roll, worlds) => {
    const type = roll.of(types.filter((one) => referring(one).length > 0));
    const code = roll.of(referring(type));
    return `/${type}?${code}${roll.of(['', ':missing'])}=${keyOf(some(roll, worlds))}`.replace(
      /:missing=.*/,
      ':missing=false',
    );
  },
  'chain not': (roll) =>
    roll.of([
      `/Observation?encounter.status:not=finished&_total=accurate`,
      `/Observation?encounter:Encounter.patient:missing=true`,
      `/Observation?subject:Patient.gender:not=male&_sort=-date`,
      `/Observation?subject:Patient._id=${roll.of(['1', '2', '1,2', '3'])}`,
      `/Condition?encounter.patient=${roll.of([A, B])}`,
      `/Condition?encounter.patient:Patient.organization.active:not=true`,
      `/Condition?asserter:Patient._id=${roll.of(['1', '2'])}`,
      `/Patient?_has:Observation:patient:status:not=final`,
      `/Patient?_has:Encounter:patient:_has:Observation:encounter:patient=${roll.of([A, B])}`,
      `/Encounter?_has:Condition:encounter:patient=${roll.of([A, B])}`,
      `/Device?_has:Observation:device:patient=${roll.of([A, B])}`,
      `/Practitioner?_has:Patient:general-practitioner:_id=${roll.of(['1', '2'])}`,
      `/Organization?_has:Patient:organization:family:missing=${roll.of(['true', 'false'])}`,
      `/Patient?_has:Group:member:_id=${roll.of(['group-0', 'group-1', 'group-2'])}`,
      `/Patient?_has:Provenance:target:agent:Patient=${roll.of(['1', '2'])}`,
      `/Observation?_has:List:item:subject:Patient=${roll.of(['1', '2'])}`,
      `/Group?member:Patient._id=${roll.of(['1', '2', '3'])}`,
      `/Provenance?target:Observation.patient=${roll.of([A, B])}`,
    ]),
  'includes of everything': (roll) =>
    roll.of([
      `/Provenance?_include=*&_include:iterate=Observation:*`,
      `/Provenance?_include=Provenance:target&_include:iterate=Encounter:patient&_revinclude:iterate=Group:member`,
      `/Group?_include=Group:member&_revinclude:iterate=Observation:patient&_count=1`,
      `/Group?_include=*`,
      `/Patient?_id=${roll.of(['1', '2', '1,2,3,4,5'])}&_revinclude=${roll.of(['Group:member', 'Provenance:target', 'Provenance:patient', 'Observation:*', 'Condition:asserter', 'Device:patient', 'List:*'])}`,
      `/Observation?_include=Observation:encounter&_include:iterate=Encounter:part-of&_include:iterate=Encounter:patient&_count=${1 + roll.below(20)}`,
      `/Observation?_include=*&_count=${1 + roll.below(20)}&_sort=${roll.of(['-date', 'code', '_id'])}`,
      `/Encounter?_revinclude=Observation:encounter&_revinclude=Condition:encounter&_revinclude:iterate=Observation:has-member&_count=${1 + roll.below(20)}`,
      `/List?_include=List:item&_include:iterate=*&_count=${1 + roll.below(8)}`,
      `/Location?_include:iterate=Location:partof&_include=Location:organization`,
      `/Device?_revinclude=Observation:device&_include=Device:organization`,
    ]),
  'the whole system': (roll) =>
    `/?_type=${roll.of(['Patient,Group,Provenance', 'Observation,Device,Encounter', 'ValueSet,Location'])}&_count=${roll.of([3, 30, 300])}&_total=accurate&_sort=${roll.of(['_lastUpdated', '-_lastUpdated', '_id'])}`,
};

export const allKinds: readonly string[] = [...kinds, ...Object.keys(ways)];
/** Those that lead around the criteria of a search are asked more often. */
export const often = (kind: string): number => (ways[kind] || /^(chain|_has|_list|_filter)/.test(kind) ? 3 : 1);

/** The n-th request of this kind. */
export function request(seed: number, kind: string, worlds: Worlds): Request {
  const roll = diceOf(seed);
  return ways[kind] ? { kind, path: ways[kind](roll, worlds) } : fromOracle(roll, worlds, kind);
}
