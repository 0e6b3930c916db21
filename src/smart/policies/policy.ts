/** A role as data: what its policy under capability/access/ opens, as rules. capability/access/README.md */
import { readdirSync, readFileSync } from 'node:fs';
import type { Right } from '../scopes/criterion.ts';

/** Whose resources are meant, told anew for each caller. */
export type Within = 'own' | 'care-team' | 'organization' | 'device';
export const withins: readonly Within[] = ['own', 'care-team', 'organization', 'device'];

export interface Rule {
  /** Resource types, or `*` for all. One of `types` and `search`. */
  readonly types?: readonly string[];
  /** Of `*`, all but these. */
  readonly except?: readonly string[];
  /** `Observation?category=vital-signs`; `*?_tag=test` for what every type has. May name variables. */
  readonly search?: string;
  /** Letters of `cruds`, in this order. */
  readonly rights: string;
  readonly within?: Within;
  /** Not earlier versions: neither vread nor history. */
  readonly newestOnly?: boolean;
  /** Elements that are neither shown nor searched nor sorted by: `Patient.telecom`. */
  readonly hidden?: readonly string[];
  /** Elements that a write must leave as they are. */
  readonly readOnly?: readonly string[];
  /** Elements in which a write names nobody but the caller and the patient: `Observation.performer`. */
  readonly ownOnly?: readonly string[];
  /** The rule is there for those alone who ask for one of these purposes: `ETREAT`. */
  readonly purposeOfUse?: readonly string[];
  /** Not for resources that have one of these codes in meta.security. */
  readonly unlessLabelled?: readonly string[];
  /** The rule is there for device keys with this permission. */
  readonly permission?: string;
}

export interface Policy {
  readonly role: string;
  readonly description: string;
  /** Whoever holds the role signs in with a second factor. */
  readonly secondFactor?: boolean;
  /** With all scopes: operations of the server itself, and whatever else there is. */
  readonly everything?: boolean;
  readonly rules: readonly Rule[];
}

/** What stands for the caller in the search of a rule. One without a value closes the rule. */
export const variables: readonly string[] = ['%user', '%patient', '%device', '%organization', '%client'];

export type Policies = ReadonlyMap<string, Policy>;

const folder = new URL('../../../capability/access/', import.meta.url);

/** Every policy of capability/access/ by its role, as it is written; see `demandSound`. */
export const readPolicies = (): Policies =>
  new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => {
        const policy: Policy = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
        if (`${policy.role}.json` !== name) throw new Error(`capability/access/${name} is of the role ${policy.role}`);
        return [policy.role, policy];
      }),
  );

/** The names of all roles, and which of them demand a second factor of who holds them. */
export const roleRules = (policies: Policies) => ({
  names: [...policies.keys()],
  demandsSecondFactor: (role: string): boolean => policies.get(role)?.secondFactor === true,
});

export const isOfType = ({ types, except, search }: Rule, type: string): boolean => {
  const named = types ?? [search!.split('?', 1)[0]!];
  return named.includes(type) || (named.includes('*') && !except?.includes(type));
};

export const grants = (rule: Rule, type: string, right: Right): boolean =>
  rule.rights.includes(right) && isOfType(rule, type);
