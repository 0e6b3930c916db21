/** Asks the server and the oracle the same and says where they differ. */
import type { Answer, TestHouse } from '../../support/house.ts';
import { included, ordered } from './answer.ts';
import { type Dice, diceOf } from './dice.ts';
import { pointers } from './drawing.ts';
import { evaluate, keyOf, localKey, type World, worldOf } from './evaluate.ts';
import { type Kind, parameters, types } from './parameters.ts';
import { type Query, randomQuery } from './queries.ts';
import { randomResources } from './resources.ts';

/** A house filled with the resources of this seed, and the world as its server gives it back. */
export async function fill(house: TestHouse, seed: number): Promise<World> {
  const base = `${house.url}/fhir`;
  // In a random order, so that the times of the writes say nothing about the types.
  const roll = diceOf(seed);
  const resources = randomResources(seed, base)
    .map((one) => [roll.below(1_000_000), one])
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);
  for (let at = 0; at < resources.length; at += 100) {
    const entries = resources.slice(at, at + 100).map((resource) => ({
      resource,
      request: { method: 'PUT', url: keyOf(resource) },
    }));
    const { status, text } = await house.transaction(entries);
    if (status !== 200) throw new Error(`the resources were refused: ${status} ${text.slice(0, 2000)}`);
  }
  const held: any[] = [];
  for (const type of Object.keys(parameters)) held.push(...(await house.search(`${type}?_count=1000`)));
  if (held.length !== resources.length) throw new Error(`${held.length} of ${resources.length} resources came back`);
  return worldOf(held, base, Date.now());
}

/** What shapes the answer. */
export interface Shape {
  readonly sort?: string;
  /** Matches on a page: all pages are walked, forth and back. */
  readonly count?: number;
  readonly includes?: readonly (readonly [name: string, value: string])[];
  readonly post?: boolean;
  /** Only what belongs to this Patient: `/Patient/1/Observation`. */
  readonly within?: string;
}

/** A question in the form that is kept under test/search/cases. */
export interface Question {
  /** One type, or several between commas for a search of the whole system. */
  readonly type: string;
  readonly conditions: Query['conditions'];
  readonly shape: Shape;
}

export const queryText = (parts: readonly (readonly [string, string])[]): string =>
  parts.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');

/** The n-th question of this seed about a kind. */
export function question(
  world: World,
  seed: number,
  kind: string,
  among?: readonly string[],
): Question & { kinds: string[] } {
  const roll = diceOf(seed);
  const query = randomQuery(roll, world, kind, among);
  const { conditions } = query;
  const tried = [...query.kinds];
  const isCommon = conditions.every(([name]) =>
    /^_(id|lastUpdated|tag|profile|security|source|text|content)\b/.test(name),
  );
  if (isCommon && roll.chance(0.3)) {
    const type = [...new Set([query.type, roll.of(types), roll.of(types)])].join(',');
    tried.push('_type');
    return { type, conditions, shape: shapeOfSystem(roll, tried), kinds: tried };
  }
  return { type: query.type, conditions, shape: shapeOf(roll, world, query, tried), kinds: tried };
}

function shapeOfSystem(roll: Dice, tried: string[]): Shape {
  const sort = roll.of([undefined, '_lastUpdated', '-_lastUpdated']);
  const count = roll.of([undefined, 40, 90]);
  if (sort) tried.push('_sort 1');
  if (count) tried.push('pages');
  return { ...(sort && { sort }), ...(count && { count }) };
}

function shapeOf(roll: Dice, world: World, { type, conditions }: Query, tried: string[]): Shape {
  const shape: { -readonly [name in keyof Shape]: Shape[name] } = {};
  const matches = evaluate(world, type, queryText(conditions));
  if (roll.chance(0.25)) {
    shape.sort = randomSort(roll, type);
    tried.push(`_sort ${shape.sort.split(',').length}`);
  }
  if (roll.chance(0.12) && matches.length > 1) {
    shape.count = Math.max(1 + roll.below(5), Math.ceil(matches.length / 6));
    tried.push('pages');
  }
  if (roll.chance(0.15)) {
    shape.includes = randomIncludes(roll, type);
    tried.push(...shape.includes.map(([name, value]) => (value.includes('*') ? `${name} *` : name)));
  }
  const patients = compartment[type] ? matches.flatMap((one) => patientsOf(world, one)) : [];
  if (patients.length > 0 && roll.chance(0.1)) {
    shape.within = roll.of(patients);
    tried.push('compartment');
  } else if (roll.chance(0.1)) {
    shape.post = true;
    tried.push('POST');
  }
  return shape;
}

