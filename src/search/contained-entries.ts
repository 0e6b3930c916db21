/** What contained resources are found by, as entries of the resource around them. https://hl7.org/fhir/R4/references.html#contained */
import type { Resource } from '../fhir/references.ts';
import type { ElementEntries, IndexEntries, KeyEntry } from './query.ts';
import type { Gathering } from './values.ts';

/** The group of one contained resource, its entries named as those of a resource of its own. */
export const groupOf = (type: string): string => `#${type}`;

/** The entries of all contained resources, as entries of the container: they lead to few containers, the group then decides. */
export const leading = (container: string, name: string): string => `${container}#${name}`;

/** There is a contained resource of the type. */
export const holds = (container: string, type: string): KeyEntry => ({
  name: `${container}.#`,
  first: type,
  second: '',
});

/** The local id, which has no entry elsewhere because the engine finds ids without one. */
export const localId = (type: string, id: string): KeyEntry => ({ name: `${type}._id`, first: id, second: '' });

/** Adds what the contained resources are found by; `entriesOf` gives the entries of each as if it stood alone. */
export function enterContained(
  container: string,
  contained: readonly any[],
  into: Gathering,
  entriesOf: (inner: Resource) => IndexEntries,
): void {
  for (const inner of contained) {
    const type = inner?.resourceType;
    if (typeof type !== 'string') continue;
    const { keys, references, ranges, texts } = entriesOf(inner);
    const own = typeof inner.id === 'string' ? [...keys, localId(type, inner.id)] : keys;
    into.groups.push({ name: groupOf(type), entries: { keys: own, references, ranges, texts } });
    into.keys.push(holds(container, type));
    lead(container, { keys: own, references, ranges, texts }, into);
  }
}

function lead(container: string, { keys, references, ranges, texts }: ElementEntries, into: Gathering): void {
  const led = <T extends { readonly name: string }>(one: T): T => ({ ...one, name: leading(container, one.name) });
  into.keys.push(...keys.map(led));
  // As keys: includes do not follow what is said inside.
  into.keys.push(...references.map(({ name, target }) => led({ name, first: target, second: '' })));
  into.ranges.push(...ranges.filter(({ along }) => along === undefined).map(led));
  into.texts.push(...texts.map(led));
}
