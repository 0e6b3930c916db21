/** Checks a Reference: its form, the type it points to, and that a contained resource is there. https://hl7.org/fhir/R4/references.html */
import { resourceTypes } from '../fhir/definitions.ts';
import { keyOf } from '../fhir/references.ts';
import { fault, type Run } from './run.ts';

const longestReference = 8192;

/** `targets` absent: any resource type. What the literal does not tell is taken on trust. */
export function checkReference(value: any, targets: ReadonlySet<string> | undefined, run: Run): void {
  const { reference, type } = value;
  const named = typeof reference === 'string' ? literalType(reference, run) : undefined;
  const said = typeof type === 'string' && resourceTypes.has(type) ? type : undefined;
  if (named !== undefined && said !== undefined && named !== said)
    fault(run, 'value', 'the type of a reference must be the type that it points to', 'type');
  const wrong = [named, said].find((target) => target !== undefined && targets !== undefined && !targets.has(target));
  if (wrong !== undefined)
    fault(run, 'value', `must not refer to ${wrong}`, named === undefined ? 'type' : 'reference');
}

/** The resource type that a reference points to; undefined when it does not say. Reports what is malformed. */
function literalType(reference: string, run: Run): string | undefined {
  if (reference === '' || reference.length > longestReference) {
    if (reference !== '') fault(run, 'value', 'a reference must not be that long', 'reference');
    return undefined;
  }
  if (reference[0] === '#') return containedType(reference.slice(1), run);
  const key = keyOf(reference);
  if (key) return knownType(key.type, run);
  if (/^[a-z][a-z0-9+.-]*:/i.test(reference)) return absoluteType(reference);
  const search = /^([A-Z][A-Za-z]{1,63})\?/.exec(reference);
  if (search && run.searches) return knownType(search[1]!, run);
  fault(run, 'value', 'a reference must be Type/id, an absolute URL, a urn or #id', 'reference');
  return undefined;
}

function knownType(type: string, run: Run): string | undefined {
  if (resourceTypes.has(type)) return type;
  fault(run, 'value', 'a reference must name a resource type of R4', 'reference');
  return undefined;
}

function absoluteType(reference: string): string | undefined {
  if (!/^https?:/i.test(reference)) return undefined;
  const parts = reference.split('/');
  const at = parts.at(-2) === '_history' ? parts.length - 4 : parts.length - 2;
  const type = parts[at];
  return at > 2 && type !== undefined && resourceTypes.has(type) ? type : undefined;
}

function containedType(id: string, run: Run): string | undefined {
  if (id === '') return run.resource === run.root ? undefined : run.root?.resourceType;
  const contained = run.root?.contained;
  const target = Array.isArray(contained) ? containedById(contained).get(id) : undefined;
  if (target === undefined)
    fault(run, 'invariant', 'refers to a contained resource that is not there (ref-1)', 'reference');
  return typeof target?.resourceType === 'string' && resourceTypes.has(target.resourceType)
    ? target.resourceType
    : undefined;
}

const indexes = new WeakMap<readonly any[], ReadonlyMap<unknown, any>>();

/** One index for all references of a resource: many references into many contained ones stay linear. */
function containedById(contained: readonly any[]): ReadonlyMap<unknown, any> {
  let index = indexes.get(contained);
  if (!index) indexes.set(contained, (index = new Map(contained.map((resource) => [resource?.id, resource]))));
  return index;
}
