/** Which concepts of a code system a filter of a value set selects. https://hl7.org/fhir/R4/valueset-filter-operator.html */
import { NotExpandable } from './codes.ts';
import { above, below, type Concept, type Concepts } from './hierarchy.ts';

/** ValueSet.compose.include.filter */
export interface Filter {
  readonly property: string;
  readonly op: string;
  readonly value: string;
}

type Test = (concept: Concept) => boolean;

/** The filter as a test of concepts. Throws NotExpandable for what it cannot decide; `path` is where the filter stands. */
export function selects(concepts: Concepts, { property, op, value }: Filter, path: string): Test {
  const isConcept = property === 'concept' || property === 'code';
  switch (op) {
    case 'is-a':
    case 'descendent-of':
    case 'is-not-a':
    case 'generalizes':
      if (!isConcept) throw new NotExpandable(`applies ${op} to a property of concepts at ${path}`);
      return byHierarchy(concepts, op, value);
    case 'exists': {
      if (value !== 'true' && value !== 'false') throw new NotExpandable(`has neither true nor false at ${path}.value`);
      const values = valuesOf(concepts, property, path, false);
      return (concept) => values(concept).length > 0 === (value === 'true');
    }
    case '=':
    case 'in':
    case 'not-in': {
      const wanted = op === '=' ? [value] : value.split(',').map((one) => one.trim());
      const values = valuesOf(concepts, property, path, true);
      const holds: Test = (concept) => values(concept).some((one) => wanted.some((text) => isSame(one, text)));
      return op === 'not-in' ? (concept) => !holds(concept) : holds;
    }
    default:
      throw new NotExpandable(`has a filter that is not supported at ${path}.op`); // regex among them: no input becomes one
  }
}

function byHierarchy(concepts: Concepts, op: string, value: string): Test {
  const reached = op === 'generalizes' ? above(concepts, value) : below(concepts, value);
  switch (op) {
    case 'is-not-a':
      return ({ code }) => !reached.has(code);
    case 'descendent-of':
      return ({ code }) => code !== value && reached.has(code);
    default:
      return ({ code }) => reached.has(code);
  }
}

type Value = string | number | boolean;

/** Booleans that R4 says are false where a concept does not have them. https://hl7.org/fhir/R4/codesystem-concept-properties.html */
const usuallyFalse = new Set(['inactive', 'notSelectable']);

function valuesOf(
  concepts: Concepts,
  property: string,
  path: string,
  withDefault: boolean,
): (concept: Concept) => readonly Value[] {
  const role = concepts.roleOf(property);
  if (role === 'parent') return ({ code }) => [...(concepts.parents.get(code) ?? [])];
  if (role === 'child') return ({ code }) => [...(concepts.children.get(code) ?? [])];
  if (!concepts.declares(property)) {
    if (property === 'concept' || property === 'code') return ({ code }) => [code];
    if (!usuallyFalse.has(property)) {
      throw new NotExpandable(`names a property that its CodeSystem does not declare at ${path}.property`);
    }
  }
  return (concept) => {
    const held = (concept.property ?? []).filter(({ code }) => code === property).map((one) => readValue(one, path));
    return held.length === 0 && withDefault && usuallyFalse.has(role) ? [false] : held;
  };
}

function readValue(property: any, path: string): Value {
  const [value] = ['Code', 'String', 'Integer', 'Boolean', 'DateTime', 'Decimal']
    .map((type) => property[`value${type}`])
    .filter((one) => one !== undefined);
  if (value === undefined) throw new NotExpandable(`tests a property whose type is not supported at ${path}.property`);
  return value;
}

const isSame = (value: Value, text: string): boolean =>
  typeof value === 'number'
    ? /^[+-]?\d{1,40}(?:\.\d{1,40})?$/.test(text) && Number(text) === value
    : String(value) === text;

/** Concepts no longer in use: `inactive` is true, or `status` says so. Deprecated ones are still active. */
export function isInactive(concepts: Concepts, concept: Concept): boolean {
  return (concept.property ?? []).some((property) => {
    const role = concepts.roleOf(property.code);
    if (role === 'inactive') return property.valueBoolean === true || property.valueCode === 'true';
    return role === 'status' && (property.valueCode === 'retired' || property.valueCode === 'inactive');
  });
}
