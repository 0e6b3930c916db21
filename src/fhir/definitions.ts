/** What R4 says of every resource and datatype: elements, types, bindings, constraints; read once, parsed type by type. https://hl7.org/fhir/R4/structuredefinition.html */
import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';

/** One allowed type of an element. */
export interface TypeRule {
  /** Datatype or resource type; `BackboneElement` and `Element` have their children in the same structure. */
  readonly code: string;
  /** Resource types that a Reference may point to; absent when any may be. */
  readonly targets?: readonly string[];
}

/** One element of a structure; what is absent is the usual: min 0, max 1, no binding. */
export interface ElementRule {
  /** Path with slice names, such as `Observation.component:SystolicBP.code`. */
  readonly id: string;
  readonly min?: number;
  readonly max?: string;
  readonly types?: readonly TypeRule[];
  /** Value set of a required binding. */
  readonly binding?: string;
  /** Path of the element whose content this one has. */
  readonly same?: string;
  /** Key, FHIRPath, sentence; only those of severity error that are not true of every element alike. */
  readonly constraints?: readonly (readonly [string, string, string?])[];
  readonly fixed?: unknown;
  readonly pattern?: unknown;
  readonly slicing?: { readonly by: readonly (readonly [string, string])[]; readonly rules: string };
  readonly modifier?: boolean;
  /** Stays where `_summary=true` asks for the short form. */
  readonly summary?: boolean;
}

/** A StructureDefinition, cut down. Elements are in the order of the specification, the first is the whole. */
export interface Structure {
  readonly url: string;
  readonly type: string;
  readonly kind: 'resource' | 'complex-type' | 'primitive-type';
  readonly abstract?: boolean;
  readonly base?: string;
  readonly elements: readonly ElementRule[];
}

const unpacked = (file: string): string =>
  zstdDecompressSync(readFileSync(new URL(`r4/${file}`, import.meta.url))).toString();

/** Each line: `resource`, `type` or `profile`, a name, the structure as JSON. */
const lines = unpacked('structures.zst')
  .split('\n')
  .map((line) => {
    const [kind, name] = line.split(' ', 2) as [string, string];
    return { kind, name, text: line.slice(kind.length + name.length + 2) };
  });

const texts = new Map(lines.map(({ name, text }) => [name, text]));
const parsed = new Map<string, Structure>();

/** The concrete resource types of R4, such as `Patient`, `Bundle` and `Parameters`. */
export const resourceTypes: ReadonlySet<string> = new Set(
  lines.filter(({ kind }) => kind === 'resource').map(({ name }) => name),
);

/** All names that `structureOf` knows: resource types, datatypes, the vital signs profiles by their id. */
export const structureNames: readonly string[] = lines.map(({ name }) => name);

/** Ids of the vital signs profiles. */
export const vitalSignsProfiles: readonly string[] = lines
  .filter(({ kind }) => kind === 'profile')
  .map(({ name }) => name);

/** The structure of that name; undefined for a name that R4 does not have. Parsed at its first use. */
export function structureOf(name: string): Structure | undefined {
  const known = parsed.get(name);
  if (known) return known;
  const text = texts.get(name);
  if (text === undefined) return undefined;
  const structure: Structure = JSON.parse(text);
  parsed.set(name, structure);
  return structure;
}

let valueSets: ReadonlyMap<string, Readonly<Record<string, readonly string[]>>> | undefined;

/** The codes of a value set with a required binding, by code system; undefined where the set cannot be listed. */
export function codesOf(valueSet: string): Readonly<Record<string, readonly string[]>> | undefined {
  valueSets ??= new Map(Object.entries(JSON.parse(unpacked('value-sets.json.zst'))));
  return valueSets.get(valueSet);
}
