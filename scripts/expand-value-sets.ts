/** Expands ValueSets to lists of codes, as far as their code systems are at hand. https://hl7.org/fhir/R4/valueset.html#expansion */
import { withoutVersion } from '../src/fhir/structure.ts';

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
