/** The devices, readings and alerts of one patient, page by page, newest first. docs/cardiac.md */
import type { Parameters } from '../../interactions/interaction.ts';
import { escaped } from '../../search/escapes.ts';
import { type Asked, limitOf, oneOf, timeOf } from './asked.ts';
import type { FoundPage, Search } from './asker.ts';
import { batteryOf, implantDatesOf, issuesOf, withoutLeads } from './beside.ts';
import type { ReadingKinds } from './kinds.ts';
import type { NamedPatient } from './patient.ts';
import { alertIdOf, type Rows } from './rows.ts';

export interface ListSetting {
  readonly canonical: string;
  readonly kinds: ReadingKinds;
  readonly rows: Rows;
}

export interface ListPage {
  readonly total: number;
  readonly items: readonly object[];
  /** What the page after this one is asked for with. */
  readonly next?: string;
}

export type List = (patient: NamedPatient, asked: Asked, search: Search, setting: ListSetting) => Promise<ListPage>;

export interface NamedList {
  /** Types that a row is made of. Who may not ask for one of them is refused: a row without it would say what is not so. */
  readonly needs: readonly string[];
  /** Of the parameters that it takes. */
  readonly takes: readonly string[];
  readonly list: List;
}

const nothing: ListPage = { total: 0, items: [] };
const pageOf = ({ total, next }: FoundPage, items: readonly object[]): ListPage => ({
  total: total ?? items.length,
  items,
  next,
});

const devices: List = async ({ reference, patientId }, asked, search, { canonical, rows }) => {
  const found = await search(
    'Device',
    [
      ['patient', reference],
      withoutLeads(canonical),
      ['_sort', '-_lastUpdated'],
      ['_count', `${limitOf(asked)}`],
      ['_total', 'accurate'],
    ],
    asked.page,
  );
  const dates = await implantDatesOf(found.matches, reference, search);
  const items = await Promise.all(
    found.matches.map(async (device) => {
      const { device_id, manufacturer, model, device_type, status } = rows.device(device);
      return {
        device_id,
        patient_id: patientId,
        manufacturer,
        model,
        device_type,
        implant_date: dates.get(`Device/${device.id}`) ?? null,
        battery_level: await batteryOf(device, search),
        status,
      };
    }),
  );
  return pageOf(found, items);
};

/** What is a reading: a number that a device measured. The interrogation that it stands in, strips and texts are in FHIR alone. */
export const isReading: Parameters = [
  ['device:missing', 'false'],
  ['value-quantity:missing', 'false'],
  ['status:not', 'entered-in-error'],
];

/** Undefined where no device of that name is to be seen. */
export async function ofDevice(deviceId: string, search: Search): Promise<string | undefined> {
  const { matches } = await search('Device', [
    ['identifier', escaped(deviceId)],
    ['_count', '20'],
  ]);
  return matches.length === 0 ? undefined : matches.map(({ id }) => `Device/${id}`).join(',');
}

/** Where no code has this name, the text tells. */
export const ofKind = (type: string, kinds: ReadingKinds): Parameters[number] => {
  const codes = kinds.codes(type);
  return codes === undefined ? ['code:text', escaped(type)] : ['code', codes];
};

const readings: List = async ({ reference, patientId }, asked, search, { kinds, rows }) => {
  const { type, device_id } = asked;
  const from = timeOf(asked, 'from');
  const to = timeOf(asked, 'to');
  const limit = limitOf(asked);
  const device = device_id === undefined ? undefined : await ofDevice(device_id, search);
  if (device_id !== undefined && device === undefined) return nothing;
  const parameters: Parameters = [
    ['patient', reference],
    ...isReading,
    ...(device === undefined ? [] : [['device', device] as const]),
    ...(type === undefined ? [] : [ofKind(type, kinds)]),
    ...(from === undefined ? [] : [['date', `ge${from}`] as const]),
    ...(to === undefined ? [] : [['date', `le${to}`] as const]),
    ['_include', 'Observation:device'],
    ['_sort', '-date'],
    ['_count', `${limit}`],
    ['_total', 'accurate'],
  ];
  const found = await search('Observation', parameters, asked.page);
  return pageOf(
    found,
    found.matches.map((one) => rows.reading(one, found.all.get(one.device?.reference), patientId)),
  );
};

export const isAlert = (canonical: string): Parameters => [['identifier', `${canonical}/sid/alert|`]];

const alerts: List = async ({ reference, patientId }, asked, search, { canonical, rows }) => {
  const limit = limitOf(asked);
  const isAll = oneOf(asked, 'status', ['active', 'all']) === 'all';
  const of = (count: number, more: Parameters): Parameters => [
    ['patient', reference],
    ...isAlert(canonical),
    ...more,
    ['_include', 'Flag:author'],
    ['_sort', '-date'],
    ['_count', `${count}`],
    ['_total', 'accurate'],
  ];
  const itemsIn = async ({ matches, all }: FoundPage) => {
    const issues = await issuesOf(matches, search, canonical);
    return matches.map((flag) => {
      const issue = issues.get(alertIdOf(flag, canonical));
      const row = rows.alert(flag, issue, all.get(flag.author?.reference), patientId);
      return isAll ? { ...row, ...rows.past(flag, issue) } : row;
    }) as readonly AlertRow[];
  };
  if (isAll) {
    const found = await search('Flag', of(limit, []), asked.page);
    return pageOf(found, await itemsIn(found));
  }
  // Whether an alert was acknowledged is not to be searched for: those that are active are few, and looked through.
  const active: AlertRow[] = [];
  for (let page: string | undefined, isMore = true; isMore; isMore = page !== undefined) {
    const found: FoundPage = await search('Flag', of(500, [['status', 'active']]), page);
    active.push(...(await itemsIn(found)));
    page = found.next;
  }
  const isOpen = ({ acknowledged }: AlertRow) => !acknowledged;
  const left = active.slice(startOf(active, asked.page)).filter(isOpen);
  const items = left.slice(0, limit);
  const last = items.at(-1);
  const next = last && left.length > limit ? `${last.timestamp} ${last.alert_id}` : undefined;
  return { total: active.filter(isOpen).length, items, next };
};

interface AlertRow {
  readonly alert_id: string;
  readonly timestamp: string | null;
  readonly acknowledged: boolean;
}

/** Behind the alert that a page ended with; behind its time, where it is not active any more. */
function startOf(active: readonly AlertRow[], page: string | undefined): number {
  if (page === undefined) return 0;
  const [time = '', ...id] = page.split(' ');
  const at = active.findIndex(({ alert_id }) => alert_id === id.join(' '));
  if (at >= 0) return at + 1;
  const later = active.findIndex(({ timestamp }) => Date.parse(timestamp ?? '') < Date.parse(time));
  return later < 0 ? active.length : later;
}

export const lists: Readonly<Record<'devices' | 'readings' | 'alerts', NamedList>> = {
  devices: {
    needs: ['Patient', 'Device', 'DeviceUseStatement', 'Observation'],
    takes: ['limit', 'page'],
    list: devices,
  },
  readings: {
    needs: ['Patient', 'Device', 'Observation'],
    takes: ['type', 'from', 'to', 'device_id', 'limit', 'page'],
    list: readings,
  },
  alerts: {
    needs: ['Patient', 'Device', 'Flag', 'DetectedIssue'],
    takes: ['status', 'limit', 'page'],
    list: alerts,
  },
};
