/** Checks a Reference: its form, the type it points to, and that a contained resource is there. https://hl7.org/fhir/R4/references.html */
import { resourceTypes } from '../fhir/definitions.ts';
import { keyOf } from '../fhir/references.ts';
import { fault, type Run } from './run.ts';

/** What a literal reference tells: the type that it points to, or what is wrong with it. */
interface Literal {
  readonly type?: string;
  readonly wrong?: string;
  readonly isDangling?: boolean;
}

const longestReference = 8192;

/** `targets` absent: any resource type. What the literal does not tell is taken on trust. */
export function checkReference(value: any, targets: ReadonlySet<string> | undefined, run: Run): void {
  const { reference, type } = value;
  const literal = typeof reference === 'string' && reference !== '' ? literalOf(reference, run) : nothing;
  if (literal.wrong !== undefined) fault(run, literal.isDangling ? 'invariant' : 'value', literal.wrong, 'reference');
  if (literal.type !== undefined && typeof type === 'string' && resourceTypes.has(type) && literal.type !== type)
    fault(run, 'value', 'the type of a reference must be the type that it points to', 'type');
  if (targets !== undefined) reportTarget(value, literal, targets, run);
}

/** Only whether a Reference points to one of these types, for profiles that allow fewer than R4 does. */
export function checkTargets(value: any, targets: ReadonlySet<string>, run: Run): void {
  const { reference } = value;
  reportTarget(value, typeof reference === 'string' ? literalOf(reference, run) : nothing, targets, run);
}

function reportTarget({ type }: any, literal: Literal, targets: ReadonlySet<string>, run: Run): void {
  const isWrong = (target: unknown): target is string =>
    typeof target === 'string' && resourceTypes.has(target) && !targets.has(target);
  if (isWrong(literal.type)) fault(run, 'value', `must not refer to ${literal.type}`, 'reference');
  else if (isWrong(type)) fault(run, 'value', `must not refer to ${type}`, 'type');
}

const nothing: Literal = {};

function literalOf(reference: string, run: Run): Literal {
  if (reference.length > longestReference) return { wrong: 'a reference must not be that long' };
  if (reference[0] === '#') return containedLiteral(reference.slice(1), run);
  const key = keyOf(reference);
  if (key) return ofType(key.type);
  if (/^[a-z][a-z0-9+.-]*:/i.test(reference)) return absoluteLiteral(reference);
  const search = run.searches ? /^([A-Z][A-Za-z]{1,63})\?/.exec(reference) : null;
  return search ? ofType(search[1]!) : { wrong: 'a reference must be Type/id, an absolute URL, a urn or #id' };
}

const ofType = (type: string): Literal =>
  resourceTypes.has(type) ? { type } : { wrong: 'a reference must name a resource type of R4' };

function absoluteLiteral(reference: string): Literal {
  for (let i = 0; i < reference.length; i++)
    if (reference.charCodeAt(i) <= 0x20) return { wrong: 'a reference must not hold white space' };
  if (!/^https?:/i.test(reference)) return nothing;
  const parts = reference.split('/');
  const at = parts.at(-2) === '_history' ? parts.length - 4 : parts.length - 2;
  const type = parts[at];
  return at > 2 && type !== undefined && resourceTypes.has(type) ? { type } : nothing;
}

function containedLiteral(id: string, run: Run): Literal {
  if (id === '') return run.resource === run.root ? nothing : { type: run.root?.resourceType };
  const contained = run.root?.contained;
  const target = Array.isArray(contained) ? containedById(contained).get(id) : undefined;
  if (target === undefined)
    return { wrong: 'refers to a contained resource that is not there (ref-1)', isDangling: true };
  return typeof target?.resourceType === 'string' ? { type: target.resourceType } : nothing;
}

const indexes = new WeakMap<readonly any[], ReadonlyMap<unknown, any>>();

/** One index for all references of a resource: many references into many contained ones stay linear. */
function containedById(contained: readonly any[]): ReadonlyMap<unknown, any> {
  let index = indexes.get(contained);
  if (!index) indexes.set(contained, (index = new Map(contained.map((resource) => [resource?.id, resource]))));
  return index;
}
