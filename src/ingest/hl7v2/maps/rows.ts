/** Puts the fields of a segment where segments.json says, by the names of data types that it uses. mappings/hl7v2/README.md */
import { clean, filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import {
  type Around,
  addressOf,
  authorityIn,
  codeIn,
  conceptOf,
  dateIn,
  dateTime,
  displayOfName,
  EUI64,
  entityOf,
  eui64Of,
  identifierOf,
  instantOf,
  locationOf,
  nameOf,
  organizationOf,
  ownSystem,
  personOf,
  telecomOf,
} from './datatypes.ts';
import { quantityOf } from './quantity.ts';
import type { Part, ReadMessage } from './reading.ts';
import { inTable, type Row, rows, V2 } from './tables.ts';

export interface Filled {
  readonly resource: any;
  /** Elements (or extensions, by their url) that the sender wants removed. */
  readonly removed: readonly { readonly element: string; readonly url?: string }[];
}

type Convert = (part: Part, row: Row, around: Around) => any;

const RACE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-';

/** https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-race.html, with the text that it demands. */
const raceOf = (which: 'race' | 'ethnicity', part: Part, around: Around): any => {
  const concept = conceptOf(part, around);
  const [coding] = concept?.coding ?? [];
  const text = concept?.text ?? coding?.code;
  if (text === undefined) return undefined;
  const cdc = /^\d{4}-\d$/.test(coding?.code ?? '') && { ...coding, system: 'urn:oid:2.16.840.1.113883.6.238' };
  return {
    url: RACE + which,
    extension: [...(cdc ? [{ url: 'detailed', valueCoding: cdc }] : []), { url: 'text', valueString: text }],
  };
};

const boolean = (part: Part): boolean | undefined => {
  const said = inTable('0136', part.get(1)?.toUpperCase() ?? '');
  return said === undefined ? undefined : said === 'true';
};

const converters: Readonly<Record<string, Convert>> = {
  order: () => undefined,
  string: (part) => clean(part.get(1)),
  text: (part) => clean(part.get(2) ?? part.get(1), 60_000),
  family: (part) => clean(part.part(1).get(1)),
  boolean,
  integer: (part) => {
    const value = Number(part.get(1));
    return Number.isInteger(value) && value > 0 && value < 2 ** 31 ? value : undefined;
  },
  date: (part, _row, around) => dateIn(part.get(1) ?? '', around),
  dateTime: (part, _row, around) => dateTime(part.get(1) ?? '', around),
  instant: (part, _row, around) => instantOf(part.get(1) ?? '', around),
  code: (part, { table, component = 1 }, around) => {
    const code = part.get(component);
    if (code === undefined) return undefined;
    const meant = inTable(table!, code) ?? inTable(table!, code.toUpperCase());
    if (meant === undefined) around.warn(`a code that is not in the table ${table}`);
    return meant;
  },
  concept: (part, { table }, around) => conceptOf(part, around, table === 'ISO639' ? 'ISO639' : table),
  class: (part, _row, around) => {
    const code = part.get(1);
    const meant = code && inTable('0004', code.toUpperCase());
    if (meant) return { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: meant };
    if (code) around.warn('PV1-2 is a class of visit that FHIR has no code for');
    return codeIn(code) && { system: `${V2}0004`, code: codeIn(code) };
  },
  marital: (part, _row, around) => {
    const concept = conceptOf(part, around, 'v2-0002');
    const code = inTable('0002', part.get(1) ?? '');
    if (!code) return concept?.text ? concept : concept && { text: part.get(1) };
    const meant = { system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code };
    return { ...concept, coding: [meant, ...(concept.coding ?? [])] };
  },
  identifier: (part, { type, system }, around) => identifierOf(part, around, { type, system }),
  entity: (part, { type }, around) => entityOf(part, around, { type }),
  parentOrder: (part, _row, around) => {
    const [placer, filler] = [entityOf(part.part(1), around), entityOf(part.part(2), around)];
    return filler ?? placer;
  },
  specimenIdentifier: (part, _row, around) => {
    const placer = entityOf(part.part(1), around, { type: 'PLAC' });
    const filler = entityOf(part.part(2), around, { type: 'FILL' });
    return filler ? [filler, ...(placer ? [placer] : [])] : placer;
  },
  licence: (part, _row, around) => {
    const value = clean(part.get(1), 200);
    const state = part.get(2);
    const type = { coding: [{ system: `${V2}0203`, code: 'DL' }] };
    const end = part.get(3) ? dateIn(part.get(3)!, around) : undefined;
    return (
      value &&
      filled({ type, system: ownSystem('sid', `licence-${state ?? 'unknown'}`, around), value, period: end && { end } })
    );
  },
  name: (part, _row, around) => nameOf(part, around),
  personName: (part, _row, around) => displayOfName(nameOf(part, around) ?? {}),
  address: (part, _row, around) => addressOf(part, around),
  place: (part) => ({ text: clean(part.get(1)) }),
  telecom: (part, { use }, around) => telecomOf(part, around, use),
  person: (part, _row, around) => personOf(part, around),
  organization: (part, _row, around) => organizationOf(part, around),
  organizationName: (part) => clean(part.get(1)),
  organizationCode: (part) => {
    const display = clean(part.get(2) ?? part.get(1));
    return display && { type: 'Organization', display };
  },
  organizationHd: (part, _row, around) => {
    const display = clean(part.get(1) ?? part.get(2));
    const system = authorityIn(part, 1, around);
    const identifier = system === EUI64 ? { system, value: eui64Of(part.get(2)!) } : undefined;
    return display && filled({ type: 'Organization', identifier, display });
  },
  application: (part, _row, around) => {
    const name = clean(part.get(1), 200);
    const id = part.get(2);
    const system = authorityIn(part, 1, around);
    const isEui = system === EUI64;
    const endpoint = isEui
      ? `urn:eui64:${encodeURIComponent(eui64Of(id!))}`
      : (system ?? ownSystem('sid', 'unnamed', around));
    return name === undefined && id === undefined ? undefined : filled({ name, endpoint });
  },
  location: (part, _row, around) => locationOf(part, around),
  dischargedTo: (part, _row, around) => {
    const display = clean(part.part(1).get(2) ?? part.get(1));
    const since = part.get(2);
    if (since) dateTime(since, around);
    return display && { type: 'Location', display };
  },
  quantity: (part) => quantityOf(part),
  race: (part, _row, around) => raceOf('race', part, around),
  ethnicity: (part, _row, around) => raceOf('ethnicity', part, around),
  annotation: (part, _row, around) => {
    const concept = conceptOf(part, around);
    const text = concept?.text ?? concept?.coding?.[0]?.code;
    return text && { text };
  },
  copyTo: (part, _row, around) => {
    const person = personOf(part, around);
    return person && { url: `${around.canonical}/StructureDefinition/copy-to`, valueReference: person };
  },
  collector: (part, _row, around) => {
    const concept = conceptOf(part, around);
    const display = concept?.text ?? concept?.coding?.[0]?.code;
    return display && { type: 'Practitioner', display };
  },
  interpreter: (part, _row, around) => {
    const who = part.part(1);
    const name = clean([who.get(6), who.get(3), who.get(4), who.get(2), who.get(5)].filter(Boolean).join(' '));
    const value = clean(who.get(1), 200);
    const identifier = value && { system: ownSystem('sid', who.get(9) ?? '', around), value };
    return value || name ? filled({ type: 'Practitioner', identifier, display: name }) : undefined;
  },
  planClass: (part, _row, around) => {
    const concept = conceptOf(part, around);
    const value = concept?.coding?.[0]?.code ?? concept?.text;
    return value && filled({ type: coverageClass('plan'), value, name: concept.text });
  },
  groupClass: (part) => {
    const value = clean(part.get(1));
    return value && { type: coverageClass('group'), value };
  },
  resource: (part, _row, around) => {
    const concept = conceptOf(part, around);
    const display = concept?.text ?? concept?.coding?.[0]?.code;
    return display && { type: 'Device', display };
  },
  range: (part, _row, around) => {
    const [start, end] = [part.get(1), part.get(2)].map((value) => value && dateTime(value, around));
    if (end) return { collectedPeriod: filled({ start: start || undefined, end }) };
    return start ? { collectedDateTime: start } : undefined;
  },
  available: (part) => (boolean(part) === false ? 'unavailable' : 'available'),
};

const coverageClass = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/coverage-class', code }],
});

