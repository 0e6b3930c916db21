/** One patient with devices: what is implanted, what it measured, what was alerted of and who did what about it. docs/dashboard.md */
import { actionSystem } from '../../alerts/acknowledge/state.ts';
import { problem } from '../../fhir/outcome.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { batteryOf, implantDatesOf, issuesOf, withoutLeads } from '../../translators/cardiac/beside.ts';
import type { ReadingKinds } from '../../translators/cardiac/kinds.ts';
import { isAlert } from '../../translators/cardiac/lists.ts';
import { patientNamed } from '../../translators/cardiac/patient.ts';
import { alertIdOf, measuredAt, type Rows } from '../../translators/cardiac/rows.ts';
import { messagesOf } from './messages.ts';
import { deviceLine, namesOf, patientWords } from './people.ts';

export interface ChartSetting {
  readonly canonical: string;
  readonly rows: Rows;
  readonly kinds: ReadingKinds;
  readonly now: number;
}

const HOUR = 3_600_000;
/** What may be asked for: a day, a week, thirty days. */
const spans = ['24', '168', '720'] as const;
/** Slow values are shown over so many hours. */
const SLOW = 24 * 90;
const MOST_POINTS = 1_000;
const slowKinds = ['battery_level', 'battery_voltage', 'lead_impedance', 'pacing_threshold', 'sensing_threshold'];
const ECG = 'urn:iso:std:iso:11073:10101|131328';

/** By the id that links have; else as the other addresses below /cardiac name a patient. */
async function patientOf(name: string, search: Search): Promise<any> {
  if (/^[A-Za-z0-9\-.]{1,64}$/.test(name)) {
    const [one] = (await search('Patient', [['_id', name]])).matches;
    if (one) return one;
  }
  return (await patientNamed(name, search)).resource;
}

async function devicesOf(reference: string, search: Search, { canonical, rows }: ChartSetting): Promise<object[]> {
  const { matches } = await search('Device', [
    ['patient', reference],
    withoutLeads(canonical),
    ['_sort', '-_lastUpdated'],
    ['_count', '20'],
  ]);
  const dates = await implantDatesOf(matches, reference, search);
  return Promise.all(
    matches.map(async (device) => {
      const newest = await search('Observation', [
        ['patient', reference],
        ['device', `Device/${device.id}`],
        ['status:not', 'entered-in-error'],
        // That a maker was asked is no word from the device.
        ['code:not', `${canonical}/CodeSystem/cied-connectivity|connectivity`],
        ['_sort', '-date'],
        ['_count', '1'],
      ]);
      const { deviceIdentifier, carrierHRF } = device.udiCarrier?.[0] ?? {};
      return {
        ...deviceLine(device, rows, canonical),
        udi: carrierHRF ?? deviceIdentifier ?? null,
        implanted: dates.get(`Device/${device.id}`) ?? null,
        battery_level: await batteryOf(device, search),
        last_contact: newest.matches[0] ? measuredAt(newest.matches[0]) : null,
      };
    }),
  );
}

interface Series {
  readonly kind: string;
  /** Channel of a lead, or what else tells it from its like. */
  readonly name: string;
  readonly unit: string;
  /** Milliseconds and value, oldest first; where it was judged to be beyond its limits, how. */
  readonly points: (readonly [at: number, value: unknown, beyond?: string])[];
}

/** What the Observation says of itself, by the limits of this very patient. */
const beyondIn = ({ interpretation = [] }: any): string | undefined =>
  interpretation
    .flatMap(({ coding = [] }: any) => coding.map(({ code }: any) => code))
    .find((code: string) => ['H', 'HH', 'L', 'LL'].includes(code));

