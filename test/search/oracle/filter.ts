/** `_filter`: comparisons with and, or, not, parentheses, and paths with brackets. https://hl7.org/fhir/R4/search_filter.html */
import { folded, ledTo, valueHolds, type World } from './evaluate.ts';
import { type Kind, type Parameter, parameters } from './parameters.ts';

/** The names of the two parts of a composite, and what they stand for in its brackets. */
export const partsOf: Readonly<Record<string, readonly [string, string]>> = {
  'code-value-quantity': ['code', 'value-quantity'],
  'code-value-concept': ['code', 'value-concept'],
  'code-value-string': ['code', 'value-string'],
  'code-value-date': ['code', 'value-date'],
  'component-code-value-quantity': ['component-code', 'component-value-quantity'],
  'component-code-value-concept': ['component-code', 'component-value-concept'],
};

type Described = Pick<Parameter, 'kind' | 'targets'>;
interface Values extends Described {
  readonly values: any[];
}
/** A resource, or one element of it, by the values that it has under a name; undefined for a name that it cannot have. */
interface Thing {
  readonly resource?: any;
  readonly valuesOf: (name: string) => Values | undefined;
}
interface Step {
  readonly name: string;
  readonly brackets?: Test;
}
/** Whether a thing fulfils an expression; which names it must know to be asked. */
interface Test {
  readonly names: readonly string[];
  readonly holds: (thing: Thing) => boolean;
}

const asThing = (resource: any): Thing => ({
  resource,
  valuesOf: (name) => {
    const parameter = parameters[resource.resourceType]?.[name];
    return parameter && { kind: parameter.kind, values: parameter.get(resource), targets: parameter.targets };
  },
});

/** The elements of a composite that have both parts. */
const elementsOf = (resource: any, name: string): Thing[] => {
  const { parts, get } = parameters[resource.resourceType]![name]!;
  return get(resource)
    .filter(([first, second]) => first.length > 0 && second.length > 0)
    .map((held) => ({
      valuesOf: (part) => {
        const at = partsOf[name]!.indexOf(part);
        return at < 0 ? undefined : { kind: parts![at]!, values: held[at] };
      },
    }));
};

/** All that the steps lead to, one after the other, each time only what its brackets hold of. */
function along(world: World, things: readonly Thing[], steps: readonly Step[], last: string): Thing[] {
  const [step, ...rest] = steps;
  if (step === undefined) return things.filter((thing) => thing.valuesOf(last) !== undefined);
  const [code, type] = step.name.split(':');
  const asked = [...(step.brackets?.names ?? []), rest[0]?.name.split(':')[0] ?? last];
  const next = things.flatMap(({ resource, valuesOf }) => {
    if (partsOf[code!] !== undefined) return elementsOf(resource, code!);
    const of = valuesOf(code!);
    return (of?.values ?? [])
      .flatMap((held) => ledTo(world, held, of))
      .filter((target) => type === undefined || target.resourceType === type)
      .map(asThing);
  });
  const able = next.filter((thing) => asked.every((name) => thing.valuesOf(name) !== undefined));
  const led = able.filter((thing) => step.brackets?.holds(thing) ?? true);
  return along(world, led, rest, last);
}

/** Whether one value is as an operator says. */
function compares(world: World, of: Described, held: any, operator: string, value: string): boolean {
  const { kind } = of;
  const [mine, text] = kind === 'string' ? [folded(held), folded(value)] : ['', value.replace(/[,$\\]/g, '\\$&')];
  const is = (prefix: string, slack = world.slack): boolean =>
    valueHolds({ ...world, slack }, { ...of, get: () => [] }, held, prefix + text);
  if (operator === 'sw') return mine.startsWith(text);
  if (operator === 'co') return mine.includes(text);
  if (operator === 'ew') return mine.endsWith(text);
  if (operator === 'eq' || operator === 're') return kind === 'string' ? mine === text : is('');
  return operator === 'po' ? is('ap', 0) : is(operator);
}

function comparison(world: World, steps: readonly Step[], last: string, operator: string, value: string): Test {
  const setOf = (thing: Thing) =>
    along(world, [thing], steps, last).flatMap((one) => {
      const { values, ...of } = one.valuesOf(last)!;
      return values.map((held) => ({ of, held }));
    });
  const isOrdered = (kind: Kind) => kind === 'date' || kind === 'number' || kind === 'quantity';
  return {
    names: [(steps[0]?.name ?? last).split(':')[0]!],
    holds(thing) {
      const set = setOf(thing);
      if (operator === 'pr') return set.length > 0 === (value === 'true');
      if (operator === 'ne' && set.length > 0 && !isOrdered(set[0]!.of.kind))
        return !set.some(({ of, held }) => compares(world, of, held, 'eq', value));
      return set.some(({ of, held }) => compares(world, of, held, operator, value));
    },
  };
}

const joined = (is: string, one: Test, other: Test): Test => ({
  names: [...one.names, ...other.names],
  holds: (thing) => (is === 'and' ? one.holds(thing) && other.holds(thing) : one.holds(thing) || other.holds(thing)),
});

export function filterHolds(world: World, resource: any, text: string): boolean {
  const words = text.match(/[()[\]]|"(?:\\.|[^"\\])*"|[^\s()[\]]+/g) ?? [];
  let at = 0;
  const take = (): string => words[at++]!;

  function expression(): Test {
    let test = part();
    while (words[at] === 'and' || words[at] === 'or') {
      const is = take();
      test = joined(is, test, part());
    }
    return test;
  }
  function inside(): Test {
    take();
    const test = expression();
    take();
    return test;
  }
  function part(): Test {
    if (words[at] === '(') return inside();
    if (words[at] !== 'not') return compared();
    take();
    const { names, holds } = inside();
    return { names, holds: (thing) => !holds(thing) };
  }
  /** `a:T.b[x eq y].c` comes as the words `a:T.b`, `[`, `x`, `eq`, `y`, `]` and `.c`. */
  function compared(): Test {
    const steps: { name: string; brackets?: Test }[] = [];
    for (;;) {
      steps.push(
        ...take()
          .replace(/^\./, '')
          .split('.')
          .map((name) => ({ name })),
      );
      if (words[at] !== '[') break;
      steps.at(-1)!.brackets = inside();
    }
    const { name: last } = steps.pop()!;
    const [operator, written] = [take(), take()];
    const value = written.startsWith('"') ? written.slice(1, -1).replace(/\\(.)/g, '$1') : written;
    return comparison(world, steps, last, operator, value);
  }
  return expression().holds(asThing(resource));
}
