/** Requests for both houses, drawn from the seed: those of the search oracle, and every other way to what is stored. */
import { allKinds as fromSearch, request as searching, type Worlds } from '../../search/access/questions.ts';
import { type Dice, diceOf } from '../../search/oracle/dice.ts';
import { NothingToDraw } from '../../search/oracle/drawing.ts';
import { keyOf } from '../../search/oracle/evaluate.ts';
import type { Pair } from './houses.ts';
import type { Right } from './oracle.ts';
import { A, B } from './world.ts';

export type Need = readonly [type: string, right: Right];

/** One request, below the base. */
export interface Request {
  readonly kind: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** A form where it is a text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the caller needs to be let in at all: all of it. */
  readonly needs?: readonly Need[];
  /** The only right answer, where the house of the caller cannot give it: it does not know what it lacks. */
  readonly status?: number;
  /** In the same way of a history: the numbers of the versions in it, the newest first. */
  readonly versions?: readonly number[];
  /** Resources that it writes. */
  readonly touches?: readonly string[];
}

type Draw = (roll: Dice, pair: Pair) => Omit<Request, 'kind' | 'method'>;

export const ids = [
  'of-1',
  'of-2',
  'of-4',
  'of-1-restricted',
  'of-2-sealed',
  'of-1-measured',
  'of-1-holder',
  'of-2-holder',
  'stayed',
  'stayed-with-b',
  'went',
  'came',
  'closed',
  'opened',
  'gone',
  'gone-with-b',
  'nobody',
] as const;
const withPast = ids.slice(8, -1);

export const targetOf = (roll: Dice): string => `Observation/${roll.of(ids)}`;

function some(roll: Dice, { visible, everything }: Pair, ...types: string[]): any {
  const among = (roll.chance(0.6) ? visible : everything).resources;
  const fitting = types.length === 0 ? among : among.filter((one) => types.includes(one.resourceType));
  if (fitting.length === 0) throw new NothingToDraw(types.join());
  return roll.of(fitting);
}
const keyFor = (roll: Dice, pair: Pair): string =>
  roll.chance(0.35) ? targetOf(roll) : roll.chance(0.1) ? 'Patient/nobody' : keyOf(some(roll, pair));
const typeOf = (key: string): string => key.slice(0, key.indexOf('/'));

/** Whether the caller would be shown each version of the resource, and the newest. */
function past({ stored, words }: Pair, key: string): { readonly isSeen: boolean; readonly unseen: readonly number[] } {
  const versions = stored.get(key) ?? [];
  const sees = (resource: any): boolean => resource !== undefined && words.sees(resource);
  return {
    isSeen: versions.length > 0 && sees(versions.at(-1)!.resource),
    unseen: versions.filter(({ resource }) => !sees(resource)).map(({ versionId }) => versionId),
  };
}

const shortened = [
  '',
  '',
  '_summary=count',
  '_summary=true',
  '_summary=text',
  '_elements=name,status,telecom',
  '_count=0',
];

/** Types that are open by no scope or role. */
const outside = 'a type outside of every scope';