/** By what a resource belongs to a Patient. https://hl7.org/fhir/R4/compartmentdefinition-patient.html */
const compartment: Readonly<Record<string, readonly string[]>> = {
  Observation: ['subject', 'performer'],
  Encounter: ['patient'],
  Condition: ['patient', 'asserter'],
  MedicationRequest: ['subject'],
  RiskAssessment: ['subject'],
  List: ['subject'],
};

const patientsOf = (world: World, resource: any): string[] =>
  compartment[resource.resourceType]!.flatMap((code) => parameters[resource.resourceType]![code]!.get(resource))
    .map((reference) => localKey(world, reference) ?? '')
    .filter((key) => key.startsWith('Patient/'));

const sortable: readonly Kind[] = ['string', 'date', 'number', 'quantity'];

function randomSort(roll: Dice, type: string): string {
  const codes = Object.entries(parameters[type]!).filter(
    ([code, { kind }]) => sortable.includes(kind) && !code.startsWith('combo-'), // a union of two parameters has no order
  );
  const names = ['_id', ...codes.map(([code]) => code)];
  return Array.from({ length: 1 + roll.below(3) }, () => (roll.chance(0.5) ? '-' : '') + roll.of(names)).join(',');
}

function randomIncludes(roll: Dice, type: string): [string, string][] {
  const referring = (of: string): string[] =>
    Object.keys(parameters[of]!).filter((code) => pointers.includes(parameters[of]![code]!.kind));
  const ways = types.flatMap((from) =>
    referring(from)
      .filter(
        (code) => parameters[from]![code]!.targets!.includes(type) || parameters[from]![code]!.targets!.length === 0,
      )
      .map((code) => `${from}:${code}`),
  );
  const one = (): [string, string] => {
    const back = ways.length > 0 && roll.chance(0.4);
    if (back) return [roll.chance(0.3) ? '_revinclude:iterate' : '_revinclude', roll.of(ways)];
    const codes = referring(type);
    if (codes.length === 0) return ['_revinclude', roll.of(ways)];
    if (roll.chance(0.2)) return ['_include', roll.of([`${type}:*`, '*'])];
    const code = roll.of(codes);
    const target = parameters[type]![code]!.targets!.filter((to) => types.includes(to));
    const narrow = roll.chance(0.3) && target.length > 0 ? `:${roll.of(target)}` : '';
    return [roll.chance(0.3) ? '_include:iterate' : '_include', `${type}:${code}${narrow}`];
  };
  const includes = [one()];
  if (roll.chance(0.4)) {
    const from = roll.of(types.filter((other) => referring(other).length > 0));
    includes.push(['_include:iterate', `${from}:${roll.of(referring(from))}`]);
  }
  return includes;
}

/** One difference in words, and how many matches the oracle found. */
export interface Verdict {
  readonly found: number;
  readonly fault?: string;
  /** `ap` on a date close to where the distance to now decides. */
  readonly open?: boolean;
}

/** Asks both. */
export async function judge(house: TestHouse, world: World, { type, conditions, shape }: Question): Promise<Verdict> {
  const query = queryText(conditions);
  const { within } = shape;
  const expected = evaluate(world, type, query).filter(
    (one) => within === undefined || patientsOf(world, one).includes(within),
  );
  const found = expected.length;
  if (conditions.some(([, value]) => value.includes('ap'))) {
    const [less, more] = [0.098, 0.102].map((slack) => evaluate({ ...world, slack }, type, query).length);
    if (less !== more) return { found, open: true };
  }
  const shaped = [...conditions, ['_total', 'accurate'] as const];
  if (shape.sort) shaped.push(['_sort', shape.sort]);
  shaped.push(...(shape.includes ?? []), ['_count', String(shape.count ?? 1000)]);
  const place = type.includes(',') ? '' : within === undefined ? `/${type}` : `/${within}/${type}`;
  if (type.includes(',')) shaped.push(['_type', type]);
  const pages = await walk(house, place, shaped, shape);
  if (typeof pages === 'string') return { found, fault: pages };
  const matches = pages.flatMap((page) => entriesOf(page, 'match'));
  return { found, fault: difference(world, expected, matches, pages, shape, queryText(shaped)) };
}

