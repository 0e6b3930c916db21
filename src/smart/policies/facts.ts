/** What rules need to know of a caller: looked up once, and as old as what is made of it. capability/access/README.md */
import { relativeTo } from '../../fhir/own-base.ts';
import { keyOf, type Resource, type ResourceKey } from '../../fhir/references.ts';
import { intervalOfPeriod } from '../../search/instants.ts';
import { parseSearch } from '../../search/parse.ts';
import { plainQuery } from '../../search/query.ts';
import type { Targets } from '../../search/targets.ts';
import { isDeleted, type Store } from '../../store/store.ts';
import type { Grant } from '../grant.ts';
import type { Within } from './policy.ts';

/** Patients by their ids and as what is about them refers to them: one list for all criteria that speak of them. */
export interface OwnPatients {
  readonly ids: Targets;
  readonly references: Targets;
}

export interface Facts {
  /** References that mean the caller in a CareTeam: itself, and for a Practitioner its active PractitionerRoles. */
  readonly members: readonly string[];
  /** The Patient that the caller is, or is related to. */
  readonly patient?: string;
  /** Organizations that its active PractitionerRoles are of, in which it works. */
  readonly organizations: readonly string[];
  readonly device?: string;
  readonly user?: string;
  readonly client?: string;
  /** Whose Patients were looked up and are few; of others a chain tells. */
  readonly lists?: Readonly<Partial<Record<Within, OwnPatients>>>;
}

export const noFacts: Facts = { members: [], organizations: [] };

/** More roles than these count for nothing: nobody works in so many places. */
const MOST_ROLES = 50;

/** Whether a period is over; one without an end never is. */
export const isOver = (period: any, now: number | undefined): boolean =>
  now !== undefined && period?.end !== undefined && (intervalOfPeriod(period)?.high ?? Infinity) < now;

/**
 * Looks up who the caller of a grant is. Without `now` it is not asked what has ended, nor whether the Practitioner is active: who
 * was somebody once is still meant by what keeps him out.
 */
export async function factsOf(
  { who, client }: Pick<Grant, 'who' | 'client'>,
  store: Pick<Store, 'read' | 'search'>,
  base: string,
  now?: number,
): Promise<Facts> {
  const relative = relativeTo(base);
  const parsed = (text: string): Resource => JSON.parse(relative(text));
  const held = async (asked: ResourceKey): Promise<Resource | undefined> => {
    const [version] = await store.read([asked]);
    return version && !isDeleted(version) ? parsed(version.text) : undefined;
  };
  const isActive = ({ active, period }: Resource): boolean => active !== false && !isOver(period, now);
  const hasLeft = async (practitioner: ResourceKey | undefined): Promise<boolean> =>
    now !== undefined && practitioner?.type === 'Practitioner' && (await held(practitioner))?.active === false;
  const key = keyOf(who);
  const facts = { ...noFacts, client: `Client/${client}`, ...(key && key.type !== 'Client' && { user: who }) };
  switch (key?.type) {
    case 'Patient':
      return { ...facts, members: [who], patient: who };
    case 'Device':
      return { ...facts, members: [who], device: who };
    case 'RelatedPerson': {
      const related = await held(key);
      return {
        ...facts,
        members: [who],
        patient: related && isActive(related) ? related.patient?.reference : undefined,
      };
    }
    case 'PractitionerRole': {
      const role = await held(key);
      if (!role || !isActive(role)) return { ...facts, members: [] };
      const practitioner = role.practitioner?.reference;
      if (practitioner && (await hasLeft(keyOf(practitioner)))) return { ...noFacts, client: facts.client };
      return { ...facts, ...placesIn([role]), members: [who, ...[practitioner].filter(Boolean)] };
    }
    case 'Practitioner': {
      const asked = [
        ['practitioner', who],
        ['active:not', 'false'],
      ] as const;
      const { where } = parseSearch('PractitionerRole', asked, { strict: true, base }).query;
      const [{ matches }, isGone] = await Promise.all([
        store.search(plainQuery('PractitionerRole', where, MOST_ROLES), undefined),
        hasLeft(key),
      ]);
      if (isGone) return { ...noFacts, client: facts.client };
      const roles = matches.map(({ text }) => parsed(text)).filter(isActive);
      return { ...facts, ...placesIn(roles), members: [who, ...roles.map(({ id }) => `PractitionerRole/${id}`)] };
    }
    default:
      return facts;
  }
}

const placesIn = (roles: readonly Resource[]): Pick<Facts, 'organizations'> => ({
  organizations: [...new Set<string>(roles.map(({ organization }) => organization?.reference).filter(Boolean))],
});

/** What a variable stands for; several values are alternatives, none closes the rule. */
export function valuesOf(variable: string, facts: Facts): readonly string[] {
  const values: Readonly<Record<string, readonly (string | undefined)[]>> = {
    '%user': [facts.user],
    '%patient': [facts.patient],
    '%device': [facts.device],
    '%client': [facts.client],
    '%organization': facts.organizations,
  };
  return (values[variable] ?? []).filter((value) => value !== undefined);
}
