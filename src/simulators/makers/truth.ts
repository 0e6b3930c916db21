/** What a correct client must have in the end, which rows it must have kept aside and why, and what came twice or never. For tests. */
import { hash } from 'node:crypto';
import type { Cast } from './cast.ts';
import type { Dialect } from './dialect.ts';
import type { FaultName } from './faults.ts';
import { quarantineOf, unknownKind } from './reading.ts';
import type { Quantity, Row, Severity, Timeline } from './timeline.ts';
import { idcoOf } from './transmission.ts';

export interface TrueReading {
  readonly id: string;
  readonly device: string;
  /** Whose the device was when it was measured. */
  readonly patient: string;
  readonly quantity: Quantity;
  /** The maker's word for it. */
  readonly kind: string;
  readonly channel?: string;
  /** Digits; in `unit`, whatever the wire said. */
  readonly value: string;
  readonly unit: 'bpm' | 'V' | 'mV' | 'ohm' | '%' | 's';
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly transmission: string;
}

export interface Truth {
  readonly now: string;
  readonly patients: readonly {
    readonly id: string;
    readonly family: string;
    readonly given: string;
    readonly birthDate: string;
  }[];
  readonly devices: readonly {
    readonly id: string;
    readonly patient: string;
    readonly kind: string;
    readonly model: string;
    readonly serial: string;
    readonly state: string;
    /** How often its state has changed since the first transmission of this run. */
    readonly transitions: number;
  }[];
  readonly readings: readonly TrueReading[];
  /** Rows that are never stored as readings. */
  readonly bad: readonly {
    readonly id: string;
    readonly device: string;
    readonly fault: FaultName;
    readonly quarantine: string;
  }[];
  /** Rows that are told twice and stored once. */
  readonly duplicates: readonly { readonly id: string; readonly fault: FaultName }[];
  /** Reports that are there and that a readable reading names. With a fault it is never stored. */
  readonly reports: readonly {
    readonly transmission: string;
    readonly device: string;
    /** Whose the device was then. */
    readonly patient: string;
    readonly at: string;
    /** Of the PDF, in base64. */
    readonly sha1: string;
    readonly fault?: FaultName;
  }[];
  readonly alerts: readonly {
    readonly id: string;
    readonly device: string;
    readonly patient: string;
    readonly code: string;
    readonly severity: Severity;
    readonly acknowledged: boolean;
    readonly acknowledgedBy?: string;
  }[];
  readonly missing: readonly { readonly device: string; readonly from: string; readonly to: string }[];
}

export interface TruthParts {
  readonly cast: Cast;
  readonly timeline: Timeline;
  readonly dialect: Dialect;
  readonly begins: number;
  readonly acknowledgedBy: (alert: string) => string | undefined;
}

const iso = (at: number) => new Date(at).toISOString();

export function tellTruth({ cast, timeline, dialect, begins, acknowledgedBy }: TruthParts, now: number): Truth {
  const patients: Truth['patients'][number][] = [];
  const devices: Truth['devices'][number][] = [];
  const readings: TrueReading[] = [];
  const bad: Truth['bad'][number][] = [];
  const duplicates: Truth['duplicates'][number][] = [];
  const reports: Truth['reports'][number][] = [];
  const alerts: Truth['alerts'][number][] = [];
  const missing: Truth['missing'][number][] = [];
  for (let number = 1; number <= cast.size; number++) {
    const { id, family, given, birthDate, devices: owned } = cast.patient(number);
    patients.push({ id, family, given, birthDate });
    for (const device of owned) {
      let transitions = 0;
      for (let at = begins; at + device.cadence <= now; at += device.cadence)
        if (timeline.state(device, at) !== timeline.state(device, at + device.cadence)) transitions++;
      const { kind, model, serial } = device;
      const state = timeline.state(device, now);
      devices.push({ id: device.id, patient: timeline.ownerAt(device, now), kind, model, serial, state, transitions });
      const transmissions = new Map<string, Row[]>();
      for (const row of timeline.rows(device, begins, now)) {
        const word = dialect.reading.kinds[row.quantity];
        if (word === undefined) continue;
        const quarantine = quarantineOf(dialect, row);
        if (quarantine) bad.push({ id: row.id, device: device.id, fault: row.fault!, quarantine });
        else {
          const { report, transmission } = row;
          if (dialect.reading.transmission && report && report.from <= now)
            transmissions.set(transmission, [...(transmissions.get(transmission) ?? []), row]);
          readings.push({
            id: row.id,
            device: device.id,
            patient: timeline.ownerAt(device, row.at),
            quantity: row.quantity,
            kind: row.fault === 'unknown-enum' ? unknownKind(word) : word,
            channel: row.channel,
            value: row.value,
            unit: row.unit as TrueReading['unit'],
            at: iso(row.at),
            transmission: row.transmission,
          });
        }
        if (row.fault?.startsWith('duplicate')) duplicates.push({ id: row.id, fault: row.fault });
      }
      for (const [transmission, [first]] of transmissions) {
        const { pdf } = idcoOf(timeline.transmission(transmission, now), dialect, cast);
        reports.push({
          transmission,
          device: device.id,
          patient: timeline.ownerAt(device, first!.at),
          at: iso(first!.at),
          sha1: hash('sha1', pdf, 'base64'),
          fault: first!.report!.fault,
        });
      }
      for (const { id: alert, code, severity, at } of timeline.alerts(device, now)) {
        const by = acknowledgedBy(alert);
        const patient = timeline.ownerAt(device, at);
        alerts.push({
          id: alert,
          device: device.id,
          patient,
          code,
          severity,
          acknowledged: by !== undefined,
          acknowledgedBy: by,
        });
      }
      for (const gap of timeline.missing(device, now))
        if (gap.to - gap.from > dialect.missingAfterMinutes * 60_000)
          missing.push({ device: device.id, from: iso(gap.from), to: iso(gap.to) });
    }
  }
  return { now: iso(now), patients, devices, readings, bad, duplicates, reports, alerts, missing };
}
