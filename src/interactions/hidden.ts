/** What looks at elements that are hidden from the caller is refused, wherever in a query it stands: an answer would tell them. https://hl7.org/fhir/R4/security.html */
import { problem } from '../fhir/outcome.ts';
import { laneStart, patientLaneName } from '../search/fast-lane.ts';
import { untilDefinitionsChange } from '../search/knowledge.ts';
import { formsOf, isEntryOf, type Parameter } from '../search/parameter.ts';
import { parametersOf } from '../search/parameters.ts';
import type { Asked, Criterion, Include, SearchQuery } from '../search/query.ts';
import type { Access } from './interaction.ts';

/** Throws forbidden for a criterion, an order or an include that goes by what the caller may not see. Costs nothing where nothing is hidden. */
export function demandShown(query: SearchQuery, access: Pick<Access, 'hides'>): void {
  const name = hiddenIn(query, access);
  if (name !== undefined)
    throw problem('forbidden', `${/^[\w.-]*/.exec(name)![0]} goes by what is hidden with these rights`);
}

/** The same without a throw. */
export const asksHidden = (query: SearchQuery, access: Pick<Access, 'hides'>): boolean =>
  hiddenIn(query, access) !== undefined;

/** An include without a name follows all that there are, but for those that go by hidden elements. */
export function shownIncludes(includes: readonly Include[], { hides }: Pick<Access, 'hides'>): readonly Include[] {
  if (hides === undefined) return includes;
  return includes.flatMap((include) =>
    include.name === undefined
      ? (shownReferences(include.type, hides(include.type)) ?? [undefined]).map(along(include))
      : [include],
  );
}

/** The first name by which a query goes to what is hidden. */
function hiddenIn(query: SearchQuery, { hides }: Pick<Access, 'hides'>): string | undefined {
  if (hides === undefined) return undefined;
  for (const [name, about] of namesIn(query)) {
    // `Observation#Patient.telecom`: of the container, and of what is contained.
    for (const part of name.includes('#') && !isLane(name) ? name.split('#') : [name]) {
      const type = part.slice(0, Math.max(part.indexOf('.'), 0));
      const isWord = part === `${type}._text` || part === `${type}._content`;
      // Words stand in every resource that may have others in it.
      if (isWord || isHidden(type, part, about, hides(type)))
        return part === `${type}.:missing` ? `${type}.${about}` : part;
    }
  }
  return undefined;
}

/** Names of entries that are asked for; of a key with its first part, which may be the parameter that it is about. */
type Names = Generator<readonly [name: string, about?: string]>;

function* namesIn(query: SearchQuery): Names {
  for (const { where, sort } of [query, ...(query.also ?? [])] as readonly Asked[]) {
    yield* criterionNames(where);
    for (const key of sort) if (key.by !== 'id') yield [key.name];
  }
  for (const { name } of query.includes) if (name !== undefined) yield [name];
}

function* criterionNames(criterion: Criterion): Names {
  switch (criterion.is) {
    case 'all':
    case 'any':
      for (const part of criterion.of) yield* criterionNames(part);
      break;
    case 'not':
      yield* criterionNames(criterion.of);
      break;
    case 'together':
      yield [criterion.name];
      for (const part of criterion.of) yield* criterionNames(part);
      break;
    case 'refers':
    case 'referred':
      yield [criterion.name];
      yield* criterionNames(criterion.where);
      break;
    case 'id':
      break;
    case 'key':
      yield [criterion.name, criterion.first];
      break;
    case 'range':
      yield [criterion.name];
      if (criterion.along !== undefined) yield [criterion.along];
      break;
    default:
      yield [criterion.name];
  }
}

const along =
  (include: Include) =>
  (form: Parameter | undefined): Include => {
    const target = include.target ?? form?.only;
    return form === undefined ? include : { ...include, name: form.name, ...(target !== undefined && { target }) };
  };

/** Undefined where all are shown. */
function shownReferences(type: string, elements: readonly string[]): readonly Parameter[] | undefined {
  const { codes } = hiddenOf(type, elements);
  const all = [...parametersOf(type).values()].filter((one) => one.type === 'reference' && one.followed);
  const shown = all.filter((one) => !codes.has(one.code) && one.indexing === undefined);
  return all.some((one) => codes.has(one.code)) ? shown.flatMap(formsOf) : undefined;
}

/** What of a type goes by hidden elements. */
interface Hidden {
  /** Names of entries. */
  readonly names: readonly string[];
  /** Parameters whose entries those are. */
  readonly codes: ReadonlySet<string>;
}

const worked = untilDefinitionsChange<Hidden>();

function hiddenOf(type: string, elements: readonly string[]): Hidden {
  const key = elements.length === 0 ? type : `${type} ${elements.join(' ')}`;
  let found = worked.get(key);
  if (!found) {
    const parameters = [...parametersOf(type).values()];
    const names = parameters.filter((one) => goesBy(one, elements, type)).map(({ name }) => name);
    found = { names, codes: new Set(parameters.filter(({ name }) => names.includes(name)).map(({ code }) => code)) };
    worked.set(key, found);
  }
  return found;
}

/** Whether entries of that name tell a hidden element. `about` is the parameter that a `:missing` entry is about. */
function isHidden(type: string, name: string, about: string | undefined, elements: readonly string[]): boolean {
  const { names, codes } = hiddenOf(type, elements);
  if (names.length === 0) return false;
  if (name === `${type}.:missing`) return about !== undefined && codes.has(about);
  if (isLane(name)) return ['subject', 'code', 'date'].some((code) => codes.has(code));
  return names.some((one) => isEntryOf(one, name));
}

const isLane = (name: string): boolean => name.startsWith(laneStart) || name.startsWith(patientLaneName(''));

/** What reaches elements without their names, or into other resources, could reach any. */
const reachingFar = /\b(?:children|descendants|repeat|contained)\b|\\/;
const reachesFar = (expression: string, type: string): boolean =>
  reachingFar.test(expression) || (type === 'Bundle' && /\bresource\b/.test(expression));

/** Whether a parameter looks at any of the elements: by the name of their first step, so that it is rather hidden than not. */
function goesBy({ branches, composite, anyOf }: Parameter, elements: readonly string[], type: string): boolean {
  const expressions = [
    ...branches,
    ...(composite?.elements ?? []),
    ...(composite?.components ?? []).flatMap(({ expression, parameter }) => [expression, ...parameter.branches]),
  ];
  if (anyOf?.some((one) => goesBy(one, elements, type))) return true;
  return expressions.some(
    (expression) =>
      reachesFar(expression, type) ||
      elements.some((element) => new RegExp(`\\b${element.split('.', 1)[0]}\\b`).test(expression)),
  );
}