// A name that datatypes do not have is a mistake in the table: it shows at load.
for (const [segment, lines] of Object.entries(rows)) {
  for (const { as, field } of lines)
    if (!converters[as]) throw new Error(`mappings/hl7v2/segments.json: ${segment}-${field} is to be read as ${as}`);
}

const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';

function within(template: unknown, value: unknown): any {
  if (template === '$') return value;
  if (typeof template === 'string' && template.startsWith('@'))
    return [{ coding: [{ system: PARTICIPATION, code: template.slice(1) }] }];
  if (Array.isArray(template)) return template.map((item) => within(item, value));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([name, member]) => [name, within(member, value)]));
}

/** `a.b[].c`, `a[0].b`: makes what lies on the way. A second value for a place that holds one stays out. */
function place(resource: any, path: string, value: any): void {
  const steps = path.split('.');
  let at = resource;
  for (const [i, step] of steps.entries()) {
    const [, name, index] = /^(\w+)(?:\[(\d*)\])?$/.exec(step)!;
    const isLast = i === steps.length - 1;
    if (index === undefined) {
      if (!isLast) at = at[name!] ??= {};
      else if (at[name!] === undefined) at[name!] = value;
      else if (isObject(value) && isObject(at[name!])) Object.assign(at[name!], { ...value, ...at[name!] });
      continue;
    }
    const list = (at[name!] ??= []);
    const position = index === '' ? list.length : Number(index);
    if (!isLast) at = list[position] ??= {};
    else if (Array.isArray(value)) list.push(...value);
    else if (list[position] === undefined) list[position] = value;
    else Object.assign(list[position], { ...value, ...list[position] });
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a segment says of a resource, by the lines of segments.json under `name` (the segment's own, where left out). */
export function fill(
  message: ReadMessage,
  segment: Segment,
  around: Around,
  { name = segment.name, into = {} }: { readonly name?: string; readonly into?: any } = {},
): Filled {
  const removed: { element: string; url?: string }[] = [];
  for (const row of rows[name] ?? []) {
    if (row.to !== undefined && message.isNulled(segment, row.field)) {
      const url = (row.in as any)?.url ?? (row.as === 'race' || row.as === 'ethnicity' ? RACE + row.as : undefined);
      removed.push({ element: row.to.replace(/[[.].*$/, ''), url });
      continue;
    }
    for (const part of message.parts(segment, row.field)) {
      if (row.as === 'order') part.whole();
      const value = converters[row.as]!(part, row, around);
      if (value === undefined || value === '' || row.to === undefined) continue;
      place(into, row.to, row.in === undefined ? value : within(row.in, value));
    }
  }
  return { resource: into, removed };
}
