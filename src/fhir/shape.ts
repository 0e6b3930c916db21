/** Short forms of a resource: `_summary` and `_elements`. https://hl7.org/fhir/R4/search.html#summary */
import { type ElementRule, structureOf } from './definitions.ts';
import { parseExact, writeExact } from './json-exact.ts';

/** What an answer shows of a resource; where both are given, what both leave. Empty: the whole. */
export interface Shape {
  readonly summary?: 'true' | 'text' | 'data';
  /** Names of elements at the top: `name`, `value[x]`, `value` or `valueQuantity`. */
  readonly elements?: readonly string[];
}

type Content = Record<string, unknown>;

/** One property that an element may stand under in JSON. */
interface Property {
  /** `valueQuantity` of `value[x]`. */
  readonly names: readonly string[];
  readonly isMandatory: boolean;
  readonly isSummary: boolean;
  /** Where what is inside is described: a datatype, or the path of a backbone element; undefined for primitives and resources. */
  readonly inside: string | undefined;
}

/** https://hl7.org/fhir/R4/resource.html#tag-terms: what has it is not the whole. */
const subsetted = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

const known = new Map<string, ReadonlyMap<string, Property>>();

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

function insideOf({ id, same, types = [] }: ElementRule, code: string): string | undefined {
  if (same !== undefined) return same;
  if (types.length > 0 && (code === 'BackboneElement' || code === 'Element')) return id;
  const structure = structureOf(code);
  return structure?.kind === 'complex-type' ? structure.type : undefined;
}

/** The properties of a type or backbone element by their names in JSON; empty for what R4 does not know. */
function propertiesOf(path: string): ReadonlyMap<string, Property> {
  let properties = known.get(path);
  if (properties) return properties;
  const [type = ''] = path.split('.', 1);
  const found = new Map<string, Property>();
  for (const element of structureOf(type)?.elements ?? []) {
    const at = element.id.lastIndexOf('.');
    if (element.id.slice(0, at) !== path) continue;
    const name = element.id.slice(at + 1);
    const stem = name.replace('[x]', '');
    const more = { isMandatory: (element.min ?? 0) > 0, isSummary: element.summary === true };
    for (const code of name === stem ? [element.types?.[0]?.code ?? ''] : element.types!.map((one) => one.code)) {
      const property = name === stem ? name : stem + capital(code);
      const names = name === stem ? [name] : [property, stem, name];
      found.set(property, { names, ...more, inside: insideOf(element, code) });
    }
  }
  properties = found;
  known.set(path, properties);
  return properties;
}

/** Whether the type has an element of that name at its top, as `_elements` may write it. */
export const hasElement = (type: string, name: string): boolean =>
  [...propertiesOf(type).values()].some(({ names }) => names.includes(name));

/** An extension of a primitive stands beside it, under its name and an underscore. */
const propertyIn = (properties: ReadonlyMap<string, Property>, name: string): Property | undefined =>
  properties.get(name.startsWith('_') ? name.slice(1) : name);

function filtered(content: Content, keeps: (name: string) => boolean): Content {
  return Object.fromEntries(Object.entries(content).filter(([name]) => keeps(name)));
}

/** Only what is marked as summary, all the way down. What would be left empty stays whole: FHIR knows no empty element. */
function summaryOf(content: Content, path: string): Content {
  const properties = propertiesOf(path);
  const kept: Content = {};
  for (const [name, value] of Object.entries(content)) {
    const property = propertyIn(properties, name);
    if (!property || !(property.isSummary || property.isMandatory)) continue;
    kept[name] = property.inside === undefined || name.startsWith('_') ? value : within(value, property.inside);
  }
  return Object.keys(kept).length > 0 ? kept : content;
}

function within(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return value.map((item) => within(item, path));
  return typeof value === 'object' && value !== null ? summaryOf(value as Content, path) : value;
}

/** Never left out: without them a resource could be taken for another, or for a valid one. */
const always: ReadonlySet<string> = new Set(['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension']);

/** The resource's text in that form, tagged as SUBSETTED; decimals keep their digits. */
export function shaped(text: string, { summary, elements }: Shape): string {
  if (summary === undefined && elements === undefined) return text;
  const whole: Content = parseExact(text);
  const type = String(whole.resourceType);
  const properties = propertiesOf(type);
  const isKept = (name: string): boolean => always.has(name) || propertyIn(properties, name)?.isMandatory === true;
  let content = whole;
  if (elements) {
    const asked = (name: string) => propertyIn(properties, name)?.names.some((one) => elements.includes(one)) === true;
    content = filtered(content, (name) => isKept(name) || asked(name));
  }
  if (summary === 'text') content = filtered(content, (name) => isKept(name) || name === 'text');
  if (summary === 'data') content = filtered(content, (name) => name !== 'text');
  if (summary === 'true') content = { ...filtered(content, (name) => always.has(name)), ...summaryOf(content, type) };
  return writeExact(tagged(content));
}

function tagged(content: Content): Content {
  const { meta, ...rest } = content as { meta?: { tag?: readonly unknown[] } };
  const { resourceType, id, ...others } = rest as Content;
  const tag = isSubsetted(content) ? meta!.tag : [...(meta?.tag ?? []), subsetted];
  return { resourceType, ...(id === undefined ? {} : { id }), meta: { ...meta, tag }, ...others };
}

/** Whether a resource says of itself that it is not the whole. */
export const isSubsetted = ({ meta }: { readonly [element: string]: any }): boolean =>
  Array.isArray(meta?.tag) &&
  meta.tag.some((tag: any) => tag?.system === subsetted.system && tag.code === subsetted.code);
