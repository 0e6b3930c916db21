/** Two houses: one with everything, where patient A asks, and one with only what A may see, where the administrator asks. */

import { type AccessHouse, inMemory, openAccessHouse } from '../../support/access-house.ts';
import { diceOf } from '../oracle/dice.ts';
import { keyOf, type World, worldOf } from '../oracle/evaluate.ts';
import { parameters } from '../oracle/parameters.ts';
import { randomResources } from '../oracle/resources.ts';
import { entangled } from './entangled.ts';
import { careTeams, isVisibleToNurse, nurseGrant, nursePolicies } from './nurse-of-a.ts';
import { A, B, isVisible, patientGrant, policies } from './patient-a.ts';

export interface Houses {
  readonly whole: AccessHouse;
  readonly part: AccessHouse;
  /** What the houses hold of the types that the oracle knows: to draw questions from. */
  readonly everything: World;
  readonly visible: World;
  stop(): Promise<void>;
}

const begin = Date.UTC(2026, 0, 1);

/** Most of what is about a patient is about A or B, so that both have enough and each points into what is the other's. */
function between(seed: number, resource: any): any {
  const roll = diceOf(seed);
  const text = JSON.stringify(resource).replace(/Patient\/\d+(?=["/])/g, (whole) =>
    roll.chance(0.45) ? A : roll.chance(0.6) ? B : whole,
  );
  return JSON.parse(text);
}

const loinc = 'http://loinc.org';
/** Sets of codes for `:in`: two that A may see, one that is hidden, and one that takes a hidden one in. */
export const valueSets = ['seen', 'also-seen', 'hidden', 'takes-hidden'].map(
  (name) => `http://sets.example.org/${name}`,
);
const setOf = (url: string, compose: object, status: string) => ({
  resourceType: 'ValueSet',
  id: url.slice(url.lastIndexOf('/') + 1),
  url,
  status,
  compose,
});
const codes = (...of: string[]) => ({ include: [{ system: loinc, concept: of.map((code) => ({ code })) }] });

/** What the oracle's resources have not: groups of several patients, and what is about somebody else's resource. */
const besides: readonly any[] = [
  setOf(valueSets[0]!, codes('8867-4', '8480-6'), 'active'),
  setOf(valueSets[1]!, codes('29463-7'), 'retired'),
  setOf(valueSets[2]!, codes('8310-5', '8867-4'), 'draft'),
  setOf(valueSets[3]!, { include: [{ valueSet: [valueSets[2]] }] }, 'active'),
  ...entangled(A, B),
];

/** A, or a nurse who asks under the name of A. The same seed makes the same resources, in the same order and at the same times in both houses. */
export async function openHouses(seed: number, asker: 'patient' | 'nurse' = 'patient'): Promise<Houses> {
  const [whole, part] = [
    await openAccessHouse(begin, { policies: asker === 'nurse' ? nursePolicies : policies, openEngine: inMemory }),
    await openAccessHouse(begin, { openEngine: inMemory }),
  ];
  for (const own of [A, B]) whole.grants.set(own, asker === 'nurse' ? nurseGrant : patientGrant(own));
  const roll = diceOf(seed);
  const order = new Map<string, number>();
  const resourcesFor = ({ base }: AccessHouse) =>
    [...randomResources(seed, base), ...besides].map((one, n) => between(seed * 10_000 + n, one));
  for (const one of resourcesFor(whole)) order.set(keyOf(one), roll.below(1_000_000));
  const inOrder = (house: AccessHouse): any[] =>
    resourcesFor(house).sort((a, b) => order.get(keyOf(a))! - order.get(keyOf(b))!);
  const isSeen = new Set(
    inOrder(whole)
      .filter((one) => (asker === 'nurse' ? isVisibleToNurse(whole.base, one) : isVisible(A, whole.base, one)))
      .map(keyOf),
  );
  await put(whole, inOrder(whole), () => true);
  if (asker === 'nurse') await put(whole, careTeams, () => true);
  await put(part, inOrder(part), (one) => isSeen.has(keyOf(one)));
  const held: any[] = [];
  for (const type of Object.keys(parameters)) {
    const { body } = await whole.ask('GET', `/${type}?_count=1000`);
    held.push(...body.entry.map(({ resource }: any) => resource));
  }
  const world = (resources: any[]) => worldOf(resources, whole.base, begin);
  return {
    whole,
    part,
    everything: world(held),
    visible: world(held.filter((one) => isSeen.has(keyOf(one)))),
    async stop() {
      await whole.stop();
      await part.stop();
    },
  };
}

const AT_ONCE = 50;

/** What is left out of one house leaves no trace in the times of what is not. */
async function put(house: AccessHouse, resources: readonly any[], isMeant: (one: any) => boolean): Promise<void> {
  for (let at = 0; at < resources.length; at += AT_ONCE) {
    house.setClock(begin + at * 1000);
    const entry = resources
      .slice(at, at + AT_ONCE)
      .filter(isMeant)
      .map((resource) => ({ resource, request: { method: 'PUT', url: keyOf(resource) } }));
    const { status, text } = await house.ask('POST', '', {
      body: { resourceType: 'Bundle', type: 'transaction', entry },
    });
    if (status !== 200) throw new Error(`the resources were refused: ${status} ${text.slice(0, 1000)}`);
  }
  house.setClock(begin + 86_400_000);
}
