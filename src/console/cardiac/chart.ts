/** One patient with devices: what is implanted, what it measured, what was alerted of and who did what about it. docs/dashboard.md */
import { actionSystem } from '../../alerts/acknowledge/state.ts';
import { problem } from '../../fhir/outcome.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { batteryOf, implantDatesOf, issuesOf, withoutLeads } from '../../translators/cardiac/beside.ts';
import { isAlert } from '../../translators/cardiac/lists.ts';
import { patientNamed } from '../../translators/cardiac/patient.ts';
import { alertIdOf, measuredAt } from '../../translators/cardiac/rows.ts';
import { normalFor } from './band.ts';
import { messagesOf } from './messages.ts';
import { alertNamed } from './named.ts';
import { deviceLine, masked, mrnOf, namesOf, patientWords } from './people.ts';
import { reportsOf } from './reports.ts';
import { asCsv, type Series, seriesOf, vitalSeriesOf } from './series.ts';
import type { ChartSetting } from './setting.ts';
import { deviceOfTask, isUnflagged, openTasks } from './tasks.ts';
import { vitalsIn } from './vitals.ts';

const HOUR = 3_600_000;
/** What may be asked for: a day, a week, thirty days. */
const spans = ['24', '168', '720'] as const;
/** Slow values are shown over so many hours. */
const SLOW = 24 * 90;
const slowKinds = ['battery_level', 'battery_voltage', 'lead_impedance', 'pacing_threshold', 'sensing_threshold'];
const ECG = 'urn:iso:std:iso:11073:10101|131328';

/** By the id that links have; else as the other addresses below /cardiac name a patient. */
export async function patientOf(name: string, search: Search): Promise<any> {
  if (/^[A-Za-z0-9\-.]{1,64}$/.test(name)) {
    const [one] = (await search('Patient', [['_id', name]])).matches;
    if (one) return one;
  }
  return (await patientNamed(name, search)).resource;
}

async function devicesIn(reference: string, search: Search, canonical: string): Promise<readonly any[]> {
  const { matches } = await search('Device', [
    ['patient', reference],
    withoutLeads(canonical),
    ['_sort', '-_lastUpdated'],
    ['_count', '20'],
  ]);
  return matches;
}

/** What is written of magnetic resonance, in its own words. https://hl7.org/fhir/R4/device-definitions.html#Device.safety */
const mriOf = ({ safety = [] }: any): string | null => {
  const texts: readonly string[] = safety.flatMap(({ text, coding = [] }: any) => text ?? coding[0]?.display ?? []);
  return texts.find((text) => /\bMRI?\b|magnetic/i.test(text)) ?? null;
};

async function deviceCards(
  matches: readonly any[],
  reference: string,
  search: Search,
  { canonical, rows, kinds }: ChartSetting,
): Promise<readonly any[]> {
  const dates = await implantDatesOf(matches, reference, search);
  return Promise.all(
    matches.map(async (device) => {
      const newest = async (...which: Parameters): Promise<any> => {
        const asked: Parameters = [['patient', reference], ['device', `Device/${device.id}`], ...which];
        const found = await search('Observation', [
          ...asked,
          ['status:not', 'entered-in-error'],
          ['_sort', '-date'],
          ['_count', '1'],
        ]);
        return found.matches[0];
      };
      // That a maker was asked is no word from the device.
      const last = await newest(['code:not', `${canonical}/CodeSystem/cied-connectivity|connectivity`]);
      const volts = await newest(['code', kinds.codes('battery_voltage') ?? ''], ['value-quantity:missing', 'false']);
      const { deviceIdentifier, carrierHRF } = device.udiCarrier?.[0] ?? {};
      return {
        ...deviceLine(device, rows, canonical),
        serial: masked(device.serialNumber),
        udi: carrierHRF ?? deviceIdentifier ?? null,
        implanted: dates.get(`Device/${device.id}`) ?? null,
        battery_level: await batteryOf(device, search),
        battery_voltage: volts ? { value: volts.valueQuantity.value, unit: volts.valueQuantity.unit ?? 'V' } : null,
        mri: mriOf(device),
        last_contact: last ? measuredAt(last) : null,
      };
    }),
  );
}

