/** The elements of a profile as a tree, in which slices hang beside the children of what they slice. https://hl7.org/fhir/R4/elementdefinition.html#id */
import type { ElementRule, Structure } from '../fhir/definitions.ts';

export interface Tree {
  rule: ElementRule | undefined;
  /** By element name, `value[x]` among them. */
  readonly children: Map<string, Tree>;
  /** By slice name. */
  readonly slices: Map<string, Tree>;
}

const leaf = (): Tree => ({ rule: undefined, children: new Map(), slices: new Map() });

function grow(branches: Map<string, Tree>, name: string): Tree {
  let branch = branches.get(name);
  if (!branch) branches.set(name, (branch = leaf()));
  return branch;
}

/** From ids such as `Observation.component:SystolicBP.code`. */
export function treeOf({ elements }: Structure): Tree {
  const root = leaf();
  for (const rule of elements) {
    let at = root;
    for (const part of rule.id.split('.').slice(1)) {
      const [name, slice] = part.split(':', 2) as [string, string | undefined];
      at = grow(at.children, name);
      if (slice !== undefined) at = grow(at.slices, slice);
    }
    at.rule = rule;
  }
  return root;
}
