/** Compiles what a profile demands beyond R4 to closures that run after the check of the type. https://hl7.org/fhir/R4/profiling.html */
import { type ElementRule, type Structure, structureOf, type TypeRule } from '../fhir/definitions.ts';
import { primitives } from '../fhir/primitives.ts';
import { elementOf, keyFor, shapeNameOf } from './elements.ts';
import { ruleOf } from './invariants.ts';
import { equal, includes } from './patterns.ts';
import { type Tree, treeOf } from './profile-tree.ts';
import { checkTargets } from './references.ts';
import { type Check, fault, isFull, type Run } from './run.ts';
import { asCheck } from './shape.ts';
import { type Belongs, belongsTo } from './slicing.ts';
import { bindingCheck } from './values.ts';

/** A JSON member of an element, and the type it has. */
interface Key {
  readonly key: string;
  /** The member of extensions beside a primitive. */
  readonly half: string | undefined;
  readonly step: string;
  readonly type: string;
  /** A choice that R4 has and the profile does not. */
  readonly isExcluded: boolean;
  readonly check: Check | undefined;
  readonly slices: readonly (Check | undefined)[];
}

interface Slice {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly belongs: Belongs | undefined;
}

interface Demand {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly keys: readonly Key[];
  readonly slices: readonly Slice[];
  readonly isClosed: boolean;
  readonly isChoice: boolean;
}

/** A check of a resource, or an extension, that has passed the check of its type or will. */
export function compileProfile(structure: Structure): Check {
  const tree = treeOf(structure);
  const base = elementOf(structure.type, undefined);
  return contentOf(tree, structure.type, structure.type, base, structure.type) ?? (() => {});
}

const limit = (max: string | undefined): number => (max === '*' ? Number.POSITIVE_INFINITY : Number(max ?? '1'));

/** What is demanded of one value of a type; undefined when that is nothing. */
function contentOf(
  tree: Tree,
  type: string,
  shapeName: string,
  base: ElementRule | undefined,
  structureType: string,
): Check | undefined {
  const checks = [...ownChecks(tree.rule, type, base, structureType)];
  const demands = [...tree.children].flatMap(([name, child]) => demandOf(name, child, shapeName, structureType) ?? []);
  if (demands.length > 0) {
    checks.push((value, run) => {
      if (typeof value !== 'object' || value === null) return;
      for (const demand of demands) meet(value, demand, run);
    });
  }
  if (checks.length < 2) return checks[0];
  return (value, run) => {
    for (const check of checks) check(value, run);
  };
}

function ownChecks(
  rule: ElementRule | undefined,
  type: string,
  base: ElementRule | undefined,
  structureType: string,
): readonly Check[] {
  if (!rule) return [];
  const checks: (Check | undefined)[] = [];
  if (rule.fixed !== undefined)
    checks.push(valueCheck((value) => equal(value, rule.fixed), 'must be the value that the profile fixes'));
  if (rule.pattern !== undefined)
    checks.push(valueCheck((value) => includes(value, rule.pattern), 'must hold what the profile demands'));
  if (rule.binding !== undefined && rule.binding !== base?.binding) checks.push(bindingCheck(type, rule.binding));
  const targets = targetsOf(rule.types);
  if (type === 'Reference' && targets && `${targets}` !== `${targetsOf(base?.types)}`) {
    const allowed = new Set(targets);
    checks.push((value, run) => {
      if (typeof value === 'object' && value !== null) checkTargets(value, allowed, run);
    });
  }
  const told = new Set(base?.constraints?.map(([key]) => key));
  for (const constraint of rule.constraints ?? []) {
    const made = told.has(constraint[0]) ? undefined : ruleOf(constraint, structureType);
    if (made) checks.push(asCheck(made));
  }
  return checks.filter((check) => check !== undefined);
}

const valueCheck =
  (holds: (value: any) => boolean, words: string): Check =>
  (value, run) => {
    if (!holds(value)) fault(run, 'value', words);
  };

/** Resource types that a Reference may point to, where a profile counts as its type; undefined when one is not known here. */
function targetsOf(types: readonly TypeRule[] | undefined): readonly string[] | undefined {
  const targets = types?.find(({ code }) => code === 'Reference')?.targets?.map((target) => structureOf(target)?.type);
  return targets?.includes(undefined) ? undefined : (targets as readonly string[] | undefined);
}

