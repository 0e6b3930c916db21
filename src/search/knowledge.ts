/** What search knows of R4: its search parameters, ours beside them, and the elements that expressions walk. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { readdirSync, readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import type { Resource } from '../fhir/references.ts';

/** A SearchParameter, cut down to what decides its meaning. */
export interface Definition {
  readonly id: string;
  readonly code: string;
  readonly base: readonly string[];
  readonly type: string;
  readonly expression?: string;
  readonly target?: readonly string[];
  /** The parts of a composite: canonical URL of each part's SearchParameter, FHIRPath from the composite's element on. */
  readonly component?: readonly DefinedComponent[];
  /** Where its definition can be read. */
  readonly url?: string;
  /** The job that indexes what was stored before this parameter came; until it is done no search may rely on its entries. */
  readonly indexing?: string;
}

export interface DefinedComponent {
  readonly definition: string;
  readonly expression: string;
  /** What that parameter was when a composite came that came at run time: it may change or go, this stays. */
  readonly is?: Pick<Definition, 'code' | 'type' | 'target'>;
}

interface Data {
  readonly parameters: readonly Definition[];
  /** By path of the parent: element name to `!code(system)`, `Reference(Patient,Group)`, `#Observation.component`; `!` is required. */
  readonly elements: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const dataFile = new URL('../fhir/r4/search-parameters.json.zst', import.meta.url);
const capability = new URL('../../capability/', import.meta.url);

/** The prefix that canonical URLs of our own have in the files under capability/. */
const writtenCanonical = 'https://example.org/fhir';

let data: Data | undefined;
const load = (): Data => (data ??= JSON.parse(zstdDecompressSync(readFileSync(dataFile)).toString()));

/** Our own SearchParameter resources as they are published, their canonical URLs under `canonical`. */
export function ownSearchParameters(canonical: string = writtenCanonical): readonly Resource[] {
  return readdirSync(capability)
    .filter((file) => /^SearchParameter-.*\.json$/.test(file))
    .sort()
    .map((file) =>
      readFileSync(new URL(file, capability), 'utf8').replaceAll(`"${writtenCanonical}/`, `"${canonical}/`),
    )
    .map((text) => JSON.parse(text));
}

/** R4's definitions before ours. */
let all: readonly Definition[] | undefined;
const definitions = (): readonly Definition[] =>
  (all ??= [...load().parameters, ...(ownSearchParameters() as unknown as Definition[])]);

/** The canonical URL of a definition; the data leaves it out where the id says it. */
export const canonicalOf = ({ id, url }: Definition): string => url ?? `http://hl7.org/fhir/SearchParameter/${id}`;

let byBase: ReadonlyMap<string, readonly Definition[]> | undefined;

/** All definitions that name this base (a resource type, `Resource` or `DomainResource`), R4's before ours. */
export function definitionsOf(base: string): readonly Definition[] {
  byBase ??= groupByBase(definitions());
  return byBase.get(base) ?? [];
}

let custom: ReadonlyMap<string, readonly Definition[]> = new Map();

/** Definitions that were created while the server runs, of this resource type. */
export const customDefinitionsOf = (type: string): readonly Definition[] => custom.get(type) ?? [];

/** R4's definitions and ours, those of every base, that have this canonical URL. */
export const definitionsWithUrl = (url: string): readonly Definition[] =>
  definitions().filter((one) => canonicalOf(one) === url);

const workedOut: Map<string, unknown>[] = [];
let generation = 0;

/** A map for what is worked out of the definitions by type: emptied whenever those change. Call it once per module. */
export function untilDefinitionsChange<V>(): Map<string, V> {
  const map = new Map<string, V>();
  workedOut.push(map);
  return map;
}

/** Rises whenever the definitions change: what was extracted under another number must be extracted again. */
export const definitionsGeneration = (): number => generation;

/** Replaces all definitions that were created while the server runs; one set for the whole process. */
export function setCustomDefinitions(created: readonly Definition[]): void {
  custom = groupByBase(created);
  generation++;
  for (const map of workedOut) map.clear();
}

function groupByBase(definitions: readonly Definition[]): ReadonlyMap<string, readonly Definition[]> {
  const groups = new Map<string, Definition[]>();
  for (const definition of definitions) {
    for (const base of definition.base) {
      const group = groups.get(base);
      if (group) group.push(definition);
      else groups.set(base, [definition]);
    }
  }
  return groups;
}

/** One type that an element may have. */
export interface ElementType {
  /** The JSON property that holds it: `valueQuantity` for the element `value[x]`. */
  readonly property: string;
  /** `Quantity`, `code`, or the path of a backbone element. */
  readonly type: string;
  /** Target types of a Reference, code systems of a code. */
  readonly about: readonly string[];
  readonly required: boolean;
}

/** The types of an element of a datatype, resource or backbone element; empty when there is no such element. */
export function elementTypes(parent: string, name: string): readonly ElementType[] {
  const elements = load().elements[parent];
  if (elements === undefined || !Object.hasOwn(elements, name)) {
    const choice =
      elements !== undefined && Object.hasOwn(elements, `${name}[x]`) ? elements[`${name}[x]`]! : undefined;
    return choice === undefined ? [] : parse(choice, (type) => name + type[0]!.toUpperCase() + type.slice(1));
  }
  return parse(elements[name]!, () => name);
}

/** The type that a choice has under a property named with it: `valueQuantity` of the element `value[x]`. */
export function choiceAt(parent: string, property: string): ElementType | undefined {
  for (const { index } of property.matchAll(/[A-Z]/g)) {
    const choice = elementTypes(parent, property.slice(0, index)).find((one) => one.property === property);
    if (choice) return choice;
  }
  return undefined;
}

function parse(text: string, property: (type: string) => string): readonly ElementType[] {
  const required = text.startsWith('!');
  return (required ? text.slice(1) : text).split(' ').map((one) => {
    const [, type, about] = /^#?([^(]+)(?:\((.*)\))?$/.exec(one)!;
    return { property: property(type!), type: type!, about: about?.split(',') ?? [], required };
  });
}

/** True for the names of resource types that can be stored. */
export const isResourceType = (name: string): boolean =>
  Object.hasOwn(load().elements, name) && Object.hasOwn(load().elements[name]!, 'implicitRules') && !abstract.has(name);
const abstract = new Set(['Resource', 'DomainResource']);
