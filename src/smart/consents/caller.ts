/** Who a caller is to a Consent: itself, its roles, the places that it works in, its care teams, its client. https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision.actor */
import { problem } from '../../fhir/outcome.ts';
import { relativeTo } from '../../fhir/own-base.ts';
import { keyOf } from '../../fhir/references.ts';
import { plainQuery } from '../../search/query.ts';
import { targetsOf } from '../../search/targets.ts';
import { type Cursor, isDeleted, type Store } from '../../store/store.ts';
import type { Grant } from '../grant.ts';
import { factsOf } from '../policies/facts.ts';
import type { Actor } from './provision.ts';

/** What a Consent asks of who asks. */
export type Asker = Pick<Grant, 'who' | 'client' | 'purposeOfUse'>;

export interface Known {
  /** References that surely mean the caller. */
  readonly sure: ReadonlySet<string>;
  /** Those, and what it may belong to: organizations above its own, care teams that are not active. */
  readonly possible: ReadonlySet<string>;
  /** `system|value`, and `|value` for any system. */
  readonly identifiers: ReadonlySet<string>;
  readonly purposeOfUse?: string;
}

const LEVELS = 10;
const TEAMS = 1_000;
const PAGES = 10;

/** `withTeams`: whether anybody asks for care teams at all. */
export async function callerOf(
  { who, client, purposeOfUse }: Asker,
  store: Pick<Store, 'read' | 'search'>,
  base: string,
  withTeams: boolean,
): Promise<Known> {
  const relative = relativeTo(base);
  const facts = await factsOf({ who, client }, store, base);
  const held = async (references: readonly string[]): Promise<any[]> => {
    const keys = references.map(keyOf).filter((key) => key !== undefined && key.type !== 'Client');
    const versions = keys.length === 0 ? [] : await store.read(keys as any);
    return versions.flatMap((one) => (one && !isDeleted(one) ? [JSON.parse(relative(one.text))] : []));
  };
  const own = [who, ...facts.members, ...facts.organizations];
  const sure = new Set<string>([...own, `Client/${client}`, `Device/${client}`]);
  const possible = new Set(sure);
  const known = await held([...new Set(own)]);
  const identifiers = new Set<string>([`|${client}`]);
  for (const { value, system = '' } of known.flatMap(({ identifier }) => [identifier ?? []].flat())) {
    if (value === undefined) continue;
    identifiers.add(`${system}|${value}`);
  }
  let below = known;
  for (let level = 0; level < LEVELS && below.length > 0; level++) {
    const above = below.flatMap(({ resourceType, partOf }) =>
      resourceType === 'Organization' && partOf?.reference && !possible.has(partOf.reference) ? [partOf.reference] : [],
    );
    for (const one of above) possible.add(one);
    below = await held(above);
  }
  if (withTeams) {
    for (const { id, status, participant } of await teamsOf([...possible], store, relative)) {
      possible.add(`CareTeam/${id}`);
      const members = (participant ?? []).map(({ member }: any) => member?.reference);
      if (status === 'active' && [who, ...facts.members].some((one) => members.includes(one))) {
        sure.add(`CareTeam/${id}`);
      }
    }
  }
  return { sure, possible, identifiers, ...(purposeOfUse !== undefined && { purposeOfUse }) };
}

async function teamsOf(
  members: readonly string[],
  store: Pick<Store, 'search'>,
  relative: (text: string) => string,
): Promise<any[]> {
  const where = { is: 'points', name: 'CareTeam.participant', targets: targetsOf(members) } as const;
  const teams: any[] = [];
  let after: Cursor | undefined;
  for (let page = 0; page < PAGES; page++) {
    const { matches, next } = await store.search(plainQuery('CareTeam', where, TEAMS), after);
    teams.push(...matches.map(({ text }) => JSON.parse(relative(text))));
    if (next === undefined) return teams;
    after = next;
  }
  throw problem('too-costly', `the caller is in more than ${TEAMS * PAGES} care teams: consents cannot be told`, {
    status: 403,
  });
}

/** `maybe`: nobody can tell. */
export type Answer = 'yes' | 'maybe' | 'no';

/** Types whose references we can tell the caller by. */
const telling: ReadonlySet<string> = new Set([
  'Client',
  'CareTeam',
  'Device',
  'Organization',
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'RelatedPerson',
]);
/** Roles of somebody who gets data; others say who wrote it, or who decides. */
const receiving: ReadonlySet<string> = new Set([
  '',
  'IRCP',
  'PRCP',
  'CST',
  'GRANTEE',
  'DELEGATEE',
  'CAREGIVER',
  'PROV',
  'PPRF',
  'SPRF',
  'PRF',
]);

export function isMeant({ role, reference, identifier }: Actor, caller: Known): Answer {
  if (reference !== undefined) {
    if (caller.sure.has(reference)) return receiving.has(role) ? 'yes' : 'maybe';
    if (caller.possible.has(reference)) return 'maybe';
    return telling.has(reference.slice(0, reference.indexOf('/'))) ? 'no' : 'maybe';
  }
  if (identifier === undefined) return 'maybe';
  const [system, value] = identifier;
  const isOne = caller.identifiers.has(`${system}|${value}`) || caller.identifiers.has(`|${value}`);
  if (isOne) return receiving.has(role) ? 'yes' : 'maybe';
  // Without a system it may be anybody's who has that value.
  return system === '' && [...caller.identifiers].some((one) => one.endsWith(`|${value}`)) ? 'maybe' : 'no';
}
