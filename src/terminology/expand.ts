/** The codes of a ValueSet: all of them, or a refusal that says why not. https://hl7.org/fhir/R4/valueset.html#compositions */
import type { Resource } from '../fhir/references.ts';
import { type Code, type Find, mostCodes, NotExpandable } from './codes.ts';
import { storedExpansion } from './expansion.ts';
import { isInactive, selects } from './filters.ts';
import { type Concepts, conceptsOf } from './hierarchy.ts';

/** By system and code; a blank stands in no URI. */
type Members = Map<string, Code>;
const keyOf = ({ system, code }: Code): string => `${system} ${code}`;
const membersOf = (codes: Iterable<Code>): Members => {
  const members: Members = new Map();
  for (const code of codes) add(members, code);
  return members;
};
function add(members: Members, code: Code): void {
  members.set(keyOf(code), code);
  if (members.size > mostCodes) throw new NotExpandable(`has more than ${mostCodes} codes`, 'too-costly');
}

/** Value sets that one expansion may go through, each as often as it is imported. */
const mostImports = 100;

/** What one expansion goes through. */
interface Walk {
  readonly find: Find;
  /** Value sets that are being expanded, the outermost first. */
  readonly within: readonly Resource[];
  readonly budget: { imports: number };
  readonly systems: Map<string, Concepts>;
}

/**
 * All codes of the value set, by its definition, or by its stored expansion where it has no definition. `find` hands over the
 * resources that it refers to. Throws NotExpandable (not-supported, too-costly) rather than give a part.
 */
export async function expandValueSet(valueSet: Resource, find: Find): Promise<readonly Code[]> {
  const walk: Walk = { find, within: [], budget: { imports: mostImports }, systems: new Map() };
  return [...(await expanded(valueSet, walk)).values()];
}

async function expanded(valueSet: Resource, outer: Walk): Promise<Members> {
  if (outer.within.some((one) => isSameSet(one, valueSet))) throw new NotExpandable('imports itself');
  if (outer.budget.imports-- <= 0) throw new NotExpandable(`imports more than ${mostImports} value sets`, 'too-costly');
  if (valueSet.modifierExtension) throw new NotExpandable('has a modifierExtension');
  const { compose } = valueSet;
  if (compose === undefined) return membersOf(storedExpansion(valueSet));
  if (compose.modifierExtension) throw new NotExpandable('has a modifierExtension in ValueSet.compose');
  const walk: Walk = { ...outer, within: [...outer.within, valueSet] };
  const members: Members = new Map();
  for (const [at, include] of (compose.include ?? []).entries()) {
    for (const code of (await selected(include, compose, `ValueSet.compose.include[${at}]`, walk)).values()) {
      add(members, code);
    }
  }
  for (const [at, exclude] of (compose.exclude ?? []).entries()) {
    const excluded = await selected(exclude, compose, `ValueSet.compose.exclude[${at}]`, walk);
    for (const key of excluded.keys()) members.delete(key);
  }
  return compose.inactive === false ? activeOf(members, walk) : members;
}

/** One object, or the same version of one url. */
const isSameSet = (a: Resource, b: Resource): boolean =>
  a === b || (a.url !== undefined && a.url === b.url && a.version === b.version);

/** What fulfils all conditions of one include or exclude. */
async function selected(rule: any, compose: any, path: string, walk: Walk): Promise<Members> {
  const { system, version, concept, filter, valueSet: imports = [] } = rule;
  if (rule.modifierExtension) throw new NotExpandable(`has a modifierExtension at ${path}`);
  if (system === undefined && (imports.length === 0 || concept || filter)) {
    throw new NotExpandable(`has no system at ${path}`);
  }
  if (concept && filter) throw new NotExpandable(`has both concepts and filters at ${path}`);
  const others: Members[] = [];
  for (const [at, canonical] of imports.entries()) {
    const where = `${path}.valueSet[${at}]`;
    const isPinned = typeof canonical === 'string' && canonical.includes('|');
    if (compose.lockedDate !== undefined && !isPinned) throw locked(where);
    const imported = typeof canonical === 'string' ? await walk.find('ValueSet', canonical) : undefined;
    if (imported === undefined) throw new NotExpandable(`imports a ValueSet that is not known here at ${where}`);
    others.push(await expanded(imported, walk));
  }
  let first = others.shift();
  if (system !== undefined) {
    if (first) others.push(first);
    if (!concept && compose.lockedDate !== undefined && version === undefined) throw locked(`${path}.system`);
    const codes: Iterable<string> = concept
      ? concept.map((one: any) => one.code)
      : filtered(await systemOf(system, version, path, walk), filter ?? [], path);
    first = new Map();
    for (const code of codes) {
      const key = keyOf({ system, code });
      if (others.every((other) => other.has(key))) add(first, { system, code });
    }
    return first;
  }
  return new Map([...first!].filter(([key]) => others.every((other) => other.has(key))));
}

const locked = (path: string): NotExpandable => new NotExpandable(`has a lockedDate and names no version at ${path}`);

function* filtered(concepts: Concepts, filters: readonly any[], path: string): Iterable<string> {
  const tests = filters.map((filter, at) => selects(concepts, filter, `${path}.filter[${at}]`));
  for (const concept of concepts.all.values()) if (tests.every((test) => test(concept))) yield concept.code;
}

async function systemOf(system: string, version: string | undefined, path: string, walk: Walk): Promise<Concepts> {
  if (version === '*') throw new NotExpandable(`asks for all versions of a CodeSystem at ${path}.version`);
  const canonical = version === undefined ? system : `${system}|${version}`;
  const known = walk.systems.get(canonical);
  if (known) return known;
  const codeSystem = await walk.find('CodeSystem', canonical);
  if (codeSystem === undefined) throw new NotExpandable(`needs a CodeSystem that is not known here at ${path}`);
  const concepts = conceptsOf(codeSystem);
  walk.systems.set(canonical, concepts);
  return concepts;
}

async function activeOf(members: Members, walk: Walk): Promise<Members> {
  const active: Members = new Map();
  for (const [key, member] of members) {
    const concepts = await systemOf(member.system, undefined, 'ValueSet.compose.inactive', walk);
    const concept = concepts.all.get(member.code);
    if (concept === undefined || !isInactive(concepts, concept)) active.set(key, member);
  }
  return active;
}
