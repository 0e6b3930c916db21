/** Holes for the test to find: the Access, or the query that reaches the store, as it would be if one path had forgotten to ask. */
import { resourceTypes } from '../../../src/fhir/definitions.ts';
import type { Access, Sight } from '../../../src/interactions/interaction.ts';
import type { Asked, Criterion, SearchQuery } from '../../../src/search/query.ts';
import type { Built } from '../../support/access-house.ts';
import type { Name } from './oracle.ts';

export interface Hole {
  readonly access?: (access: Access) => Access;
  /** `access` is that of who asks. */
  readonly query?: (query: SearchQuery, access: Access) => SearchQuery;
}

/** What a house is built with, so that holes can be planted in it later. */
export function holed(): { readonly built: Built; plant(hole: Hole | undefined): void } {
  let hole: Hole | undefined;
  let asking: Access | undefined;
  let known = new WeakMap<Access, Access>();
  return {
    built: {
      opened(access) {
        asking = access;
        if (!hole?.access) return access;
        const found = known.get(access) ?? hole.access(access);
        known.set(access, found);
        asking = found;
        return found;
      },
      over: (engine) => ({
        ...engine,
        search: (query, after, signal) =>
          engine.search(hole?.query && asking ? hole.query(query, asking) : query, after, signal),
      }),
    },
    plant(next) {
      hole = next;
      known = new WeakMap();
    },
  };
}

type Lead = Extract<Criterion, { is: 'refers' | 'referred' }>;
type Sees = (resource: any, right: Sight) => boolean;

/** The criterion without what `narrow` added to it, told by its being the very same. */
const without = (rule: Criterion | undefined, where: Criterion): Criterion =>
  rule !== undefined && where.is === 'all' && where.of.length === 2 && where.of[1] === rule ? where.of[0]! : where;

/** What chains or `_has` lead to, without the rule for it. */
function unruled(kind: Lead['is']): NonNullable<Hole['query']> {
  const within = (one: Criterion, access: Access): Criterion => {
    switch (one.is) {
      case 'all':
      case 'any':
        return { ...one, of: one.of.map((part) => within(part, access)) };
      case 'not':
        return { ...one, of: within(one.of, access) };
      case 'refers':
      case 'referred': {
        const inner = one.is === kind ? without(access.finds(one.type), one.where) : one.where;
        return { ...one, where: within(inner, access) };
      }
      default:
        return one;
    }
  };
  return (query, access) => ({ ...query, where: within(query.where, access) });
}

/** What is looked for itself, without the rule for it, in queries of some kind. */
const unruledMatches =
  (isMeant: (query: SearchQuery) => boolean): NonNullable<Hole['query']> =>
  (query, access) => {
    if (!isMeant(query)) return query;
    const bare = <T extends Asked>(asked: T): T => ({
      ...asked,
      where: without(access.finds(asked.type), asked.where),
    });
    return { ...bare(query), ...(query.also && { also: query.also.map(bare) }) };
  };

const everything: Criterion = { is: 'all', of: [] };
const unruledIncludes =
  (way: 'to' | 'from'): NonNullable<Hole['query']> =>
  (query) => {
    if (!query.includes.some((one) => one.way === way)) return query;
    return { ...query, includable: Object.fromEntries([...resourceTypes].map((type) => [type, everything])) };
  };

/** Sees also what `more` says. */
const seeing =
  (more: Sees) =>
  (access: Access): Access => ({
    ...access,
    sees: (resource, right = 'r') => more(resource, right) || access.sees(resource, right),
    seesVersion: (version, right = 'r') => more(JSON.parse(version.text), right) || access.seesVersion!(version, right),
  });
const found = seeing((_resource, right) => right === 's');
const read = seeing((_resource, right) => right === 'r');
const pastIds = ['stayed', 'stayed-with-b', 'went', 'came', 'closed', 'opened'];
const ofVersion = (versionId: string) => seeing(({ id, meta }) => pastIds.includes(id) && meta.versionId === versionId);

const all = () => true;
/** Of a rule, what keeps from it again: labels and Consents. */
const withoutNot = (criterion: Criterion | undefined): Criterion | undefined => {
  if (criterion?.is === 'not') return undefined;
  if (criterion?.is !== 'all' && criterion?.is !== 'any') return criterion;
  const of = criterion.of.map((part) => withoutNot(part) ?? everything);
  return { ...criterion, of };
};

interface Planted extends Hole {
  /** Kinds of requests that must each find it. */
  readonly by: readonly string[];
  /** Whose questions; everybody's where left out. */
  readonly as?: readonly Name[];
}

