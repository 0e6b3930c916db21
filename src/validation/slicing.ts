/** Which items of an element belong to a slice, told by its discriminators. https://hl7.org/fhir/R4/profiling.html#discriminator */
import type { ElementRule } from '../fhir/definitions.ts';
import { keyFor } from './elements.ts';
import { equal, includes } from './patterns.ts';
import type { Tree } from './profile-tree.ts';
import { membershipOf } from './values.ts';

/** Tells of a value, which has this type where it is one of several, whether it belongs to a slice. */
export type Belongs = (value: any, type: string | undefined) => boolean;

/** Undefined when the discriminators cannot be told here (`profile`, `resolve()`): the slice is then not looked at. */
export function belongsTo(slice: Tree, by: readonly (readonly [string, string])[]): Belongs | undefined {
  const tests = by.map(([kind, path]) => test(slice, kind, path));
  if (tests.length === 0 || tests.includes(undefined)) return undefined;
  return (value, type) => tests.every((holds) => holds!(value, type));
}

function test(slice: Tree, kind: string, path: string): Belongs | undefined {
  if (path.includes('(')) return undefined;
  const steps = path === '$this' ? [] : path.split('.');
  if (kind === 'type') return typeTest(slice, steps);
  if (kind === 'exists') return existsTest(slice, steps);
  if (kind !== 'value' && kind !== 'pattern') return undefined;
  const expected = expectedAt(slice, steps);
  return expected && ((value) => someAt(value, steps, 0, expected));
}

function typeTest(slice: Tree, steps: readonly string[]): Belongs | undefined {
  const codes = ruleAt(slice, steps)?.types?.map(({ code }) => code);
  if (!codes) return undefined;
  if (steps.length === 0) return (value, type) => codes.includes(type ?? value?.resourceType);
  const last = steps.at(-1)!;
  const parents = steps.slice(0, -1);
  return (value) =>
    someAt(value, parents, 0, (parent) =>
      codes.some((code) => parent?.[keyFor(last, code)] !== undefined || parent?.[last]?.resourceType === code),
    );
}

function existsTest(slice: Tree, steps: readonly string[]): Belongs | undefined {
  const rule = ruleAt(slice, steps);
  if (!rule) return undefined;
  const wanted = rule.max !== '0';
  return (value) => someAt(value, steps, 0, () => true) === wanted;
}

function ruleAt(tree: Tree, steps: readonly string[]): ElementRule | undefined {
  let at: Tree | undefined = tree;
  for (const step of steps) at = at?.children.get(step) ?? at?.children.get(`${step}[x]`);
  return at?.rule;
}

/** What a value at the path must be: the first fixed value, pattern or binding on the way, through slices of slices. */
function expectedAt(tree: Tree, steps: readonly string[]): ((value: any) => boolean) | undefined {
  const { rule } = tree;
  if (rule?.fixed !== undefined) return sameAs(rule.fixed, steps, equal);
  if (rule?.pattern !== undefined) return sameAs(rule.pattern, steps, includes);
  const [step, ...rest] = steps;
  if (step === undefined) return rule?.binding === undefined ? undefined : memberTest(rule.binding);
  const child = tree.children.get(step) ?? tree.children.get(`${step}[x]`);
  const direct = child && expectedAt(child, rest);
  if (direct) return direct;
  for (const slice of child?.slices.values() ?? []) {
    const nested = expectedAt(slice, rest);
    if (nested) return nested;
  }
  return undefined;
}

/** A test against what stands at a path inside a fixed value or pattern. */
function sameAs(expected: unknown, steps: readonly string[], same: (value: any, expected: any) => boolean) {
  const isThere = someAt(expected, steps, 0, () => true);
  return isThere ? (value: any) => someAt(expected, steps, 0, (wanted) => same(value, wanted)) : undefined;
}

function memberTest(valueSet: string): ((value: any) => boolean) | undefined {
  const isMember = membershipOf(valueSet);
  if (!isMember) return undefined;
  return (value) => {
    if (typeof value === 'string') return isMember(value, undefined, false);
    const codings = Array.isArray(value?.coding) ? value.coding : [value];
    return codings.some((coding: any) => isMember(coding?.code, coding?.system, true));
  };
}

/** Whether a value at the end of a path passes the test; stops at the first. */
function someAt(value: any, steps: readonly string[], at: number, test: (value: any) => boolean): boolean {
  if (Array.isArray(value)) {
    for (const one of value) if (someAt(one, steps, at, test)) return true;
    return false;
  }
  if (at === steps.length) return test(value);
  if (typeof value !== 'object' || value === null) return false;
  const step = steps[at]!;
  const next = value[step] ?? choiceOf(value, step);
  return next !== undefined && next !== null && someAt(next, steps, at + 1, test);
}

function choiceOf(value: any, step: string): any {
  for (const key in value) {
    const next = key.charCodeAt(step.length);
    if (next >= 0x41 && next <= 0x5a && key.startsWith(step)) return value[key];
  }
  return undefined;
}
