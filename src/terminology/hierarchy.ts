/** The concepts of a code system and which subsume which: nested ones, and those that `parent` and `child` name. https://hl7.org/fhir/R4/codesystem.html#hierarchy */
import type { Resource } from '../fhir/references.ts';
import { type Code, mostCodes, NotExpandable } from './codes.ts';

/** A concept as it stands in the resource; `property` are those of CodeSystem.concept. */
export interface Concept {
  readonly code: string;
  readonly property?: readonly any[];
}

/** A code system that is known wholly. */
export interface Concepts {
  readonly system: string;
  /** By code, in the order of the resource. */
  readonly all: ReadonlyMap<string, Concept>;
  readonly parents: ReadonlyMap<string, ReadonlySet<string>>;
  readonly children: ReadonlyMap<string, ReadonlySet<string>>;
  /** What a property code means: `parent`, `child`, `inactive` ... by its uri, else by its name. */
  roleOf(property: string): string;
  /** Whether the code system says that it has this property. */
  declares(property: string): boolean;
  /** Parents and children are more general and more special; otherwise they are parts, groups, classes. */
  readonly subsumes: boolean;
}

const standardProperties = 'http://hl7.org/fhir/concept-properties#';
/** As v3 code systems name a further parent. */
const otherNames: Readonly<Record<string, string>> = { subsumedBy: 'parent' };

/** Reads a CodeSystem. Throws NotExpandable unless all of its concepts are there. */
export function conceptsOf(codeSystem: Resource): Concepts {
  if (codeSystem.content !== 'complete') throw new NotExpandable('needs a CodeSystem whose content is not complete');
  if (codeSystem.compositional === true) throw new NotExpandable('needs a CodeSystem whose codes can be composed');
  if (codeSystem.modifierExtension) throw new NotExpandable('needs a CodeSystem with a modifierExtension');
  const declared = new Map<string, string>(
    (codeSystem.property ?? []).map(({ code, uri }: any) => [code, typeof uri === 'string' ? uri : '']),
  );
  const roleOf = (property: string): string => {
    const uri = declared.get(property) ?? '';
    const name = uri.startsWith(standardProperties) ? uri.slice(standardProperties.length) : property;
    return otherNames[name] ?? name;
  };
  const edges = gather(codeSystem.concept ?? [], roleOf);
  for (const code of [...edges.parents.keys(), ...edges.children.keys()]) {
    if (!edges.all.has(code))
      throw new NotExpandable('needs a CodeSystem that names a parent or child it does not hold');
  }
  return {
    ...edges,
    system: String(codeSystem.url),
    roleOf,
    declares: (property) => declared.has(property),
    subsumes: codeSystem.hierarchyMeaning === undefined || codeSystem.hierarchyMeaning === 'is-a',
  };
}

function gather(top: readonly any[], roleOf: (property: string) => string) {
  const all = new Map<string, Concept>();
  const parents = new Map<string, Set<string>>();
  const children = new Map<string, Set<string>>();
  const link = (parent: string, child: string): void => {
    into(parents, child).add(parent);
    into(children, parent).add(child);
  };
  const open: { concept: any; parent?: string }[] = [...top].reverse().map((concept) => ({ concept }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { concept, parent } = next;
    const code: string = concept.code;
    if (all.has(code)) throw new NotExpandable('needs a CodeSystem that holds a code twice');
    all.set(code, concept);
    if (parent !== undefined) link(parent, code);
    for (const property of concept.property ?? []) {
      const other = property.valueCode;
      if (typeof other !== 'string') continue;
      if (roleOf(property.code) === 'parent') link(other, code);
      if (roleOf(property.code) === 'child') link(code, other);
    }
    for (const child of [...(concept.concept ?? [])].reverse()) open.push({ concept: child, parent: code });
  }
  return { all, parents, children };
}

function into(map: Map<string, Set<string>>, key: string): Set<string> {
  const held = map.get(key) ?? new Set();
  map.set(key, held);
  return held;
}

/** The code and all that it subsumes. Throws NotExpandable where the code system does not tell. */
export const below = (concepts: Concepts, code: string): ReadonlySet<string> =>
  reach(concepts, code, concepts.children);

/** The code and all that subsume it. Throws NotExpandable where the code system does not tell. */
export const above = (concepts: Concepts, code: string): ReadonlySet<string> => reach(concepts, code, concepts.parents);

function reach({ all, subsumes }: Concepts, start: string, edges: Concepts['children']): ReadonlySet<string> {
  if (!all.has(start)) throw new NotExpandable('names a code that its CodeSystem does not hold');
  if (!subsumes) throw new NotExpandable('needs a CodeSystem whose hierarchyMeaning is is-a');
  const reached = new Set([start]);
  for (const code of reached) {
    for (const next of edges.get(code) ?? []) {
      if (next === start) throw new NotExpandable('needs a CodeSystem whose hierarchy has a cycle');
      reached.add(next);
    }
  }
  return reached;
}

/** The codes that a token `:below` (or `:above`) a code of this CodeSystem means, the code among them. */
export function related(codeSystem: Resource, modifier: 'above' | 'below', code: string): readonly Code[] {
  const concepts = conceptsOf(codeSystem);
  const codes = modifier === 'below' ? below(concepts, code) : above(concepts, code);
  if (codes.size > mostCodes) throw new NotExpandable(`means more than ${mostCodes} codes`, 'too-costly');
  return [...codes].map((one) => ({ system: concepts.system, code: one }));
}
