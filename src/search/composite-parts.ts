/** What the definition of a composite search parameter says, put right where R4's is wrong. https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.component */
import { branchesFor, placesOf } from './expression.ts';
import { emptyGathering } from './gathering.ts';
import type { Definition } from './knowledge.ts';
import type { Component, Composite, Parameter } from './parameter.ts';
import { sinkFor } from './values.ts';

/** The composite of a definition on a type; undefined where one of its parts is unknown there. `all` have their own branches still. */
export function compositeOf(
  type: string,
  definition: Definition,
  all: readonly Parameter[],
  resolved: ReadonlyMap<string, Parameter>,
): Composite | undefined {
  const elements = elementsOf(type, definition.expression);
  const parts = definition.component ?? [];
  const named = parts.map((part) => all.find((one) => one.definition === part.definition));
  if (elements.length === 0 || parts.length === 0) return undefined;
  const components: Component[] = [];
  const meant: Parameter[] = [];
  for (const [i, { expression: written }] of parts.entries()) {
    // R4 writes `DateTime` for dateTime, and exchanges the definitions of DocumentReference's `relationship`.
    const expression = written.replaceAll('(DateTime)', '(dateTime)');
    const ofResource = ofWhole(expression) !== undefined;
    const paths = elements.flatMap((element) => pathsOf(element, expression));
    const parameter = named.find((one) => one && sameText(one.branches, paths)) ?? named[i];
    if (parameter === undefined || parameter.type === 'composite' || parameter.type === 'special') return undefined;
    meant.push(parameter);
    const { anyOf: _, ...single } = resolved.get(parameter.code)!;
    components.push({ parameter: { ...single, name: parameter.name }, expression, ofResource });
  }
  const atRoot =
    sameText(elements, [type]) &&
    components.every(({ expression }, i) => saysAll(type, meant[i]!, pathsOf(type, expression)));
  return { elements: atRoot ? [] : elements, atRoot, components };
}

/**
 * The composite of a definition that came while the server runs. Its parts have entries of their own, since nothing says that
 * the parameters they name find the same values.
 */
export function compositeApart(
  type: string,
  definition: Definition,
  describe: (type: string, definition: Definition) => Parameter,
): Composite {
  const elements = elementsOf(type, definition.expression);
  const components = (definition.component ?? []).map(({ is, expression }, i): Component => {
    const paths = expressionOfPart(type, elements, expression);
    const { code, type: kind, target } = is!;
    const part = describe(type, {
      id: code,
      code,
      base: [type],
      type: kind,
      expression: paths,
      ...(target && { target }),
    });
    return { parameter: { ...part, name: `${type}.${definition.code}$${i}` }, expression, ofResource: false };
  });
  return { elements, atRoot: false, apart: true, components };
}

export const elementsOf = (type: string, expression: string | undefined): readonly string[] =>
  branchesFor(type, expression ?? '').filter((element) => element !== '');

/** All values of a part, from the resource on. */
export const expressionOfPart = (type: string, elements: readonly string[], expression: string): string =>
  branchesFor('', expression)
    .flatMap((branch) => {
      const whole = ofWhole(branch);
      if (whole !== undefined) return `${type}.select(${whole})`;
      return elements.map((element) => `(${element}).select(${branch})`);
    })
    .join(' | ');

/** `subject` of `%resource.subject`: it speaks of the resource and not of the element. */
export const ofWhole = (branch: string): string | undefined =>
  branch.startsWith('%resource.') ? branch.slice('%resource.'.length) : undefined;

/** The other composites that together find what this one finds: `combo-code-value-quantity` is one of the resource and one of its components. */
export function togetherOf(
  { name, composite }: Parameter,
  all: readonly (Parameter & { readonly composite: Composite })[],
): readonly Parameter[] | undefined {
  const elements = composite?.elements ?? [];
  if (elements.length < 2) return undefined;
  const parts = elements.map((element) =>
    all.find(
      (one) =>
        one.name !== name &&
        (one.composite.atRoot ? !element.includes('.') : sameText(one.composite.elements, [element])) &&
        sameText(expressionsOf(one.composite), expressionsOf(composite!)),
    ),
  );
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

const expressionsOf = ({ components }: Composite): readonly string[] => components.map(({ expression }) => expression);

const sameText = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && [...some].sort().join(' | ') === [...others].sort().join(' | ');

/** `value.ofType(Quantity) | value.ofType(Range)` from the resource on. */
const pathsOf = (element: string, expression: string): readonly string[] =>
  branchesFor('', expression).map((branch) => `${element}.${branch}`);

/** The parameter has no values on the resource but those of these paths. */
const saysAll = (type: string, parameter: Parameter, paths: readonly string[]): boolean =>
  paths.every((path) => parameter.branches.includes(path)) &&
  parameter.branches.every((branch) => paths.includes(branch) || holdsNothing(type, parameter, branch));

const holdsNothing = (type: string, parameter: Parameter, branch: string): boolean =>
  placesOf(branch, type)?.every((place) => sinkFor(parameter, place, emptyGathering) === undefined) ?? false;
