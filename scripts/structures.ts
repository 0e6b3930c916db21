/** Cuts StructureDefinitions and ValueSets down to what validation reads. https://hl7.org/fhir/R4/structuredefinition.html */
import type { ElementRule, Structure, TypeRule } from '../src/fhir/definitions.ts';

const coreUrl = 'http://hl7.org/fhir/StructureDefinition/';

/** Written by hand in src/validation, for every element or every resource alike. */
const generic: ReadonlySet<string> = new Set(['ele-1', 'ext-1', 'dom-2', 'dom-3', 'dom-4', 'dom-5', 'txt-1', 'txt-2']);

/** A StructureDefinition with a snapshot, as validation reads it. */
export function cut(definition: any): Structure {
  return {
    url: definition.url,
    type: definition.type,
    kind: definition.kind,
    ...(definition.abstract ? { abstract: true } : {}),
    ...(definition.baseDefinition ? { base: definition.baseDefinition } : {}),
    elements: definition.snapshot.elements ?? definition.snapshot.element.map(cutElement),
  };
}

function cutElement(element: any): ElementRule {
  const fixed = valueUnder(element, 'fixed');
  const pattern = valueUnder(element, 'pattern');
  const constraints = (element.constraint ?? [])
    .filter((c: any) => c.severity === 'error' && c.expression && !generic.has(c.key))
    .map((c: any) => [c.key, c.expression, c.human]);
  const isRequired = element.binding?.strength === 'required' && element.binding.valueSet;
  return {
    id: element.id,
    ...(element.min ? { min: element.min } : {}),
    ...(element.max === '1' ? {} : { max: element.max }),
    ...(element.type ? { types: element.type.map(cutType) } : {}),
    ...(isRequired ? { binding: withoutVersion(element.binding.valueSet) } : {}),
    ...(element.contentReference ? { same: element.contentReference.replace(/^.*#/, '') } : {}),
    ...(constraints.length > 0 ? { constraints } : {}),
    ...(fixed === undefined ? {} : { fixed }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(element.slicing && !isByUrl(element)
      ? {
          slicing: {
            by: (element.slicing.discriminator ?? []).map((d: any) => [d.type, d.path]),
            rules: element.slicing.rules,
          },
        }
      : {}),
    ...(element.isModifier ? { modifier: true } : {}),
  };
}

const isByUrl = (element: any): boolean => /xtension$/.test(element.path);

function cutType(type: any): TypeRule {
  const inner = type.extension?.find((e: any) => e.url.endsWith('/structuredefinition-fhir-type'));
  const code: string = inner ? (inner.valueUrl ?? inner.valueUri ?? inner.valueString) : type.code;
  const narrowed = type.profile?.find((url: string) => /\/(SimpleQuantity|MoneyQuantity)$/.test(url));
  const targets = (type.targetProfile ?? [])
    .map((url: string) => url.slice(coreUrl.length))
    .filter((target: string) => target !== 'Resource')
    .sort();
  return {
    code: narrowed
      ? narrowed.slice(coreUrl.length)
      : code.replace('http://hl7.org/fhirpath/System.', '').replace(/^String$/, 'string'),
    ...(targets.length > 0 ? { targets } : {}),
  };
}

function valueUnder(element: any, prefix: string): unknown {
  const name = Object.keys(element).find((key) => key.startsWith(prefix) && /^[A-Z]/.test(key.slice(prefix.length)));
  return name && element[name];
}

export const withoutVersion = (canonical: string): string => canonical.replace(/\|.*$/, '');

/** Codes by system; undefined where a system's codes are not at hand, so that the set can only be told by rule. */
export type Codes = Readonly<Record<string, readonly string[]>>;

/** Expands value sets over ValueSet and CodeSystem resources. */
export function expander(resources: readonly any[]): (url: string) => Codes | undefined {
  const found = new Map<string, any>(resources.map((r) => [`${r.resourceType} ${r.url}`, r]));

  function members(url: string, busy: readonly string[]): Set<string> | undefined {
    const set = found.get(`ValueSet ${withoutVersion(url)}`);
    if (!set?.compose || busy.includes(url)) return undefined;
    const all = new Set<string>();
    for (const include of set.compose.include) {
      const part = included(include, [...busy, url]);
      if (!part) return undefined;
      for (const member of part) all.add(member);
    }
    for (const exclude of set.compose.exclude ?? []) {
      for (const member of included(exclude, [...busy, url]) ?? []) all.delete(member);
    }
    return all;
  }

  function included(include: any, busy: readonly string[]): Set<string> | undefined {
    let all: Set<string> | undefined;
    if (include.system) {
      const codes = include.concept?.map((c: any) => c.code) ?? codesOf(include);
      if (!codes) return undefined;
      all = new Set(codes.map((code: string) => `${include.system}|${code}`));
    }
    for (const url of include.valueSet ?? []) {
      const other = members(url, busy);
      if (!other) return undefined;
      all = all ? new Set([...all].filter((member) => other.has(member))) : other;
    }
    return all;
  }

  function codesOf({ system, filter }: any): readonly string[] | undefined {
    const concepts = found.get(`CodeSystem ${system}`)?.concept;
    if (!concepts) return undefined;
    const all: any[] = [];
    const walk = (concept: any, parents: readonly string[]) => {
      const above = [
        ...parents,
        ...(concept.property ?? []).filter((p: any) => p.code === 'subsumedBy').map((p: any) => p.valueCode),
      ];
      all.push({ code: concept.code, above });
      for (const child of concept.concept ?? []) walk(child, [concept.code]);
    };
    for (const concept of concepts) walk(concept, []);
    if (!filter) return all.map(({ code }) => code);
    const [{ op, value }] = filter;
    if (filter.length !== 1 || (op !== 'is-a' && op !== 'descendent-of')) return undefined;
    const under = new Set<string>([value]);
    for (let size = 0; size !== under.size; ) {
      size = under.size;
      for (const { code, above } of all) if (above.some((parent: string) => under.has(parent))) under.add(code);
    }
    if (op === 'descendent-of') under.delete(value);
    return [...under];
  }

  return (url) => {
    const all = members(url, []);
    if (!all) return undefined;
    const bySystem: Record<string, string[]> = {};
    for (const member of [...all].sort()) {
      const at = member.indexOf('|');
      (bySystem[member.slice(0, at)] ??= []).push(member.slice(at + 1));
    }
    return bySystem;
  };
}
