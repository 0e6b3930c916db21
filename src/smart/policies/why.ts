/** Why a caller may see, find, change or delete a resource, or may not: each rule of its roles with its verdict. capability/access/README.md */
import { problem } from '../../fhir/outcome.ts';
import { keyOf, type ResourceKey } from '../../fhir/references.ts';
import { patientsIn } from '../../interactions/answer.ts';
import { type Criterion, none } from '../../search/query.ts';
import { everyKept } from '../../store/every-kept.ts';
import { isDeleted, type Store } from '../../store/store.ts';
import { type Client, kinds } from '../clients/client.ts';
import type { Grant } from '../grant.ts';
import { opens, type Right, scopeCriterion } from '../scopes/criterion.ts';
import { parseScope } from '../scopes/scope.ts';
import { scopesOf as readScopes } from '../scopes/words.ts';
import { KIND as USERS } from '../users/user.ts';
import { factsOf } from './facts.ts';
import { holds } from './hold.ts';
import { createLookUps } from './look-ups.ts';
import { isForPurpose, opening, type Placed, placedRules, rulesOf } from './opened.ts';
import type { OwnPatientsRoom } from './own-patients.ts';
import type { AccessRoomParts } from './parts.ts';
import type { Rule } from './policy.ts';
import { ruleCriterion } from './rule-criterion.ts';

export interface WhyAsked {
  readonly key: ResourceKey;
  /** `Practitioner/7`, `Patient/1`, `Client/ehr-1` */
  readonly who: string;
  /** Left out: those of the user or client of that name. */
  readonly roles?: readonly string[];
  /** As in a token; left out: what the roles alone open. */
  readonly scope?: string;
  readonly patient?: string;
  readonly purposeOfUse?: string;
}

/** One thing that was asked about the resource. */
export interface Reason {
  /** `nurse, rule 2`, `scopes`, `consents` */
  readonly by: string;
  /** The rule in one line. */
  readonly says?: string;
  readonly isOpen: boolean;
  /** `Consent/1`: those that keep it out. */
  readonly consents?: readonly string[];
}

export interface Explained {
  readonly right: Right;
  readonly isOpen: boolean;
  readonly reasons: readonly Reason[];
}

export interface WhyAnswer {
  readonly isThere: boolean;
  readonly roles: readonly string[];
  readonly rights: readonly Explained[];
}

export type Why = (asked: WhyAsked) => Promise<WhyAnswer>;

/** A new resource is not asked about: it is not there. */
const explainable: readonly Right[] = ['r', 's', 'u', 'd'];

