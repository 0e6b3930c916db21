/** The search parameters of each resource type and how they share their index entries. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { compositeApart, compositeOf, togetherOf } from './composite-parts.ts';
import { branchesFor, placesOf } from './expression.ts';
import {
  canonicalOf,
  customDefinitionsOf,
  type Definition,
  definitionsOf,
  isResourceType,
  untilDefinitionsChange,
} from './knowledge.ts';
import { ofTheEngine, type Parameter, type ParameterType } from './parameter.ts';
import type { Place } from './place.ts';

const registry = untilDefinitionsChange<ReadonlyMap<string, Parameter>>();

/** The parameters of a resource type by code, in the order of the specification; empty for an unknown type. */
export function parametersOf(type: string): ReadonlyMap<string, Parameter> {
  let parameters = registry.get(type);
  if (parameters === undefined) {
    if (!isResourceType(type)) return new Map();
    parameters = resolve(type);
    registry.set(type, parameters);
  }
  return parameters;
}

/** True for parameters of R4 whose definition gives no expression, so that nothing says what they find. */
export const lacksExpression = (type: string, code: string): boolean =>
  definitionsOf(type).some((definition) => definition.code === code && definition.expression === undefined);

function resolve(type: string): ReadonlyMap<string, Parameter> {
  const definitions = [
    ...definitionsOf(type).filter(({ expression }) => expression !== undefined),
    ...definitionsOf('Resource'),
    ...definitionsOf('DomainResource'),
  ];
  const own = new Map<string, Parameter>();
  for (const definition of definitions) {
    if (!own.has(definition.code)) own.set(definition.code, describe(type, definition));
  }
  const all = [...own.values()];
  const resolved = new Map<string, Parameter>();
  for (const parameter of all) {
    const shared = sameAs(parameter, all) ?? among(parameter, all) ?? parameter;
    resolved.set(parameter.code, shared);
  }
  for (const parameter of resolved.values()) {
    const parts = partsOf(parameter, [...resolved.values()]);
    if (parts) resolved.set(parameter.code, { ...parameter, anyOf: parts, branches: [] });
  }
  addComposites(type, definitions, own, resolved);
  // These come and go, so nothing shares entries with them.
  for (const definition of customDefinitionsOf(type)) {
    if (!resolved.has(definition.code)) resolved.set(definition.code, describeOwn(type, definition));
  }
  return resolved;
}

function describeOwn(type: string, definition: Definition): Parameter {
  const parameter = describe(type, definition);
  if (definition.type !== 'composite') return parameter;
  return { ...parameter, composite: compositeApart(type, definition, describe) };
}

function addComposites(
  type: string,
  definitions: readonly Definition[],
  own: ReadonlyMap<string, Parameter>,
  resolved: Map<string, Parameter>,
): void {
  const composites = definitions.filter((one) => resolved.get(one.code)?.type === 'composite');
  const withParts = composites.flatMap((definition) => {
    const composite = compositeOf(type, definition, [...own.values()], resolved);
    return composite ? [{ ...resolved.get(definition.code)!, composite }] : [];
  });
  for (const parameter of withParts) {
    const parts = togetherOf(parameter, withParts);
    resolved.set(parameter.code, parts ? { ...parameter, composite: undefined, anyOf: parts } : parameter);
  }
}

const pathTypesOfPlainTokens = new Set([
  'code',
  'boolean',
  'string',
  'id',
  'uri',
  'canonical',
  'ContactPoint',
  'url',
  'oid',
]);
const noSystem = 'http://hl7.org/fhir/special-values';

/** Of a place that no definition tells. */
const toldByValues: Place = { type: '', about: [], required: false };

function describe(type: string, definition: Definition): Parameter {
  const { code, expression } = definition;
  const indexed = expression !== undefined && definition.type !== 'composite' && !ofTheEngine.has(code);
  const branches = indexed ? branchesFor(type, expression) : [];
  const places = branches.map((branch) => placesOf(branch, type));
  const known = places.flatMap((found) => found ?? [toldByValues]);
  const isReference = definition.type === 'reference';
  const byCanonical = isReference && known.some((place) => place.type === 'canonical' || place.type === 'uri');
  const plain = definition.type === 'token' && known.every((place) => pathTypesOfPlainTokens.has(place.type));
  return {
    code,
    type: definition.type as ParameterType,
    definition: canonicalOf(definition),
    name: `${type}.${code}`,
    branches,
    targets: definition.type === 'reference' ? targetsOf(definition, known) : [],
    followed:
      isReference && (byCanonical || known.some((place) => place.type === 'Reference' || place === toldByValues)),
    byCanonical,
    inside: isReference && known.some((place) => place.type === 'Resource'),
    plain,
    systems: plain
      ? [...new Set(known.flatMap((place) => (place.type === 'boolean' ? [noSystem] : systemsOf(place))))]
      : [],
    required: known.length > 0 && known.some((place) => place.required),
    ...(definition.indexing !== undefined && { indexing: definition.indexing }),
  };
}

const systemsOf = (place: { type: string; about: readonly string[] }): readonly string[] =>
  place.type === 'code' ? place.about : [];

/** The targets that the element allows; the definition's list speaks of all its bases at once. */
function targetsOf(definition: Definition, places: readonly { about: readonly string[] }[]): readonly string[] {
  const allowed = new Set(places.flatMap((place) => place.about));
  return allowed.size > 0 && places.every((place) => place.about.length > 0) ? [...allowed] : (definition.target ?? []);
}

const key = (branches: readonly string[]): string => [...branches].sort().join(' | ');

/** The first parameter that always holds the same values, unless that is the parameter itself. */
function sameAs(parameter: Parameter, all: readonly Parameter[]): Parameter | undefined {
  if (parameter.branches.length === 0) return undefined;
  const values = ({ type, branches, targets }: Parameter) =>
    [type, ...[...branches].sort(), '>', ...targets].join(' | ');
  const first = all.find((one) => values(one) === values(parameter))!;
  return first === parameter ? undefined : { ...parameter, name: first.name, branches: [] };
}

/** `X.where(resolve() is T)` are the references to T among those of the parameter `X`. */
function among(parameter: Parameter, all: readonly Parameter[]): Parameter | undefined {
  if (parameter.type !== 'reference') return undefined;
  const filters = parameter.branches.map((branch) => /^(.*)\.where\(resolve\(\) is (\w+)\)$/.exec(branch));
  const only = filters[0]?.[2];
  if (only === undefined || !filters.every((filter) => filter?.[2] === only)) return undefined;
  const wanted = key(filters.map((filter) => filter![1]!));
  const wider = all.find((one) => one.type === 'reference' && key(one.branches) === wanted);
  return wider && { ...parameter, name: wider.name, only, branches: [] };
}

/** Narrower parameters of the same kind that together hold its values: `code` and `component-code` for `combo-code`. */
function partsOf(parameter: Parameter, all: readonly Parameter[]): readonly Parameter[] | undefined {
  if (parameter.branches.length < 2) return undefined;
  const mine = new Set(parameter.branches);
  const parts = all.filter(
    (one) =>
      one.type === parameter.type &&
      one.branches.length > 0 &&
      one.branches.length < mine.size &&
      one.branches.every((branch) => mine.has(branch)),
  );
  const covered = new Set(parts.flatMap((part) => part.branches));
  return covered.size === mine.size ? parts : undefined;
}
