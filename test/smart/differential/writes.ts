/** Writes that meet what the caller may not see: by its id, by a condition, by a reference, alone and in bundles. */
import { type Dice, diceOf } from '../../search/oracle/dice.ts';
import type { Pair } from './houses.ts';
import { bundle, patients, type Request, targetOf } from './questions.ts';

const category = (code: string) => [
  { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] },
];

/** About one of the patients. */
const about = (roll: Dice, more: object = {}): any => ({
  resourceType: 'Observation',
  status: 'final',
  category: category(roll.of(['vital-signs', 'vital-signs', 'laboratory'])),
  code: { text: 'written' },
  subject: { reference: roll.of([patients[0], patients[0], ...patients]) },
  ...more,
});
/** And often about something else that may be hidden. */
const drawn = (roll: Dice, more: object = {}): any =>
  about(roll, { ...(roll.chance(0.4) && { hasMember: [{ reference: targetOf(roll) }] }), ...more });
const idOf = (key: string): string => key.slice(key.indexOf('/') + 1);
const conditions: readonly Readonly<Record<string, string>>[] = [
  {},
  {},
  { 'if-match': 'W/"1"' },
  { 'if-match': 'W/"2"' },
  { 'if-match': 'W/"3"' },
  { 'if-none-match': '*' },
];
/** What finds one, some or nothing, and of which the caller may see less. */
const criterion = (roll: Dice): string =>
  roll.of([
    `identifier=urn:own|${idOf(targetOf(roll))}`,
    `identifier=urn:own|${idOf(targetOf(roll))}`,
    `_id=${idOf(targetOf(roll))}`,
    `_id=${idOf(targetOf(roll))},${idOf(targetOf(roll))}`,
    `identifier=urn:own|of-2&subject:Patient._id=${roll.of([1, 2])}`,
    `_has:List:item:_id=${roll.of(['of-1', 'of-2'])}&identifier=urn:own|${idOf(targetOf(roll))}`,
  ]);

type Draw = (roll: Dice, pair: Pair) => Omit<Request, 'kind'>;

const ways: Readonly<Record<string, Draw>> = {
  create: (roll) => ({ method: 'POST', path: '/Observation', body: drawn(roll) }),
  'create if none exists': (roll) => ({
    method: 'POST',
    path: '/Observation',
    body: drawn(roll),
    headers: { 'if-none-exist': criterion(roll) },
  }),
  update: (roll) => {
    const key = targetOf(roll);
    return {
      method: 'PUT',
      path: `/${key}`,
      body: drawn(roll, { id: idOf(key) }),
      headers: roll.of(conditions),
      touches: [key],
    };
  },
  'conditional update': (roll) => ({
    method: 'PUT',
    path: `/Observation?${criterion(roll)}`,
    body: drawn(roll),
    headers: roll.of(conditions.slice(0, 4)),
  }),
  delete: (roll) => {
    const key = targetOf(roll);
    return { method: 'DELETE', path: `/${key}`, headers: roll.of(conditions.slice(0, 5)), touches: [key] };
  },
  'conditional delete': (roll) => {
    const key = targetOf(roll);
    return { method: 'DELETE', path: `/Observation?identifier=urn:own|${idOf(key)}`, touches: [key] };
  },
  'writes in a batch': (roll) => inBundle(roll, 'batch'),
  'writes in a transaction': (roll) => inBundle(roll, 'transaction'),
  'create if none exists in a transaction': (roll) => ({
    method: 'POST',
    path: '',
    body: bundle('transaction', [
      { request: { method: 'POST', url: 'Observation', ifNoneExist: criterion(roll) }, resource: about(roll) },
    ]),
  }),
  'a conditional reference': (roll) => ({
    method: 'POST',
    path: '',
    body: bundle('transaction', [
      {
        request: { method: 'POST', url: 'Observation' },
        resource: drawn(roll, {
          hasMember: [{ reference: `Observation?identifier=urn:own|${idOf(targetOf(roll))}` }],
        }),
      },
    ]),
  }),
};

function inBundle(roll: Dice, type: string): Omit<Request, 'kind'> {
  const touches: string[] = [];
  const entry = Array.from({ length: 1 + roll.below(2) }, () => {
    const key = targetOf(roll);
    const [ifMatch, ifNoneMatch] = roll.of([[], [], ['W/"1"'], ['W/"2"'], [undefined, '*']]);
    const conditional = { ...(ifMatch && { ifMatch }), ...(ifNoneMatch && { ifNoneMatch }) };
    switch (roll.below(4)) {
      case 0:
        touches.push(key);
        return { request: { method: 'PUT', url: key, ...conditional }, resource: drawn(roll, { id: idOf(key) }) };
      case 1:
        touches.push(key);
        return { request: { method: 'DELETE', url: key, ...conditional } };
      case 2:
        return { request: { method: 'PUT', url: `Observation?${criterion(roll)}` }, resource: drawn(roll) };
      default:
        return {
          request: { method: 'POST', url: 'Observation', ifNoneExist: criterion(roll) },
          resource: drawn(roll),
        };
    }
  });
  return { method: 'POST', path: '', body: bundle(type, entry), touches };
}

export const writeKinds: readonly string[] = Object.keys(ways);

/** The write that follows from the seed. */
export const writeFor = (seed: number, kind: string, pair: Pair): Request => ({
  kind,
  ...ways[kind]!(diceOf(seed), pair),
});
