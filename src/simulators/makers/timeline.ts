/** What happens at a simulated maker, and when: transmissions with their readings and alerts. Nothing is stored: everything follows from seed, clock and faults. */
import { drawn } from '../chance.ts';
import { type Cast, type Channel, measured, type SimDevice, type State } from './cast.ts';
import { type FaultName, faultNames, faults, type Switches } from './faults.ts';
import { batteryLevel, batteryVoltage, heartRate, impedance, paced, sensing, strip, threshold } from './values.ts';

export type Quantity =
  | 'heart_rate'
  | 'battery_voltage'
  | 'battery_level'
  | 'lead_impedance'
  | 'sensing_amplitude'
  | 'pacing_threshold'
  | 'paced_percent'
  | 'episode';

export interface Row {
  readonly id: string;
  readonly device: SimDevice;
  readonly transmission: string;
  readonly quantity: Quantity;
  readonly channel?: Channel;
  /** Digits as the maker prints them. */
  readonly value: string;
  readonly unit: string;
  /** Ms: when it was measured, and when it reached the maker. */
  readonly at: number;
  readonly arrived: number;
  /** Microvolts at 128 Hz, made when asked for. */
  readonly strip?: () => readonly number[];
  readonly fault?: FaultName;
  /** Of those whose transmission has a report: when it is there, and what is wrong with it. */
  readonly report?: { readonly from: number; readonly fault?: FaultName };
}

export type Severity = 'low' | 'medium' | 'high';
export interface SimAlert {
  readonly id: string;
  readonly device: SimDevice;
  readonly code: 'LEAD_IMPEDANCE_HIGH' | 'BATT_RRT' | 'VT_EPISODE' | 'AF_EPISODE';
  readonly severity: Severity;
  readonly message: string;
  readonly at: number;
  /** Ms of its last change. */
  readonly changed: number;
}

export interface Timeline {
  /** By arrival, from and to included. */
  rows(device: SimDevice, from: number, to: number): readonly Row[];
  alerts(device: SimDevice, to: number): readonly SimAlert[];
  state(device: SimDevice, at: number): State;
  /** The daily transmission that last told of the battery. */
  battery(
    device: SimDevice,
    to: number,
  ): { readonly at: number; readonly voltage: string; readonly level: string } | undefined;
  /** When the last news of a device arrived: it stands still until there is something new. */
  lastNews(device: SimDevice, to: number): number;
  /** Whose the device is at that instant. */
  ownerAt(device: SimDevice, at: number): string;
  /** Instants of two transmissions between which others were never sent. */
  missing(device: SimDevice, to: number): readonly { readonly from: number; readonly to: number }[];
  /** When the third patient's device becomes the fourth's, where that was switched on. */
  reassignedAt(): number | undefined;
  transmission(id: string, to: number): readonly Row[];
}

const REPORT_LATE = 30 * 60_000;
const LATE = 48 * 3_600_000;
/** Since before the first reading of any run. */
const STANDING = Date.UTC(2025, 10, 17, 3, 10);
const GAP = 4;
const rowFaults = faultNames.filter((name) => faults[name].kind === 'row');

/** What was done to a device from outside, rising by time. */
export interface Done {
  readonly at: number;
  /** Absent where the state stays: somebody acknowledged an alert. */
  readonly state?: State;
}

export interface TimelineParts {
  readonly seed: number;
  readonly cast: Cast;
  /** Ms: nothing was sent before. */
  readonly begins: number;
  readonly switches: Switches;
  /** By the id of the device. */
  readonly done?: ReadonlyMap<string, readonly Done[]>;
}

