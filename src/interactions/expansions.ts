/** What `:in`, `:not-in`, `:above` and `:below` of tokens mean, looked up before a search is read. https://hl7.org/fhir/R4/search.html#modifiers */
import { isId, keyOf, type Resource } from '../fhir/references.ts';
import { splitEscaped, unescaped } from '../search/escapes.ts';
import { filterTerminology } from '../search/filter.ts';
import { parametersOf } from '../search/parameters.ts';
import { type Criterion, plainQuery } from '../search/query.ts';
import { invalid, tooCostly, unsupported } from '../search/refusals.ts';
import { builtInValueSet } from '../terminology/built-in.ts';
import { type Code, canonicalParts, NotExpandable, pick, type TerminologyType } from '../terminology/codes.ts';
import { expandValueSet } from '../terminology/expand.ts';
import { related } from '../terminology/hierarchy.ts';
import { seenOf } from './answer.ts';
import type { Context, Parameters } from './interaction.ts';
import { narrow } from './narrow.ts';

type Looking = Pick<Context, 'store' | 'caller' | 'base'>;

/** Codes by `<modifier> <value>`, the value as written: `in http://vs`, `below http://sys|code`. */
export type Expansions = ReadonlyMap<string, readonly Code[]>;

const noExpansions: Expansions = new Map();
const modified = /:(in|not-in|above|below)$/;
/** Each may read many resources. */
const mostLookups = 20;
/** All sets of one search together: the engine looks for each code. */
const mostCodesOfAll = 10_000;
/** More resources of one url than these are not compared. */
const mostVersions = 50;

/**
 * The codes that the token parameters among these, and those in a `_filter`, speak of; '' is a search on many types.
 * ValueSets and CodeSystems that this caller may not find are not known. Throws problems of status 400 that name the
 * parameter where codes cannot be told wholly.
 */
export async function expansionsFor(type: string, parameters: Parameters, looking: Looking): Promise<Expansions> {
  const asked = parameters.flatMap(([whole, text]) =>
    (whole === '_filter' ? filterTerminology(text) : [[whole, text] as const]).map((one) => [...one, whole] as const),
  );
  if (!asked.some(([name]) => modified.test(name))) return noExpansions;
  const types = type === '' ? typesAmong(parameters) : [type];
  const expansions = new Map<string, readonly Code[]>();
  let left = mostCodesOfAll;
  for (const [name, value, whole] of asked) {
    const modifier = modified.exec(name)?.[1];
    if (modifier === undefined || !endsInToken(types, name)) continue;
    for (const one of splitEscaped(value, ',')) {
      const key = `${modifier} ${one}`;
      if (one === '' || expansions.has(key)) continue;
      if (expansions.size === mostLookups) throw tooCostly(whole, `asks for more than ${mostLookups} sets of codes`);
      const codes = await codesFor(whole, modifier, one, looking);
      if ((left -= codes.length) < 0) throw tooCostly(whole, `asks for more than ${mostCodesOfAll} codes together`);
      expansions.set(key, codes);
    }
  }
  return expansions;
}

/** A search on all types knows the parameters that every type has, as Basic does. */
const typesAmong = (parameters: Parameters): readonly string[] =>
  parameters.find(([name]) => name === '_type')?.[1].split(',') ?? ['Basic'];

/** Whether the last step of a name, behind chains and `_has`, is a token of one of the types that it may lead to. */
function endsInToken(types: readonly string[], name: string): boolean {
  const [, source, rest] = /^_has:([^:]*):[^:]*:(.+)$/s.exec(name) ?? [];
  if (source !== undefined) return endsInToken([source], rest!);
  const dot = name.indexOf('.');
  const [code, target] = (dot < 0 ? name : name.slice(0, dot)).split(':');
  const found = types.flatMap((type) => parametersOf(type).get(code!) ?? []);
  if (dot < 0) return found.some((parameter) => parameter.type === 'token');
  // Behind a composite stands a part of it.
  const led = found.flatMap(({ type, only, targets }) => (type === 'composite' ? types : (target ?? only ?? targets)));
  return led.length > 0 && endsInToken([...new Set(led)], name.slice(dot + 1));
}

async function codesFor(name: string, modifier: string, value: string, looking: Looking): Promise<readonly Code[]> {
  try {
    return modifier === 'in' || modifier === 'not-in'
      ? await codesIn(name, unescaped(value), looking)
      : await codesAround(name, modifier as 'above' | 'below', value, looking);
  } catch (error) {
    if (!(error instanceof NotExpandable)) throw error;
    const told = error.message.startsWith('names ') ? error.message : `names a resource that ${error.message}`;
    throw error.code === 'too-costly' ? tooCostly(name, told) : unsupported(name, told);
  }
}

async function codesIn(name: string, value: string, looking: Looking): Promise<readonly Code[]> {
  const valueSet = (await find('ValueSet', value, looking)) ?? (await valueSetAt(value, looking));
  if (valueSet === undefined) throw unsupported(name, 'names a ValueSet that is not known here');
  return expandValueSet(valueSet, (type, canonical) => find(type, canonical, looking));
}

async function codesAround(
  name: string,
  modifier: 'above' | 'below',
  value: string,
  looking: Looking,
): Promise<readonly Code[]> {
  const [system, code, ...more] = splitEscaped(value, '|').map(unescaped);
  if (!system || !code || more.length > 0) throw invalid(name, 'takes `system|code`');
  const codeSystem = await find('CodeSystem', system, looking);
  if (codeSystem === undefined) throw unsupported(name, 'names a CodeSystem that is not known here');
  return related(codeSystem, modifier, code);
}

/** `ValueSet/1`, also as an absolute address of this server. */
async function valueSetAt(value: string, looking: Looking): Promise<Resource | undefined> {
  const key = keyOf(value.startsWith(`${looking.base}/`) ? value.slice(looking.base.length + 1) : value);
  if (key?.type !== 'ValueSet' || !isId(key.id) || value.includes('/_history/')) return undefined;
  const [held] = await heldHere('ValueSet', { is: 'id', ids: [key.id] }, looking);
  return held;
}

/** What is stored comes before what R4 brings along: whoever runs the server may have loaded another version. */
async function find(type: TerminologyType, canonical: string, looking: Looking): Promise<Resource | undefined> {
  const { url, version } = canonicalParts(canonical);
  const { name } = parametersOf(type).get('url')!;
  const held = await heldHere(type, { is: 'key', name, first: url, second: '' }, looking);
  const meant = pick(
    held.filter((one) => one.url === url),
    version,
  );
  return meant ?? (type === 'ValueSet' ? builtInValueSet(canonical) : undefined);
}

async function heldHere(
  type: TerminologyType,
  where: Criterion,
  { store, caller }: Looking,
): Promise<readonly Resource[]> {
  if (!caller.access.permits('search-type', type)) return [];
  const page = await store.search(narrow(plainQuery(type, where, mostVersions), caller.access), undefined);
  if (page.next) throw new NotExpandable(`is held in more than ${mostVersions} versions`, 'too-costly');
  return (await seenOf(caller.access, page.matches)).map(({ text }) => JSON.parse(text));
}