/** The newest values of these kinds, each code and unit a line of its own. */
async function seriesOf(
  kindsAsked: readonly string[],
  hours: number,
  reference: string,
  search: Search,
  { kinds, now }: ChartSetting,
): Promise<readonly Series[]> {
  const codes = kindsAsked.flatMap((kind) => kinds.codes(kind) ?? []).join(',');
  const { matches } = await search('Observation', [
    ['patient', reference],
    ['code', codes],
    ['status:not', 'entered-in-error'],
    ['value-quantity:missing', 'false'],
    ['date', `ge${new Date(now - hours * HOUR).toISOString()}`],
    ['_sort', '-date'],
    ['_count', `${MOST_POINTS}`],
  ]);
  const lines = new Map<string, Series>();
  for (const one of matches.toReversed()) {
    const kind = kinds.of(one);
    const { value, code, unit = code } = one.valueQuantity;
    const at = Date.parse(measuredAt(one) ?? '');
    if (Number.isNaN(at)) continue;
    const name = one.code?.text ?? one.code?.coding?.[0]?.display ?? kind;
    const key = `${kind} ${name} ${code ?? unit}`;
    const line: Series = lines.get(key) ?? { kind, name, unit: unit ?? '', points: [] };
    const beyond = beyondIn(one);
    line.points.push(beyond === undefined ? [at, value] : [at, value, beyond]);
    lines.set(key, line);
  }
  return [...lines.values()].sort((a, b) => kindsAsked.indexOf(a.kind) - kindsAsked.indexOf(b.kind));
}

async function alertsOf(reference: string, search: Search, { canonical, rows }: ChartSetting): Promise<object[]> {
  const asked: Parameters = [
    ['patient', reference],
    ...isAlert(canonical),
    ['_include', 'Flag:author'],
    ['_sort', '-date'],
    ['_count', '100'],
  ];
  const { matches, all } = await search('Flag', asked);
  const issues = await issuesOf(matches, search, canonical);
  const deedsOf = (issue: any): readonly any[] =>
    (issue?.mitigation ?? []).filter(({ action }: any) =>
      action?.coding?.some(({ system }: any) => system === actionSystem(canonical)),
    );
  const authors = [...issues.values()].flatMap((issue) => deedsOf(issue).map(({ author }) => author?.reference ?? ''));
  const [named, said] = await Promise.all([
    namesOf(authors, search),
    messagesOf(
      matches.map(({ id }) => `Flag/${id}`),
      search,
    ),
  ]);
  return matches.map((flag) => {
    const issue = issues.get(alertIdOf(flag, canonical));
    return {
      ...rows.alert(flag, issue, all.get(flag.author?.reference), ''),
      flag: flag.id,
      is_active: flag.status === 'active',
      ended: flag.period?.end ?? null,
      deeds: deedsOf(issue).map(({ action, date, author }) => ({
        what: action.coding.find(({ system }: any) => system === actionSystem(canonical)).code,
        at: date ?? null,
        by: author?.reference ? named(author.reference) : (author?.display ?? null),
      })),
      said: said.get(`Flag/${flag.id}`) ?? [],
    };
  });
}

async function stripsOf(reference: string, search: Search): Promise<object[]> {
  const { matches } = await search('Observation', [
    ['patient', reference],
    ['code', ECG],
    ['status:not', 'entered-in-error'],
    ['_sort', '-date'],
    ['_count', '5'],
  ]);
  return matches.flatMap((one) => {
    const { period, factor, origin, data } = one.valueSampledData ?? {};
    const at = measuredAt(one);
    return data === undefined
      ? []
      : [{ at, title: one.code?.text ?? null, period, factor: factor ?? 1, unit: origin?.code ?? '', data }];
  });
}

export async function chart(name: string, asked: string | undefined, search: Search, setting: ChartSetting) {
  const hours = asked ?? spans[0];
  if (!(spans as readonly string[]).includes(hours))
    throw problem('value', `hours must be ${spans.join(' or ')}`, { expression: 'hours' });
  const patient = await patientOf(name, search);
  const reference = `Patient/${patient.id}`;
  const [devices, heartRate, slow, alerts, strips] = await Promise.all([
    devicesOf(reference, search, setting),
    seriesOf(['heart_rate'], Number(hours), reference, search, setting),
    seriesOf(slowKinds, SLOW, reference, search, setting),
    alertsOf(reference, search, setting),
    stripsOf(reference, search),
  ]);
  const from = setting.now - Number(hours) * HOUR;
  return {
    patient: patientWords(patient, patient.id, setting.now),
    hours: Number(hours),
    from,
    to: setting.now,
    devices,
    heart_rate: heartRate,
    slow,
    alerts,
    strips,
  };
}