/** What conditions find is held against the rule three times, which all go by this. */
const findingAll = (access: Access): Access => ({
  ...found(access),
  finds: (type, right = 's') => (right === 's' ? undefined : access.finds(type, right)),
});

/** By what was forgotten. */
export const holes: Readonly<Record<string, Planted>> = {
  'to ask for a read': {
    access: read,
    by: ['read', 'history of an instance', 'reads in a batch', 'reads in a transaction'],
  },
  'to ask for the version that is read': { access: ofVersion('1'), by: ['vread', 'history of an instance'] },
  'to ask for the newest version beside an earlier one': {
    access: ofVersion('2'),
    by: ['vread', 'history of an instance'],
  },
  'the rule for what is searched': {
    access: found,
    query: unruledMatches(all),
    by: [
      'search of own marks',
      'token code',
      '_filter',
      'order',
      '$lastn',
      'reads in a batch',
      'reads in a transaction',
    ],
  },
  'the rule in the query, and only cuts the page': {
    query: unruledMatches(all),
    by: ['totals', 'order', 'search of own marks', '_filter'],
  },
  'the rule where only a number is asked': { query: unruledMatches(({ count }) => count === 0), by: ['totals'] },
  'the rule where an order is asked': {
    access: found,
    query: unruledMatches(({ sort }) => sort.length > 0),
    by: ['order', '$lastn'],
  },
  'the rule for the whole system': {
    access: found,
    query: unruledMatches(({ also }) => also !== undefined),
    by: ['the whole system'],
  },
  'the rule for what contains others': {
    access: found,
    query: unruledMatches(({ where }) => JSON.stringify(where).includes('#')),
    by: ['what is contained'],
  },
  'the rule for what chains lead to': {
    query: unruled('refers'),
    by: ['chain :Type', 'chain untyped', 'chain 2 steps', 'chain not', '_filter chain'],
  },
  'the rule for what _has leads from': {
    query: unruled('referred'),
    by: ['_has', '_has nested', 'chain not', '_list'],
  },
  'the rule for what is included': {
    access: found,
    query: unruledIncludes('to'),
    by: ['includes of everything'],
  },
  'the rule for what includes itself': {
    access: found,
    query: unruledIncludes('from'),
    by: ['includes of everything'],
  },
  'to ask for the resource of a compartment': {
    access: seeing(({ resourceType }, right) => right === 'r' && resourceType === 'Patient'),
    by: ['compartment of anything'],
  },
  'the rule for the ValueSet of :in': {
    access: found,
    query: unruledMatches(({ type }) => type === 'ValueSet'),
    by: ['token :in', '_filter in', 'refused in words'],
    as: ['patient', 'backend'],
  },
  'what a rule excepts': {
    access: (access) => {
      const known = new Map<string, Criterion | undefined>();
      return {
        ...access,
        finds: (type, right = 's') => {
          const name = `${right} ${type}`;
          if (!known.has(name)) known.set(name, withoutNot(access.finds(type, right)));
          return known.get(name);
        },
      };
    },
    by: ['totals', 'token code'],
    as: ['nurse', 'physician'],
  },
  'to refuse types outside of every scope': {
    access: (access) => ({ ...access, permits: all }),
    by: ['a type outside of every scope'],
  },
  'to cut out hidden elements': {
    access: (access) => ({ ...access, shows: (text) => text }),
    by: ['a hidden element', 'read', 'includes of everything'],
    as: ['patient'],
  },
  'to refuse what goes by hidden elements': {
    access: (access) => ({ ...access, hides: () => [] }),
    by: ['by a hidden element'],
    as: ['patient'],
  },
  'to ask for what is referred to': { access: read, by: ['create', 'writes in a transaction'] },
  'that a refusal tells': { access: read, by: ['update', 'delete', 'writes in a batch'], as: ['nurse', 'backend'] },
  'the rule for what a condition finds': {
    access: findingAll,
    by: [
      'create if none exists',
      'conditional update',
      'a conditional reference',
      'writes in a batch',
      'create if none exists in a transaction',
    ],
    as: ['nurse', 'backend'],
  },
  'the rule for what is written over': {
    access: (access) => ({ ...access, mayWrite: all }),
    by: ['update', 'delete', 'writes in a batch', 'writes in a transaction'],
    as: ['backend'],
  },
  // Two doors stand behind each other here.
  'the rule for what a condition finds and for what is deleted': {
    access: (access) => ({ ...seeing(all)(findingAll(access)), mayWrite: all }),
    by: ['conditional delete'],
    as: ['backend'],
  },
};
