/** Checks an object against the members that its type has: unknown and missing ones, arrays, nulls, choices. https://hl7.org/fhir/R4/json.html */
import { type Check, fault, isFull, plainName, type Run } from './run.ts';

/** What R4 says of one JSON member. */
export interface Member {
  /** How FHIRPath names it: `name`, `value.ofType(Quantity)`. */
  readonly step: string;
  readonly many: boolean;
  /** Of one value, or one item of the array. */
  readonly check: Check;
  /** For primitives, the member that holds the other half: `_birthDate` for `birthDate` and the reverse. */
  readonly other?: string;
  readonly isShadow: boolean;
  readonly choice?: Choice;
}

/** An element of several types, of which an object may have one. */
export interface Choice {
  readonly name: string;
  /** Of the choices of one shape, a bit of its own. */
  readonly bit: number;
  /** The members without their underscored halves. */
  readonly keys: readonly string[];
}

/** One thing that an object must have: one of these members. */
export interface Requirement {
  readonly name: string;
  readonly keys: readonly string[];
}

/** A condition over a whole object. */
export interface Rule {
  readonly key: string;
  /** What it asks for, as a sentence. */
  readonly words: string;
  holds(value: any, run: Run): boolean;
}

export const asCheck =
  (rule: Rule): Check =>
  (value, run) =>
    reportBroken(rule, value, run);

function reportBroken(rule: Rule, value: any, run: Run): void {
  if (!rule.holds(value, run)) fault(run, 'invariant', `${rule.words} (${rule.key})`);
}

export interface Shape {
  readonly members: ReadonlyMap<string, Member>;
  readonly required: readonly Requirement[];
  readonly rules: readonly Rule[];
  /** ele-1: an element must have more than an id. Resources need not. */
  readonly isElement: boolean;
}

/** Checks a value that must be an object of this shape. */
export function checkShape(value: any, shape: Shape, run: Run): void {
  if (typeof value !== 'object' || Array.isArray(value)) {
    fault(run, 'structure', 'must be an object');
    return;
  }
  if (value === null) {
    fault(run, 'invariant', 'must not be null (ele-1)');
    return;
  }
  let hasContent = false;
  let choices = 0;
  let told = 0;
  for (const key in value) {
    if (value[key] === undefined) continue; // not in JSON, but in objects of our own making
    if (key !== 'id') hasContent = true;
    const member = shape.members.get(key);
    if (member === undefined) {
      unknown(key, run);
      continue;
    }
    if (member.choice !== undefined) {
      const { bit, name } = member.choice;
      if ((choices & bit) !== 0 && (told & bit) === 0 && hasSeveral(value, member.choice)) {
        told |= bit;
        fault(run, 'invariant', `only one type of ${name} may be there`, name);
      }
      choices |= bit;
    }
    run.path[run.depth++] = member.step;
    checkMember(value, key, member, run);
    run.depth--;
    if (isFull(run)) return;
  }
  if (shape.isElement && !hasContent) fault(run, 'invariant', 'must not be empty (ele-1)');
  for (const requirement of shape.required) {
    if (isMissing(value, requirement.keys)) fault(run, 'required', `${requirement.name} is missing`, requirement.name);
  }
  for (const rule of shape.rules) reportBroken(rule, value, run);
}

function unknown(key: string, run: Run): void {
  const name = plainName(key);
  fault(run, 'structure', name ? `${name} is not an element here` : 'there is an unknown element', name);
}

function hasSeveral(value: any, { keys }: Choice): boolean {
  return keys.filter((key) => value[key] !== undefined || value[`_${key}`] !== undefined).length > 1;
}

function isMissing(value: any, keys: readonly string[]): boolean {
  for (const key of keys) if (value[key] !== undefined) return false;
  return true;
}

function checkMember(value: any, key: string, member: Member, run: Run): void {
  const item = value[key];
  if (!member.many) {
    if (Array.isArray(item)) fault(run, 'structure', 'must not be an array');
    else if (item === null) fault(run, 'invariant', 'must not be null (ele-1)');
    else member.check(item, run);
    return;
  }
  if (!Array.isArray(item)) {
    fault(run, item === null ? 'invariant' : 'structure', 'must be an array');
    return;
  }
  if (item.length === 0) {
    fault(run, 'invariant', 'must not be an empty array (ele-1)');
    return;
  }
  const other = member.other === undefined ? undefined : value[member.other];
  if (member.isShadow && Array.isArray(other) && other.length !== item.length)
    fault(run, 'structure', 'must be as long as the array of its values');
  for (let i = 0; i < item.length && !isFull(run); i++) {
    run.path[run.depth++] = i;
    if (item[i] !== null) member.check(item[i], run);
    else if (!Array.isArray(other) || other[i] === null || other[i] === undefined)
      fault(run, 'invariant', 'must not be null without its other half (ele-1)');
    run.depth--;
  }
}
