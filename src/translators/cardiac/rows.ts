/** Devices, readings and alerts in the words of the customer's tables, out of FHIR; numbers keep their digits. docs/cardiac.md */

import { acknowledgementIn, resolutionIn } from '../../alerts/acknowledge/state.ts';
import { severityOfIssue } from '../../alerts/severity.ts';
import { alertTypeIn } from '../../alerts/triple.ts';
import { implantTypeOf } from '../../ingest/implants/device.ts';
import type { ReadingKinds } from './kinds.ts';

export interface DeviceWords {
  readonly device_id: string;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly device_type: string;
  readonly status: string;
}

export interface Rows {
  device(device: any): DeviceWords;
  /** `Device/1` where it is not known what it is. */
  reading(observation: any, device: any, patientId: string): object;
  alert(flag: any, issue: any, device: any, patientId: string): object;
  /** The same of an alert that has no Flag: a device told of itself. */
  unflagged(issue: any, device: any, patientId: string | null): object;
  /** What became of an alert: who acknowledged and who ended it, and when. */
  past(flag: any, issue: any): object;
}

export interface RowsSetting {
  readonly canonical: string;
  readonly kinds: ReadingKinds;
  /** Name of the folder of a maker, by what somebody calls it. */
  readonly makerOf: (name: string) => string | undefined;
}

/** What each of ours is in the customer's five words. */
const typeWords: Readonly<Record<string, string>> = {
  pacemaker: 'pacemaker',
  icd: 'icd',
  'crt-p': 'crt',
  'crt-d': 'crt',
  'loop-recorder': 'loop_recorder',
  'remote-monitor': 'remote_monitor',
  lead: 'lead',
};

/** http://hl7.org/fhir/flag-priority-code */
const severities: Readonly<Record<string, string>> = { PH: 'critical', PM: 'warning', PL: 'info', PN: 'none' };
/** https://hl7.org/fhir/R4/valueset-detectedissue-severity.html */
const FLAG_PRIORITY = 'http://hl7.org/fhir/StructureDefinition/flag-priority';

const idOf = (reference: string | undefined): string | null => reference?.split('/').pop() ?? null;

/** When it was measured, as it was written. */
export const measuredAt = (observation: any): string | null =>
  observation.effectiveDateTime ??
  observation.effectiveInstant ??
  observation.effectivePeriod?.start ??
  observation.issued ??
  null;

/** Of its Flag or its DetectedIssue. */
export const alertIdOf = (flag: any, canonical: string): string =>
  flag.identifier?.find(({ system }: any) => system === `${canonical}/sid/alert`)?.value ?? flag.id;

/** The maker's folder and its own id of the device. */
export function makersNameOf(device: any, canonical: string): { maker: string; id: string } | undefined {
  const start = `${canonical}/sid/maker-device/`;
  const one = device?.identifier?.find(({ system }: any) => system?.startsWith(start));
  return one && { maker: one.system.slice(start.length), id: one.value };
}

export function createRows({ canonical, kinds, makerOf }: RowsSetting): Rows {
  function device(one: any): DeviceWords {
    const own = makersNameOf(one, canonical);
    return {
      device_id: own?.id ?? one.identifier?.[0]?.value ?? one.id,
      manufacturer: own?.maker ?? (one.manufacturer && makerOf(one.manufacturer)) ?? one.manufacturer ?? null,
      model: one.modelNumber ?? null,
      device_type: typeWords[implantTypeOf(one, canonical) ?? ''] ?? 'other',
      status: one.status ?? 'unknown',
    };
  }

  return {
    device,
    reading(observation, of, patientId) {
      const words = of && device(of);
      const { value, code, unit } = observation.valueQuantity ?? {};
      return {
        device_id: words?.device_id ?? idOf(observation.device?.reference),
        patient_id: patientId,
        manufacturer: words?.manufacturer ?? null,
        reading_type: kinds.of(observation),
        value: value ?? null,
        unit: code ?? unit ?? null,
        timestamp: measuredAt(observation),
        device_type: words?.device_type ?? 'other',
        status: words?.status ?? 'unknown',
      };
    },
    alert(flag, issue, of, patientId) {
      const priority = flag.extension?.find(({ url }: any) => url === FLAG_PRIORITY)?.valueCodeableConcept;
      const codings: readonly any[] = flag.code?.coding ?? [];
      const type = alertTypeIn(codings, canonical) ?? codings[0];
      return {
        alert_id: alertIdOf(flag, canonical),
        device_id: of ? device(of).device_id : idOf(flag.author?.reference),
        patient_id: patientId,
        alert_type: type?.code ?? 'unknown',
        severity: severities[priority?.coding?.[0]?.code] ?? 'none',
        message: flag.code?.text ?? type?.display ?? '',
        timestamp: flag.period?.start ?? null,
        acknowledged: acknowledgementIn(issue, canonical) !== undefined,
      };
    },
    unflagged(issue, of, patientId) {
      const type = alertTypeIn(issue.code?.coding, canonical);
      return {
        alert_id: alertIdOf(issue, canonical),
        device_id: of ? device(of).device_id : idOf(issue.author?.reference),
        patient_id: patientId,
        alert_type: type?.code ?? 'unknown',
        severity: severityOfIssue(issue) ?? 'none',
        message: issue.detail ?? issue.code?.text ?? type?.display ?? '',
        timestamp: issue.identifiedDateTime ?? null,
        acknowledged: acknowledgementIn(issue, canonical) !== undefined,
      };
    },
    past(flag, issue) {
      const seen = acknowledgementIn(issue, canonical);
      const resolved = flag.status !== 'active';
      return {
        acknowledged_by: seen?.by ?? null,
        acknowledged_at: seen?.at ?? null,
        resolved,
        resolved_by: resolutionIn(flag, issue, canonical)?.by ?? null,
        resolved_at: resolved ? (flag.period?.end ?? null) : null,
      };
    },
  };
}