async function alertsOf(reference: string, search: Search, { canonical, rows }: ChartSetting): Promise<readonly any[]> {
  const asked: Parameters = [
    ['patient', reference],
    ...isAlert(canonical),
    ['_include', 'Flag:author'],
    ['_sort', '-date'],
    ['_count', '100'],
  ];
  const [active, newest] = await Promise.all([search('Flag', [...asked, ['status', 'active']]), search('Flag', asked)]);
  const all = new Map([...newest.all, ...active.all]);
  // What is active is there however old it is.
  const older = active.matches.filter(({ id }) => !newest.matches.some((one) => one.id === id));
  const matches = [...newest.matches, ...older];
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
    const alert = rows.alert(flag, issue, all.get(flag.author?.reference), '') as any;
    return {
      ...alert,
      ...alertNamed(alert.alert_type, alert.message),
      flag: flag.id,
      device: flag.author?.reference ?? null,
      is_active: flag.status === 'active',
      ended: flag.period?.end ?? null,
      deeds: deedsOf(issue).map(({ action, date, author }) => ({
        what: action.coding.find(({ system }: any) => system === actionSystem(canonical)).code,
        at: date ?? null,
        by: named(author?.reference, author?.display),
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
    ['_count', '20'],
  ]);
  return matches.flatMap((one) => {
    const { period, factor, origin, data } = one.valueSampledData ?? {};
    const at = measuredAt(one);
    return data === undefined
      ? []
      : [{ at, title: one.code?.text ?? null, period, factor: factor ?? 1, unit: origin?.code ?? '', data }];
  });
}

function hoursOf(asked: string | undefined): number {
  const hours = asked ?? spans[0];
  if (!(spans as readonly string[]).includes(hours))
    throw problem('value', `hours must be ${spans.join(' or ')}`, { expression: 'hours' });
  return Number(hours);
}

async function linesOf(
  patient: any,
  devices: readonly any[],
  hours: number,
  search: Search,
  setting: ChartSetting,
): Promise<readonly [rate: readonly Series[], vitals: readonly Series[], slow: readonly Series[]]> {
  const reference = `Patient/${patient.id}`;
  const kindsOf = new Map(
    devices.map(({ id, type }) => [`Device/${id}`, (type?.coding ?? []).flatMap(({ code }: any) => code ?? [])]),
  );
  const { canonical, now } = setting;
  const limits = await setting.limitsOf(reference);
  const normal = normalFor(limits, { person: patient, kindsOf, canonical, now });
  return Promise.all([
    seriesOf(['heart_rate'], hours, reference, search, normal, setting),
    vitalSeriesOf(vitalsIn(limits), hours, reference, search, normal, now),
    seriesOf(slowKinds, SLOW, reference, search, normal, setting),
  ]);
}

export async function chart(name: string, asked: string | undefined, search: Search, setting: ChartSetting) {
  const hours = hoursOf(asked);
  const patient = await patientOf(name, search);
  const reference = `Patient/${patient.id}`;
  const devices = await devicesIn(reference, search, setting.canonical);
  const [cards, [heartRate, vitals, slow], alerts, tasks, strips, reports] = await Promise.all([
    deviceCards(devices, reference, search, setting),
    linesOf(patient, devices, hours, search, setting),
    alertsOf(reference, search, setting),
    openTasks(search, setting.canonical, [['patient', reference]]),
    stripsOf(reference, search),
    reportsOf(reference, search, setting.canonical),
  ]);
  const activeOf = (device: string): number =>
    alerts.filter((one) => one.is_active && one.device === device).length +
    tasks.filter((one) => isUnflagged(one) && deviceOfTask(one) === device).length;
  return {
    patient: { ...patientWords(patient, patient.id, setting.now), mrn: masked(mrnOf(patient)) },
    hours,
    from: setting.now - hours * HOUR,
    to: setting.now,
    devices: cards.map((card) => ({
      ...card,
      active_alerts: activeOf(`Device/${card.id}`),
    })),
    heart_rate: heartRate,
    vitals,
    slow,
    alerts,
    strips,
    reports,
  };
}

/** The lines of the charts as CSV: the same search, in the same name. */
export async function valuesAsCsv(name: string, asked: string | undefined, search: Search, setting: ChartSetting) {
  const hours = hoursOf(asked);
  const patient = await patientOf(name, search);
  const devices = await devicesIn(`Patient/${patient.id}`, search, setting.canonical);
  return asCsv((await linesOf(patient, devices, hours, search, setting)).flat());
}
