/** Puts together what is written of one telling: the implant, its occasions, its alerts, and what is kept of them. docs/implants.md */
import type { Entry } from '../../interactions/interaction.ts';
import type { Change, Store } from '../../store/store.ts';
import { asNew, put } from '../intake/entries.ts';
import { type Aside, createAside } from './aside.ts';
import { type Asked, type Entries, nothing, putRow } from './asked.ts';
import { connectivityObservation, contactOf } from './connectivity.ts';
import { metric, monitorIdOf } from './device.ts';
import type { KeptAlert, KeptImplant, KeptOccasion } from './kept.ts';
import { digest, isTimed, newsOf, type Occasion } from './occasion.ts';
import { namesOf } from './patient.ts';
import { type Placed, place, placeAgain } from './place.ts';
import { type TermSpec, termOf } from './terms.ts';
import type { Told } from './told.ts';
import { writeAlert } from './told-alert.ts';
import { isSettled, partsOf, withoutData, writeOccasion } from './told-occasion.ts';

export interface WriteParts {
  readonly store: Pick<Store, 'read' | 'get' | 'search'>;
  readonly canonical: string;
}

/** Clocks differ by minutes; a time a day ahead is a fault. */
const FURTHEST_AHEAD = 24 * 3_600_000;

const reasons: Readonly<Record<'unreadable' | 'implausible', string>> = {
  unreadable: 'The value is no number, or its unit is none of its kind',
  implausible: 'The value is outside of what can be',
};

/** Who tells: makers' pages and messages of one device name different things, and each is held against what it said itself. */
const sourceOf = ({ implant: { maker, deviceId, leads }, patient }: Told): string =>
  digest([maker, deviceId === undefined, leads === undefined, Object.keys(namesOf(patient)).sort()]);

/** Without what changes with every poll. */
const printOf = ({ implant: { lastContact: _heard, ...implant }, patient }: Told): string => digest([implant, patient]);

/** An occasion as it is put aside. */
const rowOf = ({ report, ...told }: Occasion) => ({ ...told, ...(report && { report: withoutData(report) }) });

/** Nothing at all is told on it, so that all there is to say is that it was. */
const isBare = ({ told, strips, report }: Occasion): boolean =>
  told.length === 0 && strips.length === 0 && report === undefined;

function weigh(row: Asked['occasions'][number]) {
  const before = row.kept?.value as KeptOccasion | undefined;
  const news = newsOf(row.occasion, before);
  const parts = partsOf(row.occasion, before);
  const { added, changed, refused } = news;
  const count = added.length + changed.length + refused.length + parts.fresh.length + parts.unreadable.length;
  return {
    ...row,
    before,
    news,
    parts,
    isNews: count > 0 || (isSettled(row.occasion, before) && !isBare(row.occasion)),
  };
}
type Weighed = ReturnType<typeof weigh>;

export async function write(asked: Asked, parts: WriteParts): Promise<Entries> {
  const { told, own, now } = asked;
  const kept = own.kept?.value as KeptImplant | undefined;
  const source = sourceOf(told);
  const print = printOf(told);
  const contact = contactOf(told);
  const weighed = asked.occasions.map(weigh);
  const duplicate = weighed.reduce((sum, { news }) => sum + news.duplicates, 0);
  const fresh = weighed.filter(({ isNews }) => isNews);
  const alerts = asked.alerts.filter(
    ({ alert, kept: row }) => (row?.value as KeptAlert | undefined)?.told !== digest(alert),
  );
  const isKnown = kept?.told[source] === print;
  const isHeard = contact === undefined || contact === kept?.contact;
  const aside = createAside(asked);
  for (const row of [...told.readings, ...told.interrogations])
    if (!isTimed(row)) aside.putOnce('unreadable', 'It does not say when it was', row, { device: kept?.device });
  if (isKnown && fresh.length === 0 && alerts.length === 0 && isHeard && aside.quarantined.length === 0) {
    const { device, patient } = kept;
    return { entries: [], also: [], device, patient, outcome: { ...nothing, duplicate } };
  }

  const instants = asked.occasions.map(({ occasion }) => occasion.instant);
  const placing = { ...parts, now };
  const again = isKnown ? await placeAgain(kept, placing) : undefined;
  const placed = again ?? (await place(told, kept, instants, placing));
  if ('code' in placed) {
    const { implant, patient } = told;
    const rows = [...fresh.map(({ occasion }) => rowOf(occasion)), ...alerts.map(({ alert }) => alert)];
    for (const row of rows.length > 0 ? rows : [undefined])
      aside.putOnce(placed.code, placed.reason, { implant, patient, ...(row && { row }) });
    const outcome = { ...nothing, duplicate, quarantined: aside.quarantined };
    return { entries: [], also: aside.changes(), outcome };
  }

  const { device, patient } = placed;
  const occasions = await writeOccasions(fresh, placed, asked, aside, parts);
  const noticed = await writeAlerts(alerts, placed, asked, parts);
  const metrics = kept?.metrics ?? [];
  const measured = occasions.specs.filter(({ code }) => !metrics.includes(code));
  const at = { canonical: parts.canonical, implant: asked.implant, device, patient, issued: now };
  const quarantined = aside.quarantined;
  const entries = [
    ...placed.entries,
    ...measured.map((spec) => put(metric(spec, told.implant, asked.implant, device, parts.canonical), asNew)),
    ...occasions.entries,
    ...noticed.entries,
    ...(isHeard ? [] : [put(connectivityObservation(told, at), asNew)]),
  ];
  const outcome = { ...occasions.counted, duplicate, quarantined, alertsNew: noticed.isNew };
  const also = [...occasions.also, ...noticed.also, ...aside.changes()];
  // All of it had been put aside before.
  if (entries.length === 0 && also.length === 0 && isKnown) return { entries, also, device, patient, outcome };
  const next: KeptImplant = {
    ...placed.kept,
    device,
    patient,
    told: { ...kept?.told, [source]: print },
    metrics: [...metrics, ...measured.map(({ code }) => code)],
    latest: Math.max(kept?.latest ?? 0, occasions.latest),
    contact: contact ?? kept?.contact,
  };
  return { entries, also: [...placed.also, ...also, putRow(own, next)], device, patient, outcome };
}

