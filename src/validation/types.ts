/** Compiles the structures of R4 to shapes, each at its first use. https://hl7.org/fhir/R4/structuredefinition.html */
import type { ElementRule, Structure, TypeRule } from '../fhir/definitions.ts';
import { childrenOf, keyFor, nameOf, rootOf, structureWith } from './elements.ts';
import { type Constraint, ruleOf } from './invariants.ts';
import { checkReference } from './references.ts';
import type { Check, Run } from './run.ts';
import { asCheck, type Choice, checkShape, type Member, type Requirement, type Rule, type Shape } from './shape.ts';
import { bindingCheck, primitiveCheck } from './values.ts';

/** Checks of what is more than its shape; made of the shapes that they stand in. */
export interface Beyond {
  readonly extension: Check;
  readonly modifierExtension: Check;
  /** A resource in `contained`. */
  readonly contained: Check;
  /** Any other resource within one. */
  readonly inner: Check;
}

/** The shape of a resource type, a datatype, or the backbone element at a path such as `Patient.contact`. */
export type ShapeOf = (name: string) => Shape;

/** Types contain themselves and each other, so each is compiled when its first value comes. */
export function createShapes(beyond: (shapeOf: ShapeOf) => Beyond): ShapeOf {
  const shapes = new Map<string, Shape>();
  const shapeOf: ShapeOf = (name) => {
    let shape = shapes.get(name);
    if (!shape) shapes.set(name, (shape = compile(name)));
    return shape;
  };
  const { extension, modifierExtension, contained, inner } = beyond(shapeOf);
  return shapeOf;

  function compile(name: string): Shape {
    const structure = structureWith(name);
    const path = name.includes('.') ? name : rootOf(structure);
    const self = structure.elements.find(({ id }) => id === path)!;
    const children = childrenOf(structure, path);
    const members = new Map<string, Member>();
    const required: Requirement[] = [];
    let choices = 0;
    const isResource = structure.kind === 'resource' && path === structure.type;
    if (isResource)
      members.set('resourceType', { step: 'resourceType', many: false, isShadow: false, check: () => {} });
    for (const element of children) {
      if (element.max === '0') continue;
      const keys = membersOf(element, structure, isResource, () => 2 ** choices++, members);
      if (element.min) required.push({ name: nameOf(element).replace('[x]', ''), keys });
    }
    return { members, required, rules: rulesOf(self, structure), isElement: !isResource };
  }

  /** Adds the members of an element and names them. */
  function membersOf(
    element: ElementRule,
    structure: Structure,
    isResource: boolean,
    nextBit: () => number,
    members: Map<string, Member>,
  ): readonly string[] {
    const name = nameOf(element);
    const types = element.types ?? [{ code: 'BackboneElement' }];
    const isChoice = name.endsWith('[x]');
    const base = name.replace('[x]', '');
    const many = element.max !== undefined;
    const keys = isChoice ? types.map(({ code }) => keyFor(base, code)) : [base];
    const choice: Choice | undefined = isChoice ? { name: base, bit: nextBit(), keys } : undefined;
    const all: string[] = [];
    for (const [i, type] of types.entries()) {
      const key = keys[i]!;
      const step = isChoice ? `${base}.ofType(${type.code.replace(/^(Simple|Money)Quantity$/, 'Quantity')})` : base;
      const code = isResource && key === 'id' ? 'id' : type.code;
      const check = checkOf(element, { ...type, code }, structure);
      const primitive = primitiveCheck(code);
      const shadow = primitive && code !== 'xhtml' && !isAttribute(structure, key) ? `_${key}` : undefined;
      members.set(key, { step, many, check, other: shadow, isShadow: false, choice });
      all.push(key);
      if (shadow === undefined) continue;
      members.set(shadow, { step, many, check: checkHalf, other: key, isShadow: true, choice });
      all.push(shadow);
    }
    return all;
  }

  /** What stands under `_birthDate`: id and extensions of a primitive. */
  function checkHalf(value: any, run: Run): void {
    checkShape(value, shapeOf('Element'), run);
  }

  function checkOf(element: ElementRule, type: TypeRule, structure: Structure): Check {
    const checks: Check[] = [contentCheck(element, type)];
    const binding = element.binding && bindingCheck(type.code, element.binding);
    if (binding) checks.push(binding);
    const isBackbone = type.code === 'BackboneElement' || type.code === 'Element';
    if (!isBackbone) for (const rule of rulesOf(element, structure)) checks.push(asCheck(rule));
    const [first, second] = checks as [Check, Check | undefined];
    if (!second) return first;
    return (value, run) => {
      for (const check of checks) check(value, run);
    };
  }

  function contentCheck(element: ElementRule, { code, targets }: TypeRule): Check {
    if (element.same) return shapeCheck(element.same);
    if (code === 'BackboneElement' || code === 'Element') return shapeCheck(element.id);
    if (code === 'Resource') return nameOf(element) === 'contained' ? contained : inner;
    if (code === 'Extension') return nameOf(element) === 'modifierExtension' ? modifierExtension : extension;
    const primitive = primitiveCheck(code);
    if (primitive) return primitive;
    if (code !== 'Reference') return shapeCheck(code);
    const allowed = targets && new Set(targets);
    return (value, run) => {
      checkShape(value, shapeOf('Reference'), run);
      if (typeof value === 'object' && value !== null) checkReference(value, allowed, run);
    };
  }

  function shapeCheck(name: string): Check {
    let shape: Shape | undefined;
    return (value, run) => checkShape(value, (shape ??= shapeOf(name)), run);
  }
}

/** What is an attribute in XML has no extensions. */
const isAttribute = (structure: Structure, key: string): boolean =>
  key === 'id' || (structure.type === 'Extension' && key === 'url');

function rulesOf(element: ElementRule, structure: Structure): readonly Rule[] {
  return (element.constraints ?? []).flatMap((constraint: Constraint) => ruleOf(constraint, structure.type) ?? []);
}
