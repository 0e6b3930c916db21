/** What the rules of a caller's roles open of one resource type, and which elements they keep back. capability/access/README.md */
import { anyOf } from '../../interactions/entails.ts';
import { type Criterion, none } from '../../search/query.ts';
import type { Right } from '../scopes/criterion.ts';
import { type ElementPath, elementPath } from './elements.ts';
import type { Facts } from './facts.ts';
import { grants, type Policies, type Rule } from './policy.ts';
import { ruleCriterion } from './rule-criterion.ts';
import { canBeWithin } from './within.ts';

/** A rule, and where it is written: `nurse`, the first of it 1. */
export interface Placed {
  readonly role: string;
  readonly number: number;
  readonly rule: Rule;
}

export interface Circumstances {
  readonly purposeOfUse?: string;
  /** Of a device key. */
  readonly permissions?: readonly string[];
}

/** The rules of the roles that are there under these circumstances; an unknown role has none. */
export const rulesOf = (
  roles: readonly string[],
  policies: Policies,
  { purposeOfUse, permissions = [] }: Circumstances,
): readonly Placed[] =>
  placedRules(roles, policies).filter(
    ({ rule }) =>
      isForPurpose(rule, purposeOfUse) && (rule.permission === undefined || permissions.includes(rule.permission)),
  );

/** All rules of the roles, whatever the circumstances. */
export const placedRules = (roles: readonly string[], policies: Policies): readonly Placed[] =>
  roles.flatMap((role) => (policies.get(role)?.rules ?? []).map((rule, i) => ({ role, number: i + 1, rule })));

export const isForPurpose = ({ purposeOfUse }: Rule, asked: string | undefined): boolean =>
  purposeOfUse === undefined || (asked !== undefined && purposeOfUse.includes(asked));

/** Those of them that open anything of the type with the right. */
export const opening = (rules: readonly Placed[], type: string, right: Right): readonly Placed[] =>
  rules.filter(
    ({ rule }) => grants(rule, type, right) && (rule.within === undefined || canBeWithin(type, rule.within)),
  );

/** Whether any of them opens earlier versions too. */
export const opensVersions = (rules: readonly Placed[], type: string): boolean =>
  opening(rules, type, 'r').some(({ rule }) => !rule.newestOnly);

/** What a resource must fulfil to be open by any of the rules; undefined: every one is; `none`: no one. */
export function openedBy(
  rules: readonly Placed[],
  type: string,
  right: Right,
  facts: Facts,
  base: string,
): Criterion | undefined {
  const ways = new Map<string, Criterion>();
  for (const { rule } of opening(rules, type, right)) {
    const way = ruleCriterion(rule, type, right, facts, base);
    if (way === undefined) return undefined;
    if (way !== none) ways.set(JSON.stringify(way), way);
  }
  return ways.size === 0 ? none : anyOf([...ways.values()]);
}

/** How an element is kept back: it is neither shown nor written, it is not written, or it names nobody but the caller. */
export type Kept = 'hidden' | 'readOnly' | 'ownOnly';

/** Whether the rule opens every resource of its types. */
const isWide = ({ search, within, unlessLabelled }: Rule): boolean =>
  within === undefined && unlessLabelled === undefined && !search?.includes('?');

/** The types of which any of them hides elements. */
export const hidingTypes = (rules: readonly Placed[]): readonly string[] => [
  ...new Set(rules.flatMap(({ rule }) => (rule.hidden ?? []).map((element) => element.split('.', 1)[0]!))),
];

/**
 * Elements of the type that a caller with these rules is kept from: those that any of them names, as a resource may be open
 * by several; none where a rule that opens all of the type names none.
 */
export function keptBack(
  rules: readonly Placed[],
  type: string,
  rights: readonly Right[],
  kind: Kept,
): readonly ElementPath[] {
  const opened = [...new Set(rights.flatMap((right) => opening(rules, type, right)))];
  const namedBy = ({ rule }: Placed) => (rule[kind] ?? []).filter((one) => one.startsWith(`${type}.`));
  if (
    rights.every((right) => opening(opened, type, right).some((one) => isWide(one.rule) && namedBy(one).length === 0))
  )
    return [];
  return [...new Set(opened.flatMap(namedBy))].map((one) => elementPath(one, kind === 'hidden')!);
}