const ways: Readonly<Record<string, Draw>> = {
  read(roll, pair) {
    const key = keyFor(roll, pair);
    const query = roll.of(shortened.slice(0, 6).filter((one) => one !== '_summary=count'));
    return { path: `/${key}${query && `?${query}`}`, needs: [[typeOf(key), 'r']] };
  },
  vread(roll, pair) {
    const key = roll.chance(0.5) ? `Observation/${roll.of(withPast)}` : keyFor(roll, pair);
    const versionId = roll.of([1, 1, 2, 2, 3]);
    const { isSeen, unseen } = past(pair, key);
    return {
      path: `/${key}/_history/${versionId}`,
      needs: [[typeOf(key), 'r']],
      ...((!isSeen || unseen.includes(versionId)) && { status: 404 }),
    };
  },
  'history of an instance': (roll, pair) => {
    const key = roll.chance(0.5) ? `Observation/${roll.of(withPast)}` : keyFor(roll, pair);
    const { isSeen, unseen } = past(pair, key);
    const query = roll.of(['', '?_count=1', '?_since=2026-01-01T12:00:00Z']);
    const isWhole = isSeen && unseen.length === 0;
    const seen = (pair.stored.get(key) ?? []).map(({ versionId }) => versionId).filter((one) => !unseen.includes(one));
    return {
      path: `/${key}/_history${isWhole ? query : ''}`,
      needs: [[typeOf(key), 'r']],
      ...(!isSeen && { status: 404 }),
      // The other house has tombstones there.
      ...(isSeen && !isWhole && { versions: seen.reverse() }),
    };
  },
  'history of a type': (roll) => ({
    path: `/${roll.of(['Observation', 'Patient'])}/_history`,
  }),
  'history of the system': () => ({ path: '/_history' }),
  'search of own marks': (roll) => ({
    path: `/Observation?identifier=urn:own|${roll.of(ids)}${roll.of(['', '&_summary=count', '&_total=accurate'])}`,
    needs: [['Observation', 's']],
  }),
  totals: (roll, pair) => {
    const type = roll.of(
      ['Observation', 'Encounter', 'Condition', 'Patient', 'List', 'Device', 'Flag', 'Task', 'Group'].filter((one) =>
        pair.words.opens(one, 's'),
      ),
    );
    return {
      path: `/${type}?${roll.of(['_summary=count', '_total=accurate&_count=1', '_count=0', `_lastUpdated=gt2026-01-01T00:00:0${roll.below(8)}Z&_summary=count`])}`,
      needs: [[type, 's']],
    };
  },
  order: (roll, pair) => {
    const [type, ...orders] = roll.of([
      ['Observation', 'date', '-date', 'code', '-_lastUpdated', 'status,-date', 'value-quantity'],
      ['Patient', 'family', '-birthdate', 'gender', 'name'],
      ['Encounter', 'date', '-_lastUpdated', '_id'],
    ] as const);
    return {
      path: `/${type}?_sort=${roll.of(orders)}&_count=${roll.of([2, 7])}&${pair.words.opens(type, 's') ? `_id=${drawnIds(roll, pair, type)}` : ''}`,
      needs: [[type, 's']],
    };
  },
  'what is contained': (roll) => ({
    path: `/${roll.of([
      'Patient?name=Inner&_contained=true&_containedType=contained',
      'Patient?name=Inner&_contained=true&_containedType=container',
      'Patient?gender=female&_contained=both&_total=accurate',
      'Observation?performer:Patient.name=Inner-of-2',
      'Observation?performer:Patient.name=Inner',
      'Observation?performer:Patient.gender=female&_total=accurate',
    ])}`,
    needs: [['Patient', 's']],
  }),
  'refused in words': (roll, pair) => ({
    path: `/${roll.of([
      `Observation?subject:Patient.nothing=${roll.below(9)}&_total=wrong`,
      `Observation?_id=${roll.of(ids)}&unknown=1`,
      `Observation?_has:Encounter:nothing:status=finished`,
      `Observation?code:in=http://sets.example.org/${roll.of(['hidden', 'nowhere'])}`,
      `Observation?_list=${roll.of(['of-1', 'of-2', 'nowhere'])}`,
      `Observation/$lastn?patient=${keyOf(some(roll, pair, 'Patient'))}`,
      `Observation?_sort=nothing`,
      `Observation?_page=made-up`,
    ])}`,
    needs: [['Observation', 's']],
  }),
  'reads in a batch': (roll, pair) => ({
    path: '',
    body: bundle('batch', asksOf(roll, pair)),
  }),
  'reads in a transaction': (roll, pair) => ({
    path: '',
    body: bundle('transaction', asksOf(roll, pair)),
  }),
  [outside]: (roll, { words, everything }) => {
    const closed = [
      ...new Set(everything.resources.map(({ resourceType }) => resourceType as string)),
      'Provenance',
    ].filter((type) => !words.opens(type, 's') && !words.opens(type, 'r'));
    if (closed.length === 0) throw new NothingToDraw(outside);
    const type = roll.of(closed);
    return roll.chance(0.5)
      ? { path: `/${type}${roll.of(['', '?_summary=count'])}`, needs: [[type, 's']] }
      : { path: `/${type}/1${roll.of(['', '/_history', '/_history/1'])}`, needs: [[type, 'r']] };
  },
  'a hidden element': (roll) => {
    const path = `/${roll.of([
      'Practitioner',
      'Practitioner?_summary=text',
      'Practitioner?_elements=telecom,address',
      'PractitionerRole?_include=PractitionerRole:practitioner',
      'Practitioner?_revinclude=PractitionerRole:practitioner',
      'CareTeam?_include=CareTeam:participant&_include:iterate=PractitionerRole:practitioner',
      'Practitioner/1',
      'PractitionerRole/nurse-north',
      'Practitioner?name:missing=false&_sort=family',
      'Observation?_id=of-1-holder,of-2-holder',
      'Patient?_include=Patient:general-practitioner&_count=3',
    ])}`;
    return { path, needs: [[/^\/(\w+)/.exec(path)![1]!, path.includes('/', 1) ? 'r' : 's']] };
  },
  'by a hidden element': (roll, { words }) => {
    const path = `/${roll.of([
      'Practitioner?phone=999',
      'Practitioner?telecom:missing=false',
      'Practitioner?address-city=Graz',
      'Practitioner?_sort=email',
      'Practitioner?_filter=phone eq 999',
      'Practitioner?_text=phone',
      'Observation?performer:Practitioner.phone=999',
      'PractitionerRole?practitioner.phone=999',
      'Patient?general-practitioner:Practitioner.address-city=Graz',
      'Practitioner?_has:PractitionerRole:practitioner:phone=role',
      'PractitionerRole?phone:missing=true',
    ])}`.replaceAll(' ', '%20');
    const type = /^\/(\w+)/.exec(path)![1]!;
    return { path, needs: [[type, 's']], ...(words.hidden.length > 0 && words.opens(type, 's') && { status: 403 }) };
  },
};

const drawnIds = (roll: Dice, pair: Pair, type: string): string =>
  Array.from({ length: 12 }, () => (some(roll, pair, type) as any).id).join();

export const bundle = (type: string, entry: readonly object[]) => ({ resourceType: 'Bundle', type, entry });

/** Of types that the caller may ask for: what an administrator is not refused, the others are. */
function asksOf(roll: Dice, pair: Pair): readonly object[] {
  const open = (type: string, right: Right) => pair.words.opens(type, right);
  return Array.from({ length: 1 + roll.below(3) }, () => {
    for (;;) {
      const key = keyFor(roll, pair);
      if (!open(typeOf(key), 'r')) continue;
      const url = roll.of([
        key,
        key,
        `Observation?identifier=urn:own|${roll.of(ids)}`,
        `Patient?_id=${roll.of([1, 2, 3, 4])}&_revinclude=Observation:patient&_summary=count`,
        `Observation?patient:Patient._id=${roll.of([1, 2])}&_count=3&_total=accurate`,
      ]);
      return { request: { method: 'GET', url } };
    }
  });
}

/** Which types are asked for: that of the path, or for the whole system those that are named. */
function searched(path: string): readonly Need[] {
  const [place = '', query = ''] = path.split('?');
  const steps = place.split('/').filter((step) => step !== '' && !step.startsWith('_') && !step.startsWith('$'));
  const type = steps.length >= 3 ? steps[2]! : steps[0];
  const named = /(?:^|&)_type=([^&]*)/.exec(query)?.[1];
  const types = named === undefined ? [type ?? '*'] : decodeURIComponent(named).split(',');
  return types.filter((one) => one !== '*').map((one) => [one, 's']);
}

/** Those of the search that stand here in a form of their own. */
const replaced = ['read', 'vread', 'history'];

export const searchKinds: readonly string[] = fromSearch.filter((kind) => !replaced.includes(kind));
export const ownKinds: readonly string[] = Object.keys(ways);
export const kinds: readonly string[] = [...searchKinds, ...ownKinds];

/** The request that follows from the seed; undefined where the caller has nothing to ask of this kind. */
export function requestFor(seed: number, kind: string, pair: Pair): Request | undefined {
  for (let tries = 0; tries < 8; tries++) {
    const roll = diceOf(seed + tries * 7_919);
    try {
      const way = ways[kind];
      const drawn = way ? way(roll, pair) : drawnFromSearch(roll, pair, kind);
      const { needs } = drawn;
      // What is refused as a whole is asked now and then.
      if (kind !== outside && needs?.some((need) => !pair.words.opens(...need)) && !roll.chance(0.1)) continue;
      return { kind, method: drawn.body === undefined ? 'GET' : 'POST', ...drawn };
    } catch (error) {
      // Some makers of the search's questions take for granted that there is something of each type.
      if (!(error instanceof NothingToDraw) && !(error instanceof TypeError)) throw error;
    }
  }
  return undefined;
}

function drawnFromSearch(roll: Dice, { everything, visible }: Pair, kind: string): Omit<Request, 'kind' | 'method'> {
  const worlds: Worlds = { everything, visible };
  const { path, form } = searching(roll.below(2 ** 31), kind, worlds);
  const needs = searched(`${path}${form === undefined ? '' : `?${form}`}`);
  return { path, needs, ...(form !== undefined && { body: form }) };
}

export const patients = [A, B, 'Patient/4', 'Patient/nobody'] as const;