export function createWhy(parts: AccessRoomParts, own: Pick<OwnPatientsRoom, 'known'>): Why {
  const { store, base, extract, runtime, policies, consents } = parts;

  return async ({ key, who, roles: given, scope, patient, purposeOfUse }) => {
    await demandThere(who, given, store);
    const [version] = await store.read([key]);
    const roles = given ?? (await rolesOf(who, store));
    const isThere = version !== undefined && !isDeleted(version);
    if (!isThere) return { isThere, roles, rights: [] };
    const grant: Grant = {
      who,
      client: who.startsWith('Client/') ? clientIdOf(who) : '',
      roles,
      scopes: scope === undefined ? [everyScope] : readScopes(scope),
      ...(patient !== undefined && { patient }),
      ...(purposeOfUse !== undefined && { purposeOfUse }),
      token: '',
    };
    const rules = rulesOf(roles, policies, grant);
    const facts = await own.known(await factsOf(grant, store, base, runtime.now()), rules);
    const wanting = placedRules(roles, policies).filter(({ rule }) => !isForPurpose(rule, purposeOfUse));
    const look = createLookUps(store, runtime);
    const entries = extract(version.text);
    const isFulfilled = async (criterion: Criterion | undefined): Promise<boolean> =>
      criterion === undefined ||
      (criterion !== none && holds(criterion, { key, entries, lastUpdated: version.lastUpdated }, look));

    const denying = async (right: Right): Promise<readonly string[]> => {
      const asked = (await consents?.narrowing?.(grant, key.type, right, patientsIn(key, version.text))) ?? [];
      const kept = await Promise.all(asked.map(({ leaves }) => isFulfilled(leaves)));
      return asked.flatMap(({ consent }, i) => (kept[i] ? [] : [consent]));
    };

    const explained = async (right: Right): Promise<Explained> => {
      const opened: Reason[] = [];
      for (const placed of opening(rules, key.type, right)) {
        const criterion = ruleCriterion(placed.rule, key.type, right, facts, base);
        opened.push({ by: placeOf(placed), says: said(placed.rule), isOpen: await isFulfilled(criterion) });
      }
      for (const placed of opening(wanting, key.type, right)) {
        opened.push({ by: placeOf(placed), says: `${said(placed.rule)}; asked for no such purpose`, isOpen: false });
      }
      if (opened.length === 0) opened.push({ by: 'roles', says: `no rule opens ${key.type}`, isOpen: false });
      const others: Reason[] = [];
      if (scope !== undefined)
        others.push({ by: 'scopes', isOpen: await isScopeOpen(grant, key, right, isFulfilled, base) });
      const left = await consents?.narrow(grant, key.type, right);
      if (left !== undefined) {
        const isOpen = await isFulfilled(left);
        others.push({ by: 'consents', isOpen, ...(!isOpen && { consents: await denying(right) }) });
      }
      const isOpen = opened.some((one) => one.isOpen) && others.every((one) => one.isOpen);
      return { right, isOpen, reasons: [...opened, ...others] };
    };
    return { isThere, roles, rights: await Promise.all(explainable.map(explained)) };
  };
}

/** Nobody is asked about who is not here: all would be closed, and look as if it were the rules'. */
async function demandThere(
  who: string,
  roles: readonly string[] | undefined,
  store: Pick<Store, 'read' | 'get'>,
): Promise<void> {
  if (who.startsWith('Client/')) {
    if (roles !== undefined || (await clientOf(who, store))) return;
    throw problem('not-found', `${who} was not found: no client of that name is registered`);
  }
  const key = keyOf(who);
  const [version] = key ? await store.read([key]) : [];
  if (version === undefined || isDeleted(version))
    throw problem('not-found', `${who} was not found: nobody to ask about`);
}

const everyScope = parseScope('system/*.cruds')!;

async function isScopeOpen(
  { scopes, patient }: Grant,
  { type }: ResourceKey,
  right: Right,
  isFulfilled: (criterion: Criterion | undefined) => Promise<boolean>,
  base: string,
): Promise<boolean> {
  return opens(scopes, type, right) && isFulfilled(scopeCriterion(scopes, type, right, { patient, base }));
}

const placeOf = ({ role, number }: Placed): string => `${role}, rule ${number}`;

/** A rule in one line: `Observation within care-team, unless labelled R, V: rs`. */
function said({ types, except, search, within, unlessLabelled, purposeOfUse, rights }: Rule): string {
  const about = search ?? types!.join(', ');
  return [
    about,
    ...(except ? [`but ${except.join(', ')}`] : []),
    ...(within ? [`within ${within}`] : []),
    ...(unlessLabelled ? [`unless labelled ${unlessLabelled.join(', ')}`] : []),
    ...(purposeOfUse ? [`for the purpose ${purposeOfUse.join(', ')}`] : []),
  ]
    .join(' ')
    .concat(`: ${rights}`);
}

const clientIdOf = (who: string): string => who.slice('Client/'.length);

async function clientOf(who: string, store: Pick<Store, 'get'>): Promise<Client | undefined> {
  const [kept] = await store.get(kinds.client, [clientIdOf(who)]);
  return kept?.value;
}

/** Those that its user, or its client, has. */
async function rolesOf(who: string, store: Pick<Store, 'get' | 'list'>): Promise<readonly string[]> {
  if (who.startsWith('Device/')) return ['device'];
  if (who.startsWith('Client/')) return (await clientOf(who, store))?.roles ?? [];
  const users = (await everyKept(USERS, store)).filter(({ value }) => value.fhirUser === who);
  return [...new Set<string>(users.flatMap(({ value }) => value.roles ?? []))];
}
