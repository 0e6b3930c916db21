/** The pages of a simulated maker: patients, devices, readings, alerts, status, acknowledgements, transmissions. domain.md 2.11 */
import type { Cast, SimDevice } from './cast.ts';
import type { Dialect, Endpoint } from './dialect.ts';
import { type FaultName, faultNames, faults } from './faults.ts';
import { digits, tellReading } from './reading.ts';
import { shuffled } from './spoil.ts';
import type { Timeline } from './timeline.ts';

export interface Reply {
  readonly status: number;
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PageAsk {
  readonly endpoint: Endpoint;
  readonly id: string;
  readonly query: URLSearchParams;
  /** Path and query as they were asked for, below the base URL. */
  readonly url: URL;
  readonly body: unknown;
  readonly key: string | undefined;
  readonly happening: ReadonlySet<FaultName>;
  readonly now: number;
}

export interface Acknowledgement {
  readonly by: string;
  /** Ms: news for every client, where it was made at the maker's own portal. */
  readonly at?: number;
  /** Idempotency-Key of the request that made it. */
  readonly key?: string;
}

export interface PageParts {
  readonly dialect: Dialect;
  readonly cast: Cast;
  readonly timeline: Timeline;
  readonly seed: number;
  readonly begins: number;
  readonly acknowledged: Map<string, Acknowledgement>;
  transmission(id: string, accept: string, now: number): Reply | undefined;
}

const MOST = 500;

/** Ms of an ISO date, `20251117T031000Z`, or ms or s since 1970; undefined where it is none. */
function instantOf(text: string): number | undefined {
  if (/^\d{9,10}$/.test(text)) return Number(text) * 1_000;
  if (/^\d{12,14}$/.test(text)) return Number(text);
  const compact = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(.*)$/.exec(text);
  const [, ...parts] = compact ?? [];
  const at = Date.parse(compact ? `${parts.slice(0, 3).join('-')}T${parts.slice(3, 6).join(':')}${parts[6]}` : text);
  return Number.isNaN(at) ? undefined : at;
}

export const deviceOfAlert = (alert: string): string => alert.replace(/^A-(.+)-\d+$/, '$1');

export function createPages({ dialect, cast, timeline, seed, begins, acknowledged, transmission }: PageParts) {
  const refused = (status: number, code: string, text: string): Reply => ({ status, body: dialect.error(code, text) });
  const unknown = (what: string) => refused(404, 'not_found', `no ${what} has this id`);
  const rowFaultOf = (happening: ReadonlySet<FaultName>) =>
    faultNames.find((name) => faults[name].kind === 'row' && happening.has(name));

  /** `select` gives the rows from one index to another, and whether there are more; `until` keeps later pages to the time of the first. */
  function paged(
    { endpoint, query, url, happening, now }: PageAsk,
    select: (
      from: number,
      to: number,
      until: number,
    ) => { readonly rows: readonly unknown[]; readonly isMore: boolean },
  ): Reply {
    const route = dialect.routes[endpoint]!;
    const items = dialect.items[endpoint as keyof Dialect['items']];
    const limit = Math.min(MOST, Number(query.get(dialect.limitName) ?? 100));
    if (!Number.isInteger(limit) || limit < 1)
      return refused(400, 'invalid_request', `${dialect.limitName} is a number from 1`);
    const cursor = query.get(dialect.cursorName);
    const given = cursor === null ? [] : Buffer.from(cursor, 'base64url').toString().split('.').map(Number);
    const [from, until] =
      route.paging === 'offset' ? [Number(cursor ?? 0), now] : cursor === null ? [0, now] : [given[0]!, given[1]!];
    if (!Number.isInteger(from) || !(until <= now))
      return refused(400, 'invalid_request', `${dialect.cursorName} is not one of ours`);
    const { rows, isMore } = select(from, from + limit, until);
    const told = happening.has('out-of-order') ? shuffled(rows, seed) : rows;
    const next = isMore ? Buffer.from(`${from + limit}.${until}`).toString('base64url') : null;
    const onward = new URL(url);
    if (next) onward.searchParams.set(dialect.cursorName, next);
    return {
      status: 200,
      body: items === '' ? told : { [items]: told, ...(route.paging === 'cursor' && dialect.page(next)) },
      headers: route.paging === 'link' && next ? { Link: `<${onward.pathname}${onward.search}>; rel="next"` } : {},
    };
  }
  const listed =
    <T>(all: readonly T[], tell: (one: T) => readonly unknown[]) =>
    (from: number, to: number) => ({
      rows: all.slice(from, to).flatMap(tell),
      isMore: all.length > to,
    });

  const toldDevice = (device: SimDevice, now: number) => {
    const battery = timeline.battery(device, now);
    const moved = timeline.reassignedAt();
    return {
      ...device,
      state: timeline.state(device, now),
      lastNews: dialect.date(timeline.lastNews(device, now)),
      battery: battery && {
        voltage: digits(battery.voltage),
        level: digits(battery.level),
        at: dialect.date(battery.at),
      },
      since: timeline.ownerAt(device, now) === device.patient ? undefined : dialect.date(moved!),
    };
  };
  /** The devices that are the patient's now. */
  const owned = (number: number, now: number) => {
    const nearby =
      number === 4 ? [...cast.patient(3).devices, ...cast.patient(4).devices] : cast.patient(number).devices;
    const { id } = cast.patient(number);
    return nearby.filter((device) => timeline.ownerAt(device, now) === id);
  };

  /** The beginning or end of a window; undefined where it is not a date. */
  const windowOf = (name: string | undefined, query: URLSearchParams, otherwise: number) => {
    const text = name === undefined ? null : query.get(name);
    return text === null ? otherwise : instantOf(text);
  };

  function acknowledge({ id, body, key, now, happening }: PageAsk): Reply {
    const device = cast.deviceOf(deviceOfAlert(id));
    const alert = device && timeline.alerts(device, now).find((one) => one.id === id);
    if (!alert) return unknown('alert');
    const { acknowledgedBy } = (body ?? {}) as { acknowledgedBy?: unknown };
    const by = typeof acknowledgedBy === 'string' ? acknowledgedBy : 'watchfire';
    const before = acknowledged.get(id);
    const isRepeated = key !== undefined && before?.key === key;
    if (before && before.by !== by && !isRepeated)
      return refused(409, 'already_acknowledged', 'somebody else has acknowledged this alert');
    if (!before && !happening.has('acknowledgement-lost')) acknowledged.set(id, { by, key });
    return { status: 200, body: dialect.alert(alert, dialect.date(alert.at), true) };
  }

  return {
    answer(ask: PageAsk): Reply {
      const { endpoint, id, query, now, happening } = ask;
      const route = dialect.routes[endpoint]!;
      if (endpoint === 'patients')
        return paged(ask, (from, to) => ({
          rows: Array.from({ length: Math.max(0, Math.min(to, cast.size) - from) }, (_, at) => {
            const news = owned(from + at + 1, now).map((device) => timeline.lastNews(device, now));
            return dialect.patient(cast.patient(from + at + 1), dialect.date(Math.max(begins, ...news)));
          }),
          isMore: cast.size > to,
        }));
      if (endpoint === 'devices') {
        const patient = cast.patientOf(id);
        if (!patient) return unknown('patient');
        const devices = owned(Number(id.slice(dialect.house.patientPrefix.length)), now);
        return paged(
          ask,
          listed(devices, (device) => [dialect.device(toldDevice(device, now))]),
        );
      }
      if (endpoint === 'acknowledge') return acknowledge(ask);
      if (endpoint === 'transmission')
        return transmission(id, query.get('format') ?? route.format ?? '', now) ?? unknown('transmission');
      const device = cast.deviceOf(id);
      if (!device) return unknown('device');
      if (endpoint === 'status') return { status: 200, body: dialect.status(toldDevice(device, now)) };
      const from = windowOf(route.from, query, 0);
      const end = windowOf('to', query, Number.POSITIVE_INFINITY);
      if (from === undefined || end === undefined) return refused(400, 'invalid_request', 'the window is not of dates');
      if (endpoint === 'alerts')
        return paged(ask, (first, last, until) => {
          const alerts = timeline
            .alerts(device, until)
            .filter(({ id: alert, changed }) => Math.max(changed, acknowledged.get(alert)?.at ?? 0) >= from);
          return listed(alerts, (one) => [dialect.alert(one, dialect.date(one.at), acknowledged.has(one.id))])(
            first,
            last,
          );
        });
      return paged(ask, (first, last, until) => {
        const rows = timeline
          .rows(device, from, Math.min(end, until))
          .filter(({ quantity }) => dialect.reading.kinds[quantity] !== undefined);
        return listed(rows, (row) => tellReading(dialect, row, seed, rowFaultOf(happening)))(first, last);
      });
    },
  };
}
