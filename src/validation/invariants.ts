/** Constraints as rules: compiled from their FHIRPath, or written here where that is clearer, faster or the only way. https://hl7.org/fhir/R4/conformance-rules.html#constraints */
import { structureOf } from '../fhir/definitions.ts';
import { keyFor } from './elements.ts';
import { compileConstraint, type Naming } from './fhirpath.ts';
import { compared, keyOfValue, Unsupported } from './fhirpath-values.ts';
import type { Run } from './run.ts';
import type { Rule } from './shape.ts';

/** Key, FHIRPath, sentence. */
export type Constraint = readonly [string, string, string?];

type Holds = (value: any, run: Run) => boolean;

/** The rule of a constraint on a structure of that type; undefined when it cannot be broken or cannot be told. */
export function ruleOf([key, expression, human]: Constraint, type: string): Rule | undefined {
  if (notTold.has(key)) return undefined;
  const holds = written.get(key) ?? compiled(expression, type);
  return holds && { key, words: sentence(human ?? 'breaks a constraint'), holds };
}

const sentence = (human: string): string => human.replace(/\s+/g, ' ').trim().replace(/\.$/, '');

const cache = new Map<string, Holds | undefined>();

function compiled(expression: string, type: string): Holds | undefined {
  const id = `${type} ${expression}`;
  if (!cache.has(id)) cache.set(id, compile(expression, type));
  return cache.get(id);
}

function compile(expression: string, type: string): Holds | undefined {
  try {
    const holds = compileConstraint(expression, namingOf(type));
    return (value, run) => holds(value, run.resource);
  } catch (error) {
    if (error instanceof Unsupported) return undefined;
    throw error;
  }
}

/** Elements of several types, by the structure they stand in. */
function namingOf(type: string): Naming {
  const choices = new Map<string, string[]>();
  for (const name of new Set([type, 'ElementDefinition', 'Extension'])) {
    for (const { id, types } of structureOf(name)?.elements ?? []) {
      if (!id.endsWith('[x]')) continue;
      const base = id.slice(id.lastIndexOf('.') + 1, -3);
      const keys = (types ?? []).map(({ code }) => keyFor(base, code));
      choices.set(base, [...new Set([...(choices.get(base) ?? []), ...keys])]);
    }
  }
  return (name) => [name, ...(choices.get(name) ?? [])];
}

/** Misspelt in R4 so that they mean nothing, or about resources elsewhere. */
const notTold: ReadonlySet<string> = new Set(['ig-1', 'ig-2', 'ctm-1', 'ref-1', 'sdf-19']);

const list = (value: unknown): readonly any[] => (Array.isArray(value) ? value : []);
const isDistinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

function within(value: any, name: string, found: unknown[] = []): unknown[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const key in value) {
    if (key === name && typeof value[key] === 'string') found.push(value[key]);
    else within(value[key], name, found);
  }
  return found;
}

function codesWithin(concepts: unknown, found: unknown[] = []): unknown[] {
  for (const concept of list(concepts)) {
    if (concept?.code !== undefined) found.push(concept.code);
    codesWithin(concept?.concept, found);
  }
  return found;
}

const inOrder = (a: any, b: any): boolean => a === undefined || b === undefined || (compared(a, b) ?? 0) <= 0;

const specialPathChars = /[\s,:;'"/|?!@#$%&*(){}]/;

const written: ReadonlyMap<string, Holds> = new Map<string, Holds>([
  ['per-1', ({ start, end }) => inOrder(start, end)],
  ['rng-2', ({ low, high }) => inOrder(low, high)],
  ['obs-7', (observation) => withoutOwnCode(observation)],
  ['csd-1', ({ concept }) => isDistinct(codesWithin(concept))],
  ['que-2', ({ item }) => isDistinct(within(item, 'linkId'))],
  // As R4 writes these two, they would come out empty, and so broken, where the element they speak of is absent.
  ['bdl-8', ({ fullUrl }) => typeof fullUrl !== 'string' || !fullUrl.includes('/_history/')],
  ['ras-2', ({ probabilityDecimal }) => typeof probabilityDecimal !== 'number' || probabilityDecimal <= 100],
  ['vs-1', (effective) => typeof effective !== 'string' || effective.length >= 8],
  ['eld-2', ({ min, max }) => typeof min !== 'number' || typeof max !== 'string' || max === '*' || min <= Number(max)],
  ['eld-16', ({ sliceName }) => typeof sliceName !== 'string' || /^[a-zA-Z0-9/\-_[\]@]+$/.test(sliceName)],
  ['eld-19', ({ path }) => typeof path !== 'string' || isPath(path)],
  ['sdf-8', (snapshot, run) => isUnder(snapshot, snapshot?.element?.[0]?.path, run)],
  ['sdf-8a', (differential, run) => isUnder(differential, firstPart(differential?.element?.[0]?.path), run)],
]);

const longestPath = 4096;

const isPath = (path: string): boolean => path.length <= longestPath && path.split('.').every(isPathPart);

const isPathPart = (part: string, index: number): boolean => {
  const name = index === 0 ? part : part.replace(/^([^:[]{1,64})(\[x\])?(:\S+)?$/, '$1');
  return name.length >= 1 && name.length <= 64 && !specialPathChars.test(name);
};

const firstPart = (path: unknown): unknown => (typeof path === 'string' ? path.split('.', 1)[0] : path);

/** A logical model may begin with any name, others with their type; the rest of the elements stand under the first. */
function isUnder(part: any, prefix: unknown, { resource }: Run): boolean {
  const [first, ...rest] = list(part?.element);
  if (typeof prefix !== 'string' || typeof first?.path !== 'string') return true;
  if (resource.kind !== 'logical' && prefix !== resource.type) return false;
  return rest.every((element) => typeof element?.path !== 'string' || element.path.startsWith(`${prefix}.`));
}

/** obs-7 */
function withoutOwnCode(observation: any): boolean {
  const components = list(observation.component);
  if (components.length === 0 || !hasValue(observation)) return true;
  const own = new Set(list(observation.code?.coding).map(keyOfValue));
  return !components.some((component) => list(component?.code?.coding).some((coding) => own.has(keyOfValue(coding))));
}

function hasValue(observation: any): boolean {
  for (const key in observation) if (/^_?value[A-Z]/.test(key)) return true;
  return false;
}