export function createTimeline({ seed, cast, begins, switches, done = new Map() }: TimelineParts): Timeline {
  const phase = (device: SimDevice) => Math.floor(device.cadence * drawn(seed, 'phase', device.id));
  const timeOf = (device: SimDevice, slot: number) =>
    Math.floor((phase(device) + slot * device.cadence) / 1_000) * 1_000;
  const slotAt = (device: SimDevice, at: number) => {
    const slot = Math.floor((at - phase(device)) / device.cadence) + 1;
    return timeOf(device, slot) <= at ? slot : slot - 1;
  };
  const isSilent = (device: SimDevice) => device.kind === 'remote-monitor' || device.explanted !== undefined;
  const hits = (name: FaultName, at: number, ...words: readonly (string | number)[]) => {
    const one = switches.at(name, at);
    return one !== undefined && drawn(seed, name, ...words) * one.every < 1;
  };
  const isLost = (device: SimDevice, slot: number) => {
    const block = Math.floor(slot / GAP);
    return hits('missing-interval', timeOf(device, block * GAP), device.id, block);
  };
  const arrival = (device: SimDevice, slot: number) => {
    const at = timeOf(device, slot);
    return hits('late-readings', at, device.id, slot) ? at + LATE : at;
  };

  /** Slots whose transmission arrived in between, by arrival. */
  function slots(device: SimDevice, from: number, to: number): readonly { slot: number; arrived: number }[] {
    if (isSilent(device)) return [];
    const wasEverLate = switches.all().some(({ name }) => name === 'late-readings');
    const first = Math.max(begins, wasEverLate ? from - LATE : from);
    const found: { slot: number; arrived: number }[] = [];
    for (let slot = slotAt(device, first - 1) + 1; timeOf(device, slot) <= to; slot++) {
      const arrived = arrival(device, slot);
      if (arrived >= from && arrived <= to && !isLost(device, slot)) found.push({ slot, arrived });
    }
    return wasEverLate ? found.sort((a, b) => a.arrived - b.arrived || a.slot - b.slot) : found;
  }

  const isDaily = (device: SimDevice, slot: number) => device.cadence * 24 > 86_400_000 || slot % 24 === 0;
  const hasTachycardia = (device: SimDevice, slot: number) =>
    (device.kind === 'icd' || device.kind === 'crt-d') && drawn(seed, 'tachycardia', device.id, slot) < 1 / 200;
  const hasFibrillation = (device: SimDevice, slot: number) =>
    device.kind === 'loop-recorder' &&
    isDaily(device, slot) &&
    (device.cadence * 24 <= 86_400_000 || drawn(seed, 'fibrillation', device.id, slot) < 0.1);

  /** Daily transmissions have one; what comes hourly has none. */
  function reportOf(device: SimDevice, slot: number, arrived: number): NonNullable<Row['report']> {
    const has = (name: FaultName) => hits(name, timeOf(device, slot), device.id, slot);
    const fault = (['broken-reports', 'huge-reports'] as const).find(has);
    return { from: has('late-reports') ? arrived + REPORT_LATE : arrived, fault };
  }

  function rowsOf(device: SimDevice, slot: number, arrived: number): readonly Row[] {
    const at = timeOf(device, slot);
    const transmission = `TX-${device.id}-${slot}`;
    const rows: Row[] = [];
    const report = isDaily(device, slot) ? reportOf(device, slot, arrived) : undefined;
    const add = (quantity: Quantity, value: string, unit: string, channel?: Channel, more?: Pick<Row, 'strip'>) => {
      const id = `R-${device.id}-${slot}-${rows.length + 1}`;
      // The row of the device tells the battery again: were it spoiled here, two truths would be told.
      const fault = quantity.startsWith('battery') ? undefined : rowFaults.find((name) => hits(name, at, id));
      rows.push({ id, device, transmission, quantity, channel, value, unit, at, arrived, fault, report, ...more });
    };
    add('heart_rate', String(hasTachycardia(device, slot) ? 204 : heartRate(device, seed, at)), 'bpm');
    if (!isDaily(device, slot)) return rows;
    add('battery_voltage', batteryVoltage(device, seed, at), 'V');
    add('battery_level', batteryLevel(device, seed, at), '%');
    for (const channel of measured(device)) {
      add('lead_impedance', impedance(device, channel, seed, at), 'ohm', channel);
      if (channel === 'HV') continue;
      add('sensing_amplitude', sensing(device, channel, seed, at), 'mV', channel);
      add('pacing_threshold', threshold(device, channel, seed, at), 'V', channel);
      if (channel === 'LV') add('paced_percent', paced(device, channel, seed, at), '%', channel);
    }
    if (hasFibrillation(device, slot)) {
      const seconds = 90 + Math.floor(600 * drawn(seed, 'lasted', device.id, slot));
      add('episode', String(seconds), 's', undefined, {
        strip: () => strip(device, seed, at, 128, 10),
      });
    }
    return rows;
  }

  function standing(device: SimDevice): readonly Omit<SimAlert, 'changed'>[] {
    const own = { device, at: STANDING, severity: 'high' } as const;
    if (device.hasBrokenLead)
      return [
        { ...own, id: `A-${device.id}-0`, code: 'LEAD_IMPEDANCE_HIGH', message: 'RV lead impedance above 2000 ohm' },
      ];
    if (device.script[0]!.state === 'low-battery')
      return [
        { ...own, id: `A-${device.id}-0`, code: 'BATT_RRT', message: 'Battery: recommended replacement time reached' },
      ];
    return [];
  }

  function alerts(device: SimDevice, to: number): readonly SimAlert[] {
    const found = [...standing(device)];
    if (device.kind !== 'pacemaker' && device.kind !== 'crt-p')
      for (const { slot, arrived } of slots(device, begins, to)) {
        const own = { id: `A-${device.id}-${slot}`, device, at: arrived };
        if (hasTachycardia(device, slot))
          found.push({ ...own, code: 'VT_EPISODE', severity: 'high', message: 'Ventricular tachycardia, 204 bpm' });
        if (hasFibrillation(device, slot))
          found.push({
            ...own,
            code: 'AF_EPISODE',
            severity: 'medium',
            message: 'Atrial fibrillation, strip recorded',
          });
      }
    return found.map((alert) => {
      // Changes when the fault comes on; an alert that opens while it is on changes a minute later.
      const changes = switches
        .all()
        .filter(({ name, until }) => name === 'severity-change' && alert.at < until)
        .map(({ from }) => Math.max(from, alert.at + 60_000));
      const changed = changes.find((at) => at <= to);
      if (changed === undefined) return { ...alert, changed: alert.at };
      return { ...alert, severity: alert.severity === 'high' ? 'medium' : 'high', changed };
    });
  }

  const reassignedAt = () => switches.all().find(({ name }) => name === 'reassigned-device')?.from;
  const isReassigned = (device: SimDevice) => device.id === cast.patient(3).devices[0]!.id;

  return {
    rows: (device, from, to) => slots(device, from, to).flatMap(({ slot, arrived }) => rowsOf(device, slot, arrived)),
    alerts,
    state(device, at) {
      const put = done.get(device.id)?.findLast((one) => one.state !== undefined && one.at <= at);
      if (put) return put.state!;
      const round = device.script.reduce((sum, { transmissions }) => sum + transmissions, 0);
      let left = ((slotAt(device, at) % round) + round) % round;
      return device.script.find(({ transmissions }) => (left -= transmissions) < 0)!.state;
    },
    lastNews(device, to) {
      const changed = switches.all().some(({ name }) => name === 'severity-change')
        ? alerts(device, to).map((one) => one.changed)
        : [];
      for (const { at } of done.get(device.id) ?? []) if (at <= to) changed.push(at);
      if (device.explanted) return Math.max(Date.parse(device.explanted), ...changed);
      if (device.kind === 'remote-monitor') return Math.max(timeOf(device, slotAt(device, to)), ...changed);
      const back = switches.all().length === 0 ? device.cadence : LATE + 4 * GAP * device.cadence;
      const sent = slots(device, to - back, to).at(-1)?.arrived ?? begins;
      return Math.max(sent, ...changed);
    },
    battery(device, to) {
      if (isSilent(device)) return undefined;
      const daily = slots(device, to - LATE - 96 * device.cadence, to).filter(({ slot }) => isDaily(device, slot));
      if (daily.length === 0) return undefined;
      const at = Math.max(...daily.map(({ slot }) => timeOf(device, slot)));
      return { at, voltage: batteryVoltage(device, seed, at), level: batteryLevel(device, seed, at) };
    },
    ownerAt(device, at) {
      const moved = reassignedAt();
      return moved !== undefined && at >= moved && isReassigned(device) ? cast.patient(4).id : device.patient;
    },
    missing(device, to) {
      const gaps: { from: number; to: number }[] = [];
      if (isSilent(device)) return gaps;
      let before: number | undefined;
      let isOpen = false;
      for (let slot = slotAt(device, begins - 1) + 1; timeOf(device, slot) <= to; slot++) {
        const at = timeOf(device, slot);
        if (isLost(device, slot)) isOpen = true;
        else {
          if (isOpen && before !== undefined) gaps.push({ from: before, to: at });
          isOpen = false;
          before = at;
        }
      }
      return gaps;
    },
    reassignedAt,
    transmission(id, to) {
      const [, deviceId = '', digits = ''] = /^TX-(.+)-(\d+)$/.exec(id) ?? [];
      const device = cast.deviceOf(deviceId);
      const slot = Number(digits);
      if (!device || isSilent(device) || isLost(device, slot)) return [];
      const arrived = arrival(device, slot);
      return timeOf(device, slot) < begins || arrived > to ? [] : rowsOf(device, slot, arrived);
    },
  };
}