/** What is demanded of a child element; undefined when R4 demands as much. */
function demandOf(name: string, tree: Tree, parentShape: string, structureType: string): Demand | undefined {
  const base = elementOf(parentShape, name);
  if (!base) return undefined;
  const isChoice = name.endsWith('[x]');
  const bare = name.replace('[x]', '');
  const rule = tree.rule;
  const allowed = rule?.types ?? base.types;
  const slices = [...tree.slices];
  const by = rule?.slicing?.by ?? [];
  const keys = (base.types ?? [{ code: 'BackboneElement' }]).map(({ code }): Key => {
    const shape = shapeNameOf(base, code);
    const key = isChoice ? keyFor(bare, code) : bare;
    return {
      key,
      half: primitives.has(code) ? `_${key}` : undefined,
      step: isChoice ? `${bare}.ofType(${code})` : bare,
      type: code,
      isExcluded: isChoice && !allowed?.some((type) => type.code === code),
      check: contentOf(tree, code, shape, base, structureType),
      slices: slices.map(([, slice]) => contentOf(slice, code, shape, base, structureType)),
    };
  });
  const demand: Demand = {
    name: bare,
    min: Math.max(rule?.min ?? 0, 0) > (base.min ?? 0) ? rule!.min! : 0,
    max: rule && limit(rule.max) < limit(base.max) ? limit(rule.max) : Number.POSITIVE_INFINITY,
    keys,
    slices: slices.map(([sliceName, slice]) => ({
      name: sliceName,
      min: slice.rule?.min ?? 0,
      max: limit(slice.rule?.max),
      belongs: belongsTo(slice, by),
    })),
    isClosed: rule?.slicing?.rules === 'closed',
    isChoice,
  };
  return isIdle(demand) ? undefined : demand;
}

const isIdle = ({ min, max, keys, slices }: Demand): boolean =>
  min === 0 &&
  max === Number.POSITIVE_INFINITY &&
  slices.length === 0 &&
  keys.every(({ check, isExcluded }) => !check && !isExcluded);

const none: number[] = [];

function meet(parent: any, demand: Demand, run: Run): void {
  const counts = demand.slices.length === 0 ? none : demand.slices.map(() => 0);
  let count = 0;
  for (const key of demand.keys) {
    const item = parent[key.key] ?? (key.half && parent[key.half]);
    if (item === undefined || item === null) continue;
    run.path[run.depth++] = key.step;
    if (key.isExcluded) fault(run, 'structure', `${key.key} is not a type that the profile allows`);
    else if (!Array.isArray(item)) meetValue(item, key, demand, counts, run);
    else {
      for (let i = 0; i < item.length && !isFull(run); i++) {
        run.path[run.depth++] = i;
        meetValue(item[i], key, demand, counts, run);
        run.depth--;
      }
    }
    run.depth--;
    count += Array.isArray(item) ? item.length : 1;
  }
  reportCounts(demand, count, counts, run);
}

function meetValue(value: any, key: Key, demand: Demand, counts: number[], run: Run): void {
  key.check?.(value, run);
  if (demand.slices.length === 0) return;
  let isHome = false;
  for (let i = 0; i < demand.slices.length; i++) {
    const slice = demand.slices[i]!;
    if (!slice.belongs) isHome = true;
    else if (slice.belongs(value, demand.isChoice ? key.type : undefined)) {
      isHome = true;
      counts[i]!++;
      key.slices[i]?.(value, run);
    }
  }
  if (!isHome && demand.isClosed) fault(run, 'structure', 'belongs to no slice of the profile');
}

function reportCounts({ name, min, max, slices }: Demand, count: number, counts: readonly number[], run: Run): void {
  if (count < min) fault(run, 'required', `the profile demands ${min} of ${name}`, name);
  if (count > max) fault(run, 'structure', `the profile allows ${max} of ${name}`, name);
  for (let i = 0; i < slices.length; i++) {
    const slice = slices[i]!;
    if (!slice.belongs) continue;
    if (counts[i]! < slice.min) fault(run, 'required', `the profile demands ${slice.min} of slice ${slice.name}`, name);
    if (counts[i]! > slice.max) fault(run, 'structure', `the profile allows ${slice.max} of slice ${slice.name}`, name);
  }
}
