/** An OBR and what stands under it: DiagnosticReport, Observations, Specimens; the order it answers is contained. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-obr-to-diagnosticreport.html */
import { hash } from 'node:crypto';
import { clean, filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import { notTold } from './datatypes.ts';
import { devicesOf, isPlace, placesAbove, trimmed } from './devices.ts';
import type { Making } from './making.ts';
import { categoryOf, observationOf, pressureOf, type Shared } from './observation.ts';
import { isPlausible, isPressure } from './plausible.ts';
import { noteOf, type Result, resultOf } from './result.ts';
import { fill } from './rows.ts';
import { inTable, pressureNamed } from './tables.ts';
import { groupOf, isLine, joined, paired, withTimes } from './together.ts';
import { turn } from './turns.ts';
import { attachmentOf } from './value.ts';

const PLACE = 'http://hl7.org/fhir/StructureDefinition/event-location';
const NOTE = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note';

/** What stands under an OBR, in its order; a note belongs to what stands before it. */
interface Parts {
  readonly results: Result[];
  readonly specimens: { readonly segment: Segment; readonly notes: any[] }[];
  readonly notes: any[];
  readonly performers: any[];
  /** Where it took place, as extensions. */
  readonly places: any[];
}

async function partsOf(rest: readonly Segment[], making: Making): Promise<Parts> {
  const { message, around } = making;
  const parts: Parts = { results: [], specimens: [], notes: [], performers: [], places: [] };
  let notes = parts.notes;
  let performers = parts.performers;
  let places = parts.places;
  let instruments: any[] | undefined;
  for (const [i, segment] of rest.entries()) {
    await turn(i);
    if (segment.name === 'OBX') {
      const result = resultOf(message, segment, around);
      parts.results.push(result);
      ({ notes, performers, places, equipment: instruments } = result);
    } else if (segment.name === 'SPM') {
      parts.specimens.push({ segment, notes: [] });
      notes = parts.specimens.at(-1)!.notes;
      ({ performers, places } = parts);
      instruments = undefined;
    } else if (segment.name === 'NTE') {
      const note = noteOf(message, segment, around);
      if (note) notes.push(note);
    } else if (segment.name === 'PRT') {
      const taken = participantsOf(segment, making);
      performers.push(...taken.performers);
      places.push(...taken.places);
      instruments?.push(...(fill(message, segment, around, { name: 'instrument' }).resource.device ?? []));
    }
  }
  return parts;
}

const FUNCTION = 'http://hl7.org/fhir/StructureDefinition/event-performerFunction';

/** PRT: a person and an organization that took part, and as what. */
function participantsOf(segment: Segment, { message, around }: Making): { performers: any[]; places: any[] } {
  const { person = [], organization = [], location = [], role } = fill(message, segment, around).resource;
  const extension = role ? [{ url: FUNCTION, valueCodeableConcept: role }] : [];
  const performers = [...person, ...organization].map((who) => filled({ extension, ...who }));
  return { performers, places: location.map((valueReference: any) => ({ url: PLACE, valueReference })) };
}

/** `obr` undefined: results that stand under no order. */
export async function addReport(
  obr: Segment | undefined,
  rest: readonly Segment[],
  orc: Segment | undefined,
  making: Making,
) {
  const { message, around, drafts, subject, encounter, messageKey } = making;
  const parts = await partsOf(rest, making);
  const results = joined(parts.results, making);
  const said = obr ? fill(message, obr, around).resource : {};
  const order = orderOf(
    obr,
    orc,
    rest.filter(({ name }) => name === 'TQ1'),
    making,
  );
  const { effectivePeriod, ...report } = said;
  const filler = said.identifier?.find((i: any) => i.type?.coding[0].code === 'FILL') ?? said.identifier?.[0];
  const index = obr ? message.position(obr) : -1;
  const orderKey = filler ? `${filler.system}|${filler.value}` : `${messageKey}|${index}`;
  const devices = await devicesOf(message, results, drafts, around);
  const told = obr?.get(25)?.trim().toUpperCase() || undefined;
  const status = (told && inTable('0123', told)) ?? 'unknown';
  if (told && ['Y', 'Z', 'M', 'N'].includes(told)) around.warn('OBR-25 has a status that FHIR has no word for');
  else if (told && inTable('0123', told) === undefined) around.warn('a code that is not in the table 0123');

  const specimens = parts.specimens.map(({ segment, notes }) => addSpecimen(segment, notes, orderKey, making));
  const kind = said.category?.[0]?.coding?.[0]?.code;
  const category = (kind && inTable('0074', kind)) ?? (specimens.length > 0 ? 'laboratory' : undefined);
  const hasEnd = effectivePeriod?.end !== undefined;
  const shared: Shared = filled({
    subject,
    encounter,
    time: hasEnd ? undefined : effectivePeriod?.start,
    period: hasEnd ? effectivePeriod : undefined,
    issued: said.issued ?? making.sent,
    category,
    specimen: specimens.length === 1 ? specimens[0] : undefined,
  });

  const presented: any[] = [];
  const lines: string[] = [];
  const observed: Observed[] = [];
  const pressures = new Map<string, Result[]>();
  const times = new Map<string, number>();
  const timed = withTimes(results);
  const plainOf = new Map(timed.map((result, i) => [result, results[i]!]));
  const keep = (contentType: string, data: string) =>
    // By what is in it: a Binary is never changed.
    drafts.add({ resourceType: 'Binary', contentType, data }, [orderKey, 'binary', hash('sha1', data)]);
  for (const [i, plain] of results.entries()) {
    await turn(i);
    const result = timed[i]!;
    if (devices.about.has(plain)) continue;
    if (!isPlausible(result)) {
      making.aside(result.segment, 'a value that a vital sign cannot have');
      continue;
    }
    if (result.value.fault) {
      around.warn(result.value.fault);
      message.leave(result.segment, 5, result.value.fault);
    }
    if (result.value.documents.length > 0) {
      const title = result.code?.text ?? result.code?.coding?.[0]?.display;
      for (const one of result.value.documents) presented.push(attachmentOf(one, title, keep, making.raw));
    } else if (result.value.fault) continue;
    else if (result.code === undefined) {
      if (isLine(result)) lines.push(...(result.value.text === undefined ? [] : [result.value.text]));
      if (isLine(result) || result.value.values.length === 0) message.taken(result.segment);
      else message.leave(result.segment, 5, 'a value that does not say what it is of');
    } else if (result.vital !== undefined && (result.vital === 'panel' || pressureNamed(result.vital))) {
      const key = `${result.time ?? ''}|${groupOf(result)}`;
      const known = pressures.get(key);
      if (known) known.push(result);
      else pressures.set(key, [result]);
    } else {
      const device = devices.of(plain);
      const observation = observationOf(result, device ? { ...shared, device } : shared);
      observed.push({ result, reference: add(observation, result.codeKey, result) });
    }
  }
  for (const [key, group] of paired(pressures)) {
    const measured = group.filter(({ vital }) => vital !== 'panel');
    if (!isPressure(measured)) {
      for (const { segment } of group) making.aside(segment, 'a systolic pressure that is not above the diastolic');
      continue;
    }
    const panel = group.find(({ vital }) => vital === 'panel');
    const [first = panel!] = measured;
    const device = devices.of(plainOf.get(first)!);
    const observation = pressureOf(
      measured.length > 0 ? measured : [first],
      panel,
      device ? { ...shared, device } : shared,
    );
    observed.push({ result: panel ?? first, reference: drafts.add(observation, [orderKey, 'blood-pressure', key]) });
  }

  // Several of one thing in one order are told apart by their place.
  function add(observation: any, codeKey: string, { sub, time, identifier }: Result): string {
    const [own] = identifier;
    const key = own ? [`${own.system}|${own.value}`, codeKey] : [orderKey, codeKey, sub, time ?? ''];
    const name = JSON.stringify(key);
    const n = times.get(name) ?? 0;
    times.set(name, n + 1);
    return drafts.add(observation, n === 0 ? key : [...key, n]);
  }

  if (devices.about.size === 0) addMembers(observed, drafts);

  if (lines.length > 0) {
    const bytes = Buffer.from(lines.join('\n'), 'utf8');
    presented.push(attachmentOf({ contentType: 'text/plain', bytes }, clean(said.code?.text, 200), keep, making.raw));
  }
  if (!obr) return { observed, presented };
  const { extension = [], ...others } = report;
  const reference = drafts.add(
    filled({
      resourceType: 'DiagnosticReport',
      contained: order && [order],
      ...others,
      extension: [
        ...extension,
        ...parts.places,
        ...parts.notes.map((valueAnnotation) => ({ url: NOTE, valueAnnotation })),
      ],
      basedOn: order && [{ reference: '#order' }],
      status,
      category: [...(category ? [categoryOf(category)] : []), ...(said.category ?? [])],
      code: said.code ?? notTold(),
      subject: { reference: subject },
      encounter: encounter && { reference: encounter },
      ...(hasEnd ? { effectivePeriod } : filled({ effectiveDateTime: effectivePeriod?.start })),
      issued: said.issued ?? making.sent,
      performer: [...(said.performer ?? []), ...parts.performers],
      specimen: specimens.map((specimen) => ({ reference: specimen })),
      result: observed.map((o) => ({ reference: o.reference })),
      presentedForm: presented,
    }),
    [orderKey, said.code?.coding?.[0]?.code ?? ''],
    (existing, next) => (drafts.isOutdated(existing, next) ? undefined : withResults(existing, next)),
  );
  making.focus.push(reference);
  if (devices.first) making.device ??= devices.first;
  making.occurred ??= effectivePeriod?.start;
  return { observed, presented: [] };
}

/** A report that comes in parts keeps the results of all. */
function withResults(existing: any, said: any): any {
  const news = new Set(said.result?.map((r: any) => r.reference));
  const result = [...(existing.result ?? []).filter((r: any) => !news.has(r.reference)), ...(said.result ?? [])];
  return filled({ ...said, result });
}

/** What stands below another by OBX-4 is a member of it. */
function addMembers(observed: readonly Observed[], drafts: Making['drafts']): void {
  const members = new Map<string, string[]>();
  for (const { result, reference } of observed) {
    if (!isPlace(result.sub)) continue;
    for (const place of placesAbove(result.sub)) {
      const known = members.get(place);
      if (known) known.push(reference);
      else members.set(place, [reference]);
    }
  }
  for (const { result, reference } of observed) {
    const below = isPlace(result.sub) ? members.get(trimmed(result.sub)) : undefined;
    if (below) drafts.edit(reference, (o) => ({ ...o, hasMember: below.map((r) => ({ reference: r })) }));
  }
}

interface Observed {
  readonly result: Result;
  readonly reference: string;
}

/** What ORC and OBR say of the order that is answered. Contained, so that nobody can take it for an order to be carried out. */
function orderOf(
  obr: Segment | undefined,
  orc: Segment | undefined,
  timings: readonly Segment[],
  { message, around, subject }: Making,
): any {
  if (!obr) return undefined;
  const order: any = {};
  if (orc) fill(message, orc, around, { into: order });
  fill(message, obr, around, { name: 'order', into: order });
  for (const tq1 of timings) fill(message, tq1, around, { into: order });
  if (order.occurrenceDateTime !== undefined) delete order.occurrencePeriod;
  const { identifier = [], code, status, ...rest } = order;
  const numbers = [...new Map(identifier.map((i: any) => [JSON.stringify(i), i])).values()];
  // What the report itself has is no order of its own.
  const isMore = numbers.some((i: any) => i.type?.coding[0].code !== 'FILL');
  if (!isMore && Object.keys(rest).length === 0) return undefined;
  return filled({
    resourceType: 'ServiceRequest',
    id: 'order',
    identifier: numbers,
    status: status ?? 'unknown',
    intent: 'order',
    ...rest,
    code,
    subject: { reference: subject },
  });
}

function addSpecimen(segment: Segment, notes: readonly any[], orderKey: string, making: Making): string {
  const { message, around, drafts, subject } = making;
  const { resource } = fill(message, segment, around);
  const [number] = resource.identifier ?? [];
  const index = message.position(segment);
  return drafts.add(
    filled({
      resourceType: 'Specimen',
      ...resource,
      subject: { reference: subject },
      note: [...(resource.note ?? []), ...notes],
    }),
    [orderKey, number ? `${number.system}|${number.value}` : index],
  );
}
