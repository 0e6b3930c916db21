/** From a grant to an Access: what its scopes and its roles open, and consents leave. Deny is the default. capability/access/README.md */
import { resourceTypes } from '../../fhir/definitions.ts';
import { type ResourceKey, referenceTo } from '../../fhir/references.ts';
import { allOf } from '../../interactions/entails.ts';
import type { Access } from '../../interactions/interaction.ts';
import { type Criterion, none } from '../../search/query.ts';
import type { Change, Store } from '../../store/store.ts';
import { fullAccess } from '../access.ts';
import type { Grant } from '../grant.ts';
import { createShared, type Known } from '../remembered.ts';
import { opens, type Right, rights, scopeCriterion } from '../scopes/criterion.ts';
import { ownerExtension, ownerIn, withOwner } from '../subscription-owner.ts';
import { accessBy, type Openings } from './access-by.ts';
import { demandSound } from './check.ts';
import { type Facts, factsOf, noFacts } from './facts.ts';
import { createLookUps } from './look-ups.ts';
import { hidingTypes, keptBack, openedBy, opening, opensVersions, type Placed, rulesOf } from './opened.ts';
import { createOwnPatients } from './own-patients.ts';
import type { AccessRoomParts, Consents } from './parts.ts';
import type { Policies } from './policy.ts';
import { createVerdicts } from './verdicts.ts';
import { createWhy, type Why } from './why.ts';

const noConsents: Consents = { narrow: async () => undefined };

export interface AccessRoom {
  /** Asked anew at each request; what was looked up for it is five seconds old at most. */
  accessFor(grant: Grant): Promise<Access>;
  /** Of a device with its key, by the rules of the role `device`. */
  deviceAccess(device: ResourceKey, patient: ResourceKey | undefined, permissions: readonly string[]): Access;
  /** Forgets what is remembered: rights that end here end at once. */
  forget(): void;
  /** Whether what is written ends or begins rights that are remembered: those are to be forgotten then. */
  isConcerned(changes: readonly Change[]): boolean;
  /** See why.ts. */
  readonly why: Why;
}

const MOST = 10_000;

