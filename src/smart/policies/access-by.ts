/** An Access made of criteria by type and right: what is found, seen and written is one truth. https://hl7.org/fhir/R4/security.html */
import { resourceTypes } from '../../fhir/definitions.ts';
import { relativeTo } from '../../fhir/own-base.ts';
import { keyOf, literalReferences, type Resource } from '../../fhir/references.ts';
import type { Access, InteractionCode, Sight } from '../../interactions/interaction.ts';
import { choosesIds } from '../../interactions/permit.ts';
import { extract, extractOnce } from '../../search/extract.ts';
import { looksElsewhere } from '../../search/match.ts';
import { type Criterion, type IndexEntries, none } from '../../search/query.ts';
import { type Right, rights } from '../scopes/criterion.ts';
import { type ElementPath, refersOnly, valuesAt } from './elements.ts';
import { holds, type Judged, type LookUp } from './hold.ts';
import { once } from './once.ts';
import type { Kept } from './opened.ts';
import { showing } from './shows.ts';
import type { Verdicts } from './verdicts.ts';

/** What an Access is made of. */
export interface Openings {
  /** Whether anything of the type is open with the right at all. */
  opens(type: string, right: Right): boolean;
  /** Whether earlier versions are open where a resource is. */
  opensVersions(type: string): boolean;
  /** What a resource must fulfil; undefined: nothing more; `none`: there is no such one. */
  criterion(type: string, right: Right): Criterion | undefined;
  /** The criterion of searches, by who the caller is and not by what is the caller's at the moment. Left out: the same. */
  reaches?(type: string): Criterion | undefined;
  keptBack(type: string, kind: Kept): readonly ElementPath[];
  /** References that mean the caller, and the patient that it is or is related to. */
  readonly own: readonly string[];
  /** No elements are hidden of any other. */
  readonly hidingTypes: readonly string[];
  /** A resource as it would be stored, where the server writes something of it that rules ask for; left out: as it is. */
  asStored?(before: Resource | undefined, after: Resource): Resource;
  /** Name of the scope that an interaction would need. */
  scopeFor?(right: Right, type: string): string;
}

export interface Ground {
  readonly base: string;
  readonly look: LookUp;
  readonly verdicts: Verdicts;
  /** Told of each resource that was looked up for searches, to hear of its changes. */
  readonly rely?: (reference: string) => void;
}

const rightOf: Partial<Record<InteractionCode, Right>> = {
  read: 'r',
  vread: 'r',
  'history-instance': 'r',
  'search-type': 's',
  'history-type': 's',
  'search-system': 's',
  'history-system': 's',
  create: 'c',
  update: 'u',
  patch: 'u',
  delete: 'd',
};
const ofVersions: readonly InteractionCode[] = ['vread', 'history-instance'];

export function accessBy(openings: Openings, { base, look, verdicts, rely }: Ground): Access {
  const opens = once((type: string, right: Right) => openings.opens(type, right));
  const criteria = once((type: string, right: Right) => openings.criterion(type, right));
  const judges = once((type: string, right: Sight) => {
    const criterion = criteria(type, right);
    return criterion === undefined || looksElsewhere(criterion) ? undefined : verdicts.of(criterion);
  });
  const hidden = once((type: string) => openings.keptBack(type, 'hidden'));
  const hides = once((type: string) => hidden(type).map(({ path }) => path));
  const concerned = openings.hidingTypes.filter((type) => hidden(type).length > 0);
  const hidesAny = concerned.length > 0;
  const opensAny = (right: Right): boolean => [...resourceTypes].some((type) => opens(type, right));
  const entriesOf = entriesAt(base);
  const own = openings.own.flatMap((one) => [one, `${base}/${one}`]);

  function isOpen(resource: Resource, right: Right): boolean | Promise<boolean> {
    const criterion = criteria(resource.resourceType, right);
    return criterion === undefined || (criterion !== none && holds(criterion, entriesOf(resource), look));
  }

  /** Nobody writes what it would have to know and does not see, or must leave alone. */
  function leavesAlone(before: Resource | undefined, after: Resource): boolean {
    const type = after.resourceType;
    const kept = hidden(type);
    if (before !== undefined && kept.length > 0) return false;
    if (kept.some((path) => valuesAt(after, path) !== '')) return false;
    const isLeft = (path: ElementPath): boolean => valuesAt(after, path) === valuesAt(before, path);
    return (
      openings.keptBack(type, 'readOnly').every(isLeft) &&
      openings.keptBack(type, 'ownOnly').every((path) => isLeft(path) || refersOnly(after, path, own))
    );
  }

  const access: Access = {
    unrestricted: false,
    permits(interaction, type) {
      if (interaction === 'capabilities') return true;
      if (interaction === 'batch' || interaction === 'transaction') return rights.some(opensAny);
      const right = rightOf[interaction];
      if (ofVersions.includes(interaction) && !openings.opensVersions(type)) return false;
      return right !== undefined && (type === '' ? opensAny(right) : opens(type, right));
    },
    finds: (type, right = 's') => criteria(type, right),
    ...(openings.reaches && { reaches: (type: string) => openings.reaches!(type) }),
    async leads({ type, where }, target) {
      const key = keyOf(target);
      if (key?.type !== type) return false;
      rely?.(target);
      return look(type, { is: 'all', of: [{ is: 'id', ids: [key.id] }, where] });
    },
    sees: (resource, right = 'r') => isOpen(resource, right),
    seesVersion(version, right = 'r') {
      const { type } = version.key;
      const criterion = criteria(type, right);
      if (criterion === undefined) return true;
      if (criterion === none) return false;
      const judge = judges(type, right);
      return judge ? judge(version) : isOpen(JSON.parse(version.text), right);
    },
    shows: hidesAny ? showing(hidden, concerned) : (text) => text,
    ...(hidesAny && { hides }),
    async mayWrite(before, sent) {
      const after = sent && (openings.asStored?.(before, sent) ?? sent);
      const type = (after ?? before)?.resourceType;
      if (type === undefined) return false;
      // Whoever reads some of a type changes nothing of it unseen: the answer would tell that it is there.
      if (before !== undefined && opens(type, 'r') && !(await isOpen(before, 'r'))) return false;
      if (after === undefined) return isOpen(before!, 'd');
      if (!leavesAlone(before, after)) return false;
      if (before !== undefined) return (await isOpen(before, 'u')) && isOpen(after, 'u');
      if (after.id !== undefined && !choosesIds(access, type)) return false;
      return opens(type, 'c') && isOpen(after, 'c');
    },
    ...(openings.scopeFor && {
      scopeFor: (interaction: InteractionCode, type: string) =>
        openings.scopeFor!(rightOf[interaction] ?? 'r', type || '*'),
    }),
  };
  return access;
}

/** What a parsed resource is found by, its own absolute references made relative. */
function entriesAt(base: string): (resource: Resource) => Judged {
  const relative = relativeTo(base);
  const own = `${base}/`;
  const entriesFor = (resource: Resource): IndexEntries => {
    for (const reference of literalReferences(resource)) {
      if (reference.startsWith(own)) return extract(JSON.parse(relative(JSON.stringify(resource))));
    }
    return extractOnce(resource);
  };
  return (resource) => {
    const updated = Date.parse(resource.meta?.lastUpdated ?? '');
    return {
      key: { type: resource.resourceType, id: resource.id ?? '' },
      entries: entriesFor(resource),
      ...(Number.isNaN(updated) ? {} : { lastUpdated: updated }),
    };
  };
}
