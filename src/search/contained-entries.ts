/** What contained resources are found by, as entries of the resource around them. https://hl7.org/fhir/R4/references.html#contained */
import type { Resource } from '../fhir/references.ts';
import { compile } from './expression.ts';
import type { Gathering } from './gathering.ts';
import { untilDefinitionsChange } from './knowledge.ts';
import type { Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import type { Visit } from './place.ts';
import type { ElementEntries, IndexEntries, KeyEntry } from './query.ts';

/** The group of one contained resource, its entries named as those of a resource of its own. */
export const groupOf = (type: string): string => `#${type}`;

/**
 * The entries of all contained resources, as entries of the container. `from` is the type of the container, or the name of a
 * parameter whose references lead to the contained resource: `MedicationRequest.medication#Medication.code`.
 */
export const leading = (from: string, name: string): string => `${from}#${name}`;

const key = (name: string, first: string): KeyEntry => ({ name, first, second: '' });

/** There is a contained resource of the type, in a container or where references of a parameter lead. */
export const holds = (from: string, type: string): KeyEntry => key(leading(from, ''), type);

/** The local id, which has no entry elsewhere because the engine finds ids without one. */
export const localId = (type: string, id: string): KeyEntry => key(`${type}._id`, id);

/** In a group: references of the parameter of the container lead here. */
export const pointedBy = (parameter: string): KeyEntry => key('#', parameter);

/** Adds what the contained resources are found by; `entriesOf` gives the entries of each as if it stood alone. */
export function enterContained(
  container: Resource,
  contained: readonly any[],
  into: Gathering,
  entriesOf: (inner: Resource) => IndexEntries,
): void {
  const pointers = pointersIn(container);
  for (const inner of contained) {
    const type = inner?.resourceType;
    if (typeof type !== 'string') continue;
    const { keys, references, ranges, texts } = entriesOf(inner);
    const own = { keys: [...keys, localId(type, String(inner.id))], references, ranges, texts };
    const from = [...new Set(pointers.flatMap(({ name, to }) => (to === `#${inner.id}` ? [name] : [])))];
    into.groups.push({ name: groupOf(type), entries: { ...own, keys: [...own.keys, ...from.map(pointedBy)] } });
    for (const one of [container.resourceType, ...from]) {
      into.keys.push(holds(one, type));
      lead(one, own, into);
    }
  }
}

/** Adds what the resources are found by that stand in elements of this one and not in `contained`: the first one of a Bundle. */
export function enterInside(resource: Resource, into: Gathering, entriesOf: (inner: Resource) => IndexEntries): void {
  for (const { name, targets, visitInside } of holdersOf(resource.resourceType)) {
    visitInside(resource, (inner) => {
      const type = inner?.resourceType;
      if (typeof type !== 'string' || !targets.includes(type)) return;
      const { keys: found, references, ranges, texts } = entriesOf(inner);
      const keys = typeof inner.id === 'string' ? [...found, localId(type, inner.id)] : found;
      const own = { keys, references, ranges, texts };
      into.groups.push({ name: groupOf(type), entries: { ...own, keys: [...keys, pointedBy(name)] } });
      into.keys.push(holds(name, type));
      lead(name, own, into);
    });
  }
}

/** A parameter whose values are resources that stand inside. */
interface Holder {
  readonly name: string;
  readonly targets: readonly string[];
  readonly visitInside: (resource: Resource, take: (inner: any) => void) => void;
}

const holders = untilDefinitionsChange<readonly Holder[]>();

function holdersOf(type: string): readonly Holder[] {
  let known = holders.get(type);
  if (known === undefined) {
    known = [...parametersOf(type).values()].filter(({ inside }) => inside).map((one) => holderFor(type, one));
    holders.set(type, known);
  }
  return known;
}

function holderFor(type: string, { name, targets, branches }: Parameter): Holder {
  let found: any[] = [];
  const visits = branches.map((branch) => compile(branch, type, () => (inner) => found.push(inner)));
  const visitInside: Holder['visitInside'] = (resource, take) => {
    found = [];
    for (const visit of visits) visit(resource);
    for (const inner of found) take(inner);
  };
  return { name, targets, visitInside };
}

function lead(from: string, { keys, references, ranges, texts }: ElementEntries, into: Gathering): void {
  const led = <T extends { readonly name: string }>(one: T): T => ({ ...one, name: leading(from, one.name) });
  into.keys.push(...keys.map(led));
  // As keys: includes do not follow what is said inside.
  into.keys.push(...references.map(({ name, target }) => led({ name, first: target, second: '' })));
  into.ranges.push(...ranges.filter(({ along }) => along === undefined).map(led));
  into.texts.push(...texts.map(led));
}

/** One reference or canonical to a contained resource (`#id`), under the name of its parameter. */
interface Pointer {
  readonly name: string;
  readonly to: string;
}

const gatherers = untilDefinitionsChange<(resource: Resource) => readonly Pointer[]>();

function pointersIn(resource: Resource): readonly Pointer[] {
  const type = resource.resourceType;
  let gather = gatherers.get(type);
  if (gather === undefined) {
    gather = gathererFor(type);
    gatherers.set(type, gather);
  }
  return gather(resource);
}

/** The type of what a local reference leads to is told by the contained resource: a chain asks for it anyway. */
const typed = /\.where\(resolve\(\) is \w+\)/;

function gathererFor(type: string): (resource: Resource) => readonly Pointer[] {
  let found: Pointer[] = [];
  const visits: Visit[] = [...parametersOf(type).values()]
    .filter(({ followed }) => followed)
    .flatMap(({ name, branches }) =>
      branches.map((branch) => {
        const take = (to: unknown): void => {
          if (typeof to === 'string' && to.startsWith('#')) found.push({ name, to });
        };
        return compile(branch.replace(typed, ''), type, (place) => {
          if (place.type === 'Reference') return ({ reference }) => take(reference);
          return place.type === 'canonical' ? take : undefined;
        });
      }),
    );
  return (resource) => {
    found = [];
    for (const visit of visits) visit(resource);
    return found;
  };
}