/** Throws a sentence for a policy that cannot be meant. */
export function createAccessRoom(parts: AccessRoomParts): AccessRoom {
  const { store, base, canonical, extract, runtime, policies, consents = noConsents } = parts;
  demandSound(policies, base);
  const verdicts = createVerdicts(extract);
  const own = createOwnPatients(store, runtime, base);
  const known = createShared<Promise<Access>>(runtime, MOST);
  /** The same without reading the grant, as long as it is the very same. */
  let ofSame = new WeakMap<Grant, Known<Promise<Access>>>();
  const ofDevices = createShared<Access>(runtime, MOST);

  async function made(grant: Grant): Promise<Access> {
    if (hasEverything(grant, policies)) return fullAccess;
    const rules = rulesOf(grant.roles, policies, grant);
    const isOpen = (type: string, right: Right) =>
      opening(rules, type, right).length > 0 && opens(scopesOf(grant), type, right);
    const narrowed = new Map<string, Criterion>();
    const asked = [...resourceTypes].flatMap((type) =>
      rights.filter((right) => isOpen(type, right)).map((right) => [type, right] as const),
    );
    const [[facts, atMoment]] = await Promise.all([
      factsOf(grant, store, base, runtime.now()).then(async (facts) => [facts, await own.known(facts, rules)] as const),
      ...asked.map(async ([type, right]) => {
        const criterion = await consents.narrow(grant, type, right);
        if (criterion) narrowed.set(`${right} ${type}`, criterion);
      }),
    ]);
    const criterionBy = (about: Facts, type: string, right: Right) =>
      allOf([
        openedBy(rules, type, right, about, base),
        scopeCriterion(scopesOf(grant), type, right, { patient: grant.patient, base }),
        narrowed.get(`${right} ${type}`),
      ]);
    const openings: Openings = {
      opens: isOpen,
      opensVersions: (type) => opensVersions(rules, type),
      criterion: (type, right) => criterionBy(atMoment, type, right),
      reaches: (type) => criterionBy(facts, type, 's'),
      keptBack: kept(rules),
      own: ownOf(facts),
      hidingTypes: hidingTypes(rules),
      asStored: (before, after) =>
        after.resourceType === 'Subscription'
          ? withOwner(after, before ? ownerIn(before) : ownerExtension(grant.who, canonical))
          : after,
      scopeFor: (right, type) => `${contextOf(grant)}/${type}.${right}`,
    };
    return accessBy(openings, { base, look: createLookUps(store, runtime), verdicts, rely: own.rely });
  }

  function madeForDevice(
    device: ResourceKey,
    patient: ResourceKey | undefined,
    permissions: readonly string[],
  ): Access {
    const rules = rulesOf(['device'], policies, { permissions });
    const facts: Facts = {
      ...noFacts,
      members: [referenceTo(device)],
      device: referenceTo(device),
      patient: patient && referenceTo(patient),
    };
    const openings: Openings = {
      // A device that is assigned to nobody is told that it may not, as one without the permission.
      opens: (type, right) => openedBy(rules, type, right, facts, base) !== none,
      opensVersions: (type) => opensVersions(rules, type),
      criterion: (type, right) => openedBy(rules, type, right, facts, base),
      keptBack: kept(rules),
      own: ownOf(facts),
      hidingTypes: hidingTypes(rules),
    };
    return accessBy(openings, { base, look: createLookUps(store, runtime), verdicts });
  }

  return {
    accessFor(grant) {
      const same = ofSame.get(grant);
      if (same && same.until > runtime.now()) return same.value;
      const found = known.get(JSON.stringify(grant), () => made(grant));
      ofSame.set(grant, found);
      found.value.catch(() => {
        if (ofSame.get(grant) === found) ofSame.delete(grant);
      });
      return found.value;
    },
    deviceAccess(device, patient, permissions) {
      const name = [referenceTo(device), patient && referenceTo(patient), ...permissions].join(' ');
      return ofDevices.get(name, () => madeForDevice(device, patient, permissions)).value;
    },
    isConcerned: own.isConcerned,
    forget() {
      own.forget();
      known.forget();
      ofDevices.forget();
      ofSame = new WeakMap();
    },
    why: createWhy(parts, own),
  };
}

/** The store for everybody who writes: rights that end or begin by what is written here do so at once. */
export const watchedBy = <S extends Store>(store: S, access: () => Pick<AccessRoom, 'isConcerned' | 'forget'>): S => ({
  ...store,
  async commit(changes) {
    try {
      return await store.commit(changes);
    } finally {
      // Also where nobody can tell whether it was stored.
      if (access().isConcerned(changes)) access().forget();
    }
  },
});

/** Scopes for a patient that nobody chose are not there: they would open everybody's. */
export const scopesOf = ({ scopes, patient }: Grant): Grant['scopes'] =>
  patient === undefined ? scopes.filter(({ context }) => context !== 'patient') : scopes;

const kept =
  (rules: readonly Placed[]): Openings['keptBack'] =>
  (type, kind) =>
    keptBack(rules, type, kind === 'hidden' ? ['r', 's'] : ['c', 'u'], kind);

const ownOf = ({ user, patient, device }: Facts): readonly string[] =>
  [user, patient, device].filter((one) => one !== undefined);

const contextOf = ({ patient, user }: Grant): string =>
  patient !== undefined ? 'patient' : user !== undefined ? 'user' : 'system';

/** A role that may everything, with scopes that leave nothing out. */
const hasEverything = ({ roles, scopes }: Grant, policies: Policies): boolean =>
  roles.some((role) => policies.get(role)?.everything) &&
  scopes.some(
    ({ context, type, rights: granted, query }) =>
      context !== 'patient' && type === '*' && granted === 'cruds' && query === undefined,
  );