const entriesOf = (bundle: any, mode: string): any[] =>
  (bundle.entry ?? []).filter((entry: any) => entry.search.mode === mode).map((entry: any) => entry.resource);

const idsOf = (resources: readonly any[]): string => resources.map(keyOf).join(' ');

function difference(
  world: World,
  expected: readonly any[],
  matches: readonly any[],
  pages: readonly any[],
  shape: Shape,
  query: string,
): string | undefined {
  const ids = new Set(matches.map(keyOf));
  if (ids.size !== matches.length) return `something comes twice: ${idsOf(matches)}`;
  const missing = expected.filter((one) => !ids.has(keyOf(one)));
  const wanted = new Set(expected.map(keyOf));
  const wrong = matches.filter((one) => !wanted.has(keyOf(one)));
  if (missing.length + wrong.length > 0) return `not found: ${idsOf(missing)}; wrongly found: ${idsOf(wrong)}`;
  const total = pages.find((page) => page.total !== expected.length);
  if (total) return `the total is ${total.total}, not ${expected.length}`;
  const keys = shape.sort?.split(',') ?? [];
  for (let i = 1; i < matches.length; i++) {
    if (ordered(matches[i - 1], matches[i], keys) > 0)
      return `${keyOf(matches[i - 1])} stands before ${keyOf(matches[i])}`;
  }
  for (const page of shape.includes === undefined ? [] : pages) {
    const along = included(world, entriesOf(page, 'match'), query);
    const given = new Set(entriesOf(page, 'include').map(keyOf));
    const lacking = [...along].filter((key) => !given.has(key));
    const extra = [...given].filter((key) => !along.has(key));
    if (lacking.length + extra.length > 0)
      return `not included: ${lacking.join(' ')}; wrongly included: ${extra.join(' ')}`;
  }
  return undefined;
}

/** All pages in order, walked back again by `previous`; or what went wrong. */
async function walk(
  house: TestHouse,
  place: string,
  parts: readonly (readonly [string, string])[],
  { count, post }: Shape,
): Promise<any[] | string> {
  const strict = { prefer: 'handling=strict' };
  const first = post
    ? await house.ask('POST', `/fhir${place}/_search`, queryText(parts), {
        ...strict,
        'content-type': 'application/x-www-form-urlencoded',
      })
    : await house.ask('GET', `/fhir${place}?${queryText(parts)}`, undefined, strict);
  const pages: any[] = [];
  const link = (answer: Answer, relation: string): string | undefined =>
    answer.body.link.find((one: any) => one.relation === relation)?.url;
  let answer = first;
  for (;;) {
    if (answer.status !== 200) return `answered ${answer.status}: ${answer.text.slice(0, 400)}`;
    pages.push(answer.body);
    const next = link(answer, 'next');
    if (next === undefined) break;
    if (pages.length > 200) return 'the pages do not end';
    answer = await house.ask('GET', next, undefined, strict);
  }
  if (count === undefined) return pages.length === 1 ? pages : 'more than one page of up to 1000';
  for (let at = pages.length - 2; at >= 0; at--) {
    const previous = link(answer, 'previous');
    if (previous === undefined) return `page ${at + 2} of ${pages.length} has no link to the one before`;
    answer = await house.ask('GET', previous, undefined, strict);
    if (answer.status !== 200) return `previous answered ${answer.status}: ${answer.text.slice(0, 400)}`;
    if (idsOf(entriesOf(answer.body, 'match')) !== idsOf(entriesOf(pages[at], 'match')))
      return `page ${at + 1} is another on the way back`;
  }
  return pages;
}