/** All of them at once: each looks at the store where it was told of before. */
async function writeOccasions(
  fresh: readonly Weighed[],
  placed: Placed,
  asked: Asked,
  aside: Aside,
  { store, canonical }: WriteParts,
) {
  const { told, implant, cied, now } = asked;
  const { device } = placed;
  const monitor = told.implant.monitor && `Device/${monitorIdOf(told.implant.monitor)}`;
  const specs = new Map<string, TermSpec>();
  const also: Change[] = [];
  const counted = { new: 0, corrected: 0 };
  let latest = 0;
  const written = fresh.map(async ({ occasion, before, news, parts, ...row }): Promise<readonly Entry[]> => {
    const { at, instant, name, transmission } = occasion;
    const patient = before?.patient ?? placed.patientAt(instant);
    if (instant > now + FURTHEST_AHEAD) {
      aside.putOnce('implausible', 'It is said to be of a time that is yet to come', rowOf(occasion), { device });
      return [];
    }
    if (patient === undefined) {
      aside.putOnce('no-patient', 'Nobody is known to have had the device at that time', rowOf(occasion), { device });
      return [];
    }
    for (const { item, fault } of news.refused)
      aside.put(fault, reasons[fault], { at, name, ...item }, { device, patient });
    for (const { part, row: piece } of parts.unreadable)
      aside.put('unreadable', `The ${part.split('|')[0]} cannot be read`, { at, name, piece }, { device, patient });
    counted.new += news.added.length;
    counted.corrected += news.changed.length;
    latest = Math.max(latest, instant);
    for (const key of news.added) {
      const { term } = news.items.get(key)!;
      const spec = term.vendor || !term.quantity ? undefined : termOf(term.code);
      if (spec) specs.set(spec.code, spec);
    }
    const { maker } = told.implant;
    const setting = {
      canonical,
      implant,
      cied,
      maker,
      device,
      patient,
      monitor,
      at,
      instant,
      issued: now,
      name,
      transmission,
    };
    const one = await writeOccasion(occasion, news, parts, before, setting, store, asked.isRetry);
    also.push(putRow(row, one.kept));
    return one.entries;
  });
  const entries = (await Promise.all(written)).flat();
  return { entries, also, counted, latest, specs: [...specs.values()] };
}

async function writeAlerts(alerts: Asked['alerts'], placed: Placed, asked: Asked, { store, canonical }: WriteParts) {
  const { told, implant, now } = asked;
  const { maker } = told.implant;
  const entries: Entry[] = [];
  const also: Change[] = [];
  const joinedNow = new Set<string>();
  let isNew = 0;
  for (const { alert, ...row } of alerts) {
    const before = row.kept?.value as KeptAlert | undefined;
    const instant = Date.parse(alert.at);
    const patient = before?.patient ?? placed.patientAt(Number.isNaN(instant) ? now : instant) ?? placed.patient;
    const at = { canonical, maker, implant, device: placed.device, patient, now };
    const one = await writeAlert(alert, before, at, store, joinedNow);
    if (!one) continue;
    entries.push(...one.entries);
    also.push(putRow(row, one.kept));
    if (one.isNew) isNew++;
  }
  return { entries, also, isNew };
}
