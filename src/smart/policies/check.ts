/** Every policy is checked when the server starts: what a rule names must be there. A sentence tells what is not. capability/access/README.md */
import { resourceTypes } from '../../fhir/definitions.ts';
import { looksElsewhere } from '../../search/match.ts';
import type { Criterion } from '../../search/query.ts';
import { elementPath } from './elements.ts';
import type { Facts } from './facts.ts';
import { isOfType, type Policies, type Policy, type Rule, variables, withins } from './policy.ts';
import { searchOf, withValues } from './rule-criterion.ts';
import { canBeWithin } from './within.ts';

const ofPolicy = ['role', 'description', 'secondFactor', 'everything', 'rules'];
const ofRule = [
  'types',
  'except',
  'search',
  'rights',
  'within',
  'newestOnly',
  'hidden',
  'readOnly',
  'ownOnly',
  'purposeOfUse',
  'unlessLabelled',
  'permission',
];
const lists = ['types', 'except', 'hidden', 'readOnly', 'ownOnly', 'purposeOfUse', 'unlessLabelled'] as const;

/** One value for each variable, to read searches with. */
const anybody: Facts = {
  members: ['Practitioner/1'],
  user: 'Practitioner/1',
  patient: 'Patient/1',
  device: 'Device/1',
  client: 'Client/1',
  organizations: ['Organization/1'],
};

/** Throws for the first that cannot be meant: a server that understood a policy half would open or close the wrong doors. */
export function demandSound(policies: Policies, base: string): void {
  for (const policy of policies.values()) {
    const at = `capability/access/${policy.role}.json`;
    demandMembers(policy, ofPolicy, at);
    if (typeof policy.description !== 'string') throw new Error(`${at} has no description`);
    if (!Array.isArray(policy.rules)) throw new Error(`${at} has no list of rules`);
    for (const [i, rule] of policy.rules.entries()) demandRule(rule, `${at}, rule ${i + 1},`, base);
    demandWritableWhole(policy, at);
  }
}

function demandMembers(value: object, known: readonly string[], at: string): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${at} has a member that nobody knows: ${unknown}`);
}

function demandRule(rule: Rule, at: string, base: string): void {
  demandMembers(rule, ofRule, at);
  for (const name of lists) {
    const list: unknown = rule[name];
    if (list === undefined) continue;
    if (!Array.isArray(list) || !list.every((one) => typeof one === 'string'))
      throw new Error(`${at} has a ${name} that is no list of words`);
  }
  if ((rule.types === undefined) === (rule.search === undefined)) throw new Error(`${at} has either types or a search`);
  if (!/^(?=.)c?r?u?d?s?$/.test(rule.rights ?? ''))
    throw new Error(`${at} has rights that are no letters of cruds in this order: ${rule.rights}`);
  if (rule.within !== undefined && !withins.includes(rule.within))
    throw new Error(`${at} is within ${rule.within}, which is none of ${withins.join(', ')}`);
  const types = rule.types ?? [rule.search!.split('?', 1)[0]!];
  for (const type of [...types, ...(rule.except ?? [])]) {
    if (type !== '*' && !resourceTypes.has(type)) throw new Error(`${at} names a type that R4 does not have: ${type}`);
  }
  if (rule.except && !types.includes('*')) throw new Error(`${at} leaves out types of those that it names`);
  for (const label of [...(rule.unlessLabelled ?? []), ...(rule.purposeOfUse ?? [])]) {
    if (!/^[A-Za-z0-9_-]+$/.test(label)) throw new Error(`${at} names what is no code: ${label}`);
  }
  demandElements(rule.hidden ?? [], true, rule, at);
  demandElements([...(rule.readOnly ?? []), ...(rule.ownOnly ?? [])], false, rule, at);
  for (const type of types) {
    if (type !== '*' && rule.within !== undefined && !canBeWithin(type, rule.within))
      throw new Error(`${at} is within ${rule.within}, which cannot be told of ${type}`);
    demandSearch(rule, type === '*' ? 'Basic' : type, at, base);
  }
}

function demandElements(elements: readonly string[], areTakenOut: boolean, rule: Rule, at: string): void {
  for (const element of elements) {
    const path = elementPath(element, areTakenOut);
    if (path === undefined)
      throw new Error(`${at} names an element that its type does not have or cannot be without: ${element}`);
    if (!isOfType(rule, path.type))
      throw new Error(`${at} names an element of a type that it is not about: ${element}`);
  }
}

function demandSearch({ search }: Rule, type: string, at: string, base: string): void {
  if (search === undefined) return;
  const [, query] = /^[^?]*\?(.+)$/s.exec(search) ?? [];
  if (query === undefined) throw new Error(`${at} has a search without a condition; types say that: ${search}`);
  const ofFew = search.startsWith('*') ? query.split('&').find((pair) => !pair.startsWith('_')) : undefined;
  if (ofFew !== undefined) throw new Error(`${at} has a search of every type by what not every type has: ${ofFew}`);
  const named = query.match(/%[a-z]{3,}/g) ?? [];
  const unknown = named.find((one) => !variables.includes(one));
  if (unknown !== undefined)
    throw new Error(`${at} names a variable that is none of ${variables.join(', ')}: ${unknown}`);
  let criterion: Criterion;
  try {
    criterion = searchOf(type, withValues(query, anybody)!, base);
  } catch (error) {
    throw new Error(`${at} has a search that is refused: ${(error as Error).message}`);
  }
  if (goesByCanonical(criterion)) throw new Error(`${at} follows a canonical, which a rule cannot: ${search}`);
}

/** One resource alone, and whom it refers to by id, must tell whether it is open. */
function goesByCanonical(criterion: Criterion): boolean {
  if (!looksElsewhere(criterion)) return false;
  switch (criterion.is) {
    case 'refers':
    case 'referred':
      return criterion.byCanonical === true;
    case 'all':
    case 'any':
    case 'together':
      return criterion.of.some(goesByCanonical);
    case 'not':
      return goesByCanonical(criterion.of);
    default:
      return false;
  }
}

/** Who is kept from elements and writes the whole resource would erase them. */
function demandWritableWhole({ rules }: Policy, at: string): void {
  for (const element of rules.flatMap(({ hidden = [] }) => hidden)) {
    const type = element.split('.', 1)[0]!;
    if (rules.some((rule) => rule.rights.includes('u') && isOfType(rule, type)))
      throw new Error(`${at} hides ${element} from who may update a ${type}: an update would erase what it cannot see`);
  }
}
