/** The Patients of a caller as lists, where they are few: what is asked by a list is told without a chain. capability/access/README.md */
import { relativeTo } from '../../fhir/own-base.ts';
import { referenceTo } from '../../fhir/references.ts';
import type { Runtime } from '../../runtime.ts';
import { none, plainQuery } from '../../search/query.ts';
import { targetsOf } from '../../search/targets.ts';
import type { Change, Store } from '../../store/store.ts';
import type { Facts, OwnPatients } from './facts.ts';
import type { Placed } from './opened.ts';
import { chainWithin, lookedAfterBy, ownTeams, type Shared, shared } from './within.ts';

const ownPatients = (ids: Iterable<string>): OwnPatients => {
  const list = targetsOf(ids);
  return { ids: list, references: targetsOf(list.map((id) => `Patient/${id}`)) };
};

/** With more of them than these the chain is asked, each time anew. */
const MOST_OWN = 1_000;
/** Milliseconds for which nobody counts again whoever had more. */
const MANY_FOR = 60_000;
const MOST_REMEMBERED = 10_000;
const MOST_RELIED = 100_000;

export interface OwnPatientsRoom {
  /** The facts with the lists that the rules ask for, as they are now; without a list where it would be long. */
  known(facts: Facts, rules: readonly Placed[]): Promise<Facts>;
  /** A Patient that was looked up counts like one of a list. */
  rely(reference: string): void;
  /** Whether what is written may make any list another one that was given since the last `forget`. */
  isConcerned(changes: readonly Change[]): boolean;
  forget(): void;
}

export function createOwnPatients(
  store: Pick<Store, 'search'>,
  runtime: Pick<Runtime, 'now'>,
  base: string,
): OwnPatientsRoom {
  const relative = relativeTo(base);
  const many = new Map<string, number>();
  /** Patients and Organizations that the lists go by. */
  const relied = new Set<string>();

  function rely(reference: string): void {
    // What is not heard of holds for five seconds more, as on other servers.
    if (relied.size >= MOST_RELIED) relied.clear();
    relied.add(reference);
  }

  /** Patients of the CareTeams that have not ended for the caller; undefined where the teams are too many to look at. */
  async function lookedAfter({ members }: Facts): Promise<ReadonlySet<string> | undefined> {
    const { matches } = await store.search(plainQuery('CareTeam', ownTeams(members), MOST_OWN + 1), undefined);
    if (matches.length > MOST_OWN) return undefined;
    const now = runtime.now();
    return new Set(matches.flatMap(({ text }) => lookedAfterBy(JSON.parse(relative(text)), members, now)));
  }

  async function listOf(within: Shared, facts: Facts): Promise<OwnPatients | undefined> {
    const where = chainWithin(within, facts);
    if (where === none) return ownPatients([]);
    const name = JSON.stringify(where);
    if ((many.get(name) ?? 0) > runtime.now()) return undefined;
    // Before the search: what is written meanwhile is heard of.
    if (within === 'organization') for (const one of facts.organizations) rely(one);
    const [{ matches }, current] = await Promise.all([
      store.search(plainQuery('Patient', where, MOST_OWN + 1), undefined),
      within === 'care-team' && lookedAfter(facts),
    ]);
    if (matches.length > MOST_OWN || current === undefined) {
      if (many.size >= MOST_REMEMBERED) many.clear();
      many.set(name, runtime.now() + MANY_FOR);
      return undefined;
    }
    for (const { key } of matches) rely(referenceTo(key));
    const ids = matches.map(({ key }) => key.id);
    return ownPatients(current ? ids.filter((id) => current.has(`Patient/${id}`)) : ids);
  }

  return {
    async known(facts, rules) {
      const asked = shared.filter((within) => rules.some(({ rule }) => rule.within === within));
      const lists = await Promise.all(asked.map(async (within) => [within, await listOf(within, facts)] as const));
      return { ...facts, lists: Object.fromEntries(lists.filter(([, list]) => list !== undefined)) };
    },
    rely,
    isConcerned: (changes) => changes.some((change) => isOf(change, relied)),
    forget: () => relied.clear(),
  };
}

/** Teams and roles always, a Patient where it is on a list or comes to an Organization of one. */
function isOf(change: Change, relied: ReadonlySet<string>): boolean {
  if (change.op !== 'write' && !(change.op === 'restore' && 'version' in change)) return false;
  const key = change.op === 'write' ? change.key : change.version.key;
  if (key.type === 'CareTeam' || key.type === 'PractitionerRole') return true;
  if (key.type !== 'Patient') return false;
  return relied.has(referenceTo(key)) || !!change.index?.references.some(({ target }) => relied.has(target));
}
